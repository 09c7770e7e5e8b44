import { describe, expect, it } from 'vitest';
import type { Domain } from '../../src/backend/hosts/control';
import type { LockedDisk } from '../../src/backend/drive/state';
import { type HostKnowledge, type StartFacts, mayStart } from '../../src/backend/pool/machine/safety';
import type { DiskKnowledge } from '../../src/backend/pool/machine/state';
import { parsePlace, uuidOf } from './models';

const VM = { name: 'db1', uuid: uuidOf('db1') };

const asked = (...domains: readonly Domain[]): HostKnowledge => ({ kind: 'asked', askedAt: 0, domains });
const domain = (name: string, uuid = uuidOf(name), state: Domain['state'] = 'running'): Domain => ({ name, uuid, id: 1, memoryBytes: 1, vcpus: 1, state });

const lockedAt = (text: string): LockedDisk => ({ ...parsePlace(text), sizeBytes: 1, ...(text.endsWith(':adopted') && { adopted: true }) });

/** `seen`: copies as `place:generation`; `locked`: what the drive records, `:adopted` when it was merely found. */
function disk(seen: readonly string[], locked?: string, more: Partial<DiskKnowledge> = {}): DiskKnowledge {
  return {
    vm: 'db1',
    disk: 'root',
    copies: seen.map((text) => ({ ...parsePlace(text), vmUuid: VM.uuid, sizeBytes: 1, seenAt: 0 })),
    locked: locked === undefined ? undefined : lockedAt(locked),
    ...more,
  };
}

function facts(parts: { readonly hosts?: Readonly<Record<string, HostKnowledge>>; readonly disks?: readonly DiskKnowledge[]; readonly lastHost?: string; readonly mounts?: readonly string[]; readonly unread?: readonly string[]; readonly now?: number }): StartFacts {
  return {
    now: parts.now ?? 0,
    freshMs: 5_000,
    hosts: new Map(Object.entries({ node1: asked(), node2: asked(), ...parts.hosts })),
    lastHost: parts.lastHost,
    unread: parts.unread ?? [],
    mounts: (parts.mounts ?? ['node1/r0', 'nas']).map((text) => parsePlace(text).place),
    disks: parts.disks ?? [disk(['node1/r0:1'], 'node1/r0:1')],
  };
}

describe('a VM is started', () => {
  const allowed: readonly (readonly [string, StartFacts])[] = [
    ['when every host was asked and its disk is there', facts({})],
    ['when a host that was switched off held its disk’s older copy', facts({ hosts: { node2: { kind: 'quiet' } }, disks: [disk(['node1/r0:2', 'node2/r0:1'], 'node1/r0:2')] })],
    ['when a silent host has nothing of it', facts({ hosts: { node3: { kind: 'silent' } } })],
    ['without disks, when a silent host was not the last to run it', facts({ hosts: { node2: { kind: 'silent' } }, disks: [], lastHost: 'node1' })],
    ['from shared storage, when the last host to run it was asked', facts({ hosts: { node2: { kind: 'silent' } }, disks: [disk(['nas:1'], 'nas:1')], lastHost: 'node1' })],
    ['for the first time from shared storage, when a silent host was never the one to run it', facts({ hosts: { node2: { kind: 'silent' } }, disks: [disk(['nas:1'], 'nas:1')] })],
    ['beside a twin of its disk that was made and never recorded', facts({ disks: [disk(['node1/r0:1', 'node2/r0:1'], 'node1/r0:1')] })],
    ['from a newer copy than the drive knows of', facts({ disks: [disk(['node1/r0:3'], 'node2/r0:2')] })],
    ['from a disk that was merely found, once all others were read', facts({ disks: [disk(['node1/r0:1', 'node2/r0:0'], 'node1/r0:1:adopted')] })],
    ['from a disk that the drive records, whoever wasn’t read', facts({ unread: ['node3'] })],
    ['beside other domains', facts({ hosts: { node1: asked(domain('web1')) } })],
  ];
  it.each(allowed)('%s', (_, known) => {
    expect(mayStart(VM, 'node1', known)).toEqual({ ok: true });
  });
});

describe('a VM is not started', () => {
  const denied: readonly (readonly [string, StartFacts, string, RegExp])[] = [
    ['while it runs on another host', facts({ hosts: { node2: asked(domain('db1')) } }), 'runs', /runs already on node2/],
    ['while it runs under another name', facts({ hosts: { node2: asked(domain('db1--incoming', VM.uuid)) } }), 'runs', /runs already on node2/],
    ['while it is still shutting down', facts({ hosts: { node1: asked(domain('db1', VM.uuid, 'dying')) } }), 'runs', /still shutting down on node1/],
    ['while its crashed domain is kept', facts({ hosts: { node1: asked(domain('db1', VM.uuid, 'crashed')) } }), 'runs', /runs already/],
    ['when a silent host was the last to run it', facts({ hosts: { node2: { kind: 'silent' } }, lastHost: 'node2', disks: [] }), 'silent-host', /node2 can't be asked .* last to run it/],
    ['when a silent host holds any copy of its disk', facts({ hosts: { node2: { kind: 'silent' } }, disks: [disk(['node1/r0:2', 'node2/r0:1'], 'node1/r0:2')] }), 'silent-host', /holds its disk root/],
    ['when the drive records its disk on a silent host', facts({ hosts: { node2: { kind: 'silent' } }, disks: [disk(['node1/r0:1'], 'node2/r0:1')] }), 'silent-host', /holds its disk root/],
    ['from shared storage, when a silent host may have it and no record says who ran it', facts({ hosts: { node2: { kind: 'silent' } }, unread: ['node2'], disks: [disk(['nas:1'], 'nas:1:adopted')] }), 'disk', /no record of disk root .* node2, which may hold a newer copy or run it/],
    ['without its disk', facts({ disks: [disk([])] }), 'disk', /doesn't exist yet/],
    ['when its disk is gone from where the drive records it', facts({ disks: [disk([], 'node1/r0:1')] }), 'disk', /belongs on node1\/r0 in generation 1, but isn't there/],
    ['from a copy older than the one recorded', facts({ disks: [disk(['node1/r0:1'], 'node1/r0:2')] }), 'disk', /generation 2, but isn't there/],
    ['on a host that has only an older copy', facts({ disks: [disk(['node1/r0:1', 'node2/r0:2'], 'node2/r0:2')] }), 'disk', /newest copy .* is on node2\/r0, not on node1/],
    ['when two copies are alike and no record decides', facts({ disks: [disk(['node1/r0:1', 'node2/r0:1'], 'node1/r0:1:adopted')] }), 'disk', /exists twice, on node1\/r0 and node2\/r0/],
    ['from an array that isn’t mounted now', facts({ mounts: ['node1/r1', 'nas'] }), 'disk', /on node1\/r0, which isn't mounted on node1/],
    ['from shared storage that its host hasn’t mounted', facts({ mounts: ['node1/r0'], disks: [disk(['nas:1'], 'nas:1')] }), 'disk', /on shared storage nas, which isn't mounted on node1/],
    ['from a disk that was merely found, while another host may hold a newer copy', facts({ unread: ['node3'], disks: [disk(['node1/r0:1'], 'node1/r0:1:adopted')] }), 'disk', /found on node1\/r0, but node3, which may hold a newer copy/],
    ['from a disk of another VM of that name', facts({ disks: [disk([], 'node1/r0:1', { copies: [{ ...parsePlace('node1/r0:1'), vmUuid: uuidOf('other'), sizeBytes: 1, seenAt: 0 }] })] }), 'disk', /belongs to another VM/],
    ['beside a foreign domain of its name', facts({ hosts: { node1: asked(domain('db1', uuidOf('other'))) } }), 'name-taken', /another domain named db1 runs on node1/],
    ['before every reachable host was asked', facts({ hosts: { node2: { kind: 'unasked' } } }), 'ask-first', /asking node2/],
    ['when the asking was too long ago', facts({ now: 5_001 }), 'ask-first', /asking node1/],
    ['on a host that can’t be asked', facts({ hosts: { node1: { kind: 'quiet' } } }), 'ask-first', /node1 can't be asked/],
  ];
  it.each(denied)('%s', (_, known, code, reason) => {
    expect(mayStart(VM, 'node1', known)).toMatchObject({ ok: false, code, reason: expect.stringMatching(reason) as string });
  });

  it('where it lies within the reach of one more silent host, whatever else is known', () => {
    for (const lastHost of [undefined, 'node1', 'node2']) {
      for (const where of ['node3/r0:1', 'node3/r0:2']) {
        const known = facts({ hosts: { node3: { kind: 'silent' } }, disks: [disk(['node1/r0:2', where], 'node1/r0:2')], ...(lastHost === undefined ? {} : { lastHost }) });
        expect(mayStart(VM, 'node1', known)).toMatchObject({ ok: false, code: 'silent-host' });
      }
    }
  });
});
