import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/backend/pool/deferred';
import { WakeError, type WakeRequest } from '../../src/backend/power/wake';
import { runWake } from '../../src/backend/verbs/wake';
import { emptyFolder } from './driveFolder';
import { VirtualClock } from './virtualClock';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Who was woken, by the second. */
  readonly woken: Readonly<Record<string, readonly string[]>>;
}

interface Play {
  readonly hosts?: number;
  /** `boot:` of pxen.yaml. */
  readonly boot?: string;
  readonly names?: readonly string[];
  readonly json?: boolean;
  /** Second at which it is interrupted. */
  readonly interruptedAt?: number;
  readonly isLinkUp?: boolean;
  readonly wakeHost?: (request: WakeRequest) => Promise<void>;
}

async function drive(hosts: number, boot: string): Promise<string> {
  const folder = await emptyFolder();
  await mkdir(path.join(folder, 'hosts'));
  await writeFile(path.join(folder, 'pxen.yaml'), `kind: Cluster\nname: rack\nnetwork: {subnet: 127.0.0.0/8, server: 127.0.0.1}\nboot: ${boot}\n`);
  const spec = (number: number) => `kind: Host\nname: node${String(number).padStart(2, '0')}\nmacs: ["52:54:00:aa:00:${String(number).padStart(2, '0')}"]\naddress: 127.0.1.${number}\ncpus: 8\nmemory: 32GiB\nwake: {method: wol}\n`;
  await writeFile(path.join(folder, 'hosts', 'rack.host.yaml'), Array.from({ length: hosts }, (_, index) => spec(index + 1)).join('---\n'));
  return folder;
}

async function play({ hosts = 10, boot = '{wakeAtOnce: 4, wakePause: 2s}', names = [], json = false, interruptedAt, isLinkUp = true, wakeHost }: Play): Promise<Ended> {
  const clock = new VirtualClock();
  const begun = clock.now();
  const abort = new AbortController();
  const [out, err]: [string[], string[]] = [[], []];
  const woken: Record<string, string[]> = {};
  const parts = {
    clock,
    interfaces: () => os.networkInterfaces(),
    isLinkUp: () => Promise.resolve(isLinkUp),
    wakeHost: async (request: WakeRequest) => {
      await wakeHost?.(request);
      (woken[`${(clock.now() - begun) / 1000} s`] ??= []).push(request.host.name);
    },
  };
  const firstWord = deferred<undefined>();
  const io = {
    out: (text: string) => void out.push(text),
    err: (text: string) => {
      err.push(text);
      firstWord.resolve(undefined);
    },
    interactive: false,
    env: {},
    signal: abort.signal,
  };
  const running = runWake({ words: [await drive(hosts, boot), ...names], json }, io, parts);
  // Until the first of several waves the drive is read, which takes real time: the clock stands still meanwhile.
  await Promise.race([firstWord.promise, running]);
  if (interruptedAt !== undefined) clock.after(interruptedAt * 1000, () => abort.abort(new Error('interrupted')));
  const code = await clock.runUntil(running);
  return { code, out: out.join(''), err: err.join(''), woken };
}

describe('pxen wake', () => {
  it('wakes in the waves that pxen.yaml names, and tells each as it begins', async () => {
    expect(await play({})).toEqual({
      code: 0,
      woken: { '0 s': ['node01', 'node02', 'node03', 'node04'], '2 s': ['node05', 'node06', 'node07', 'node08'], '4 s': ['node09', 'node10'] },
      err: 'Wave 1 of 3: node01, node02, node03, node04. The next one follows in 2 s.\nWave 2 of 3: node05, node06, node07, node08. The next one follows in 2 s.\nWave 3 of 3: node09, node10.\n',
      out: 'Magic packets sent to node01, node02, node03, node04, node05, node06, node07, node08, node09, node10.\n',
    });
  });

  it('wakes four at once, three seconds apart, where pxen.yaml says nothing', async () => {
    const { woken } = await play({ hosts: 8, boot: '{}' });
    expect(woken).toEqual({ '0 s': ['node01', 'node02', 'node03', 'node04'], '3 s': ['node05', 'node06', 'node07', 'node08'] });
  });

  it('makes one wave of the hosts that are named, and says nothing of waves', async () => {
    expect(await play({ names: ['node09', 'node02'] })).toEqual({ code: 0, woken: { '0 s': ['node02', 'node09'] }, err: '', out: 'Magic packets sent to node02, node09.\n' });
  });

  it('tells of each host that could not be woken, and wakes the others in their waves', async () => {
    const failing = ['node02', 'node09'];
    const { code, out, err, woken } = await play({ json: true, wakeHost: ({ host }) => (failing.includes(host.name) ? Promise.reject(new WakeError(`${host.name}: the interface is down`)) : Promise.resolve()) });
    expect(code).toBe(3);
    expect(woken).toEqual({ '0 s': ['node01', 'node03', 'node04'], '2 s': ['node05', 'node06', 'node07', 'node08'], '4 s': ['node10'] });
    expect(JSON.parse(out)).toMatchObject({ failed: failing.map((host) => ({ host, reason: `${host}: the interface is down` })) });
    expect(err).toMatch(/node02: the interface is down\nnode09: the interface is down\n$/);
  });

  it('exits with 2 when no packet left', async () => {
    const { code, err } = await play({ names: ['node01', 'node02'], wakeHost: ({ host }) => Promise.reject(new WakeError(`${host.name}: no`)) });
    expect({ code, err }).toEqual({ code: 2, err: 'node01: no\nnode02: no\n' });
  });

  it('says so when the link is down, where packets would leave for nowhere', async () => {
    const { code, err, woken } = await play({ isLinkUp: false });
    expect([code, woken, err]).toEqual([2, {}, expect.stringMatching(/^The link of lo is down, so no magic packet can leave\. Is its cable plugged in/)]);
  });

  it('ends when it is interrupted between two waves, and tells who was not woken', async () => {
    const { code, out, err, woken } = await play({ json: true, interruptedAt: 3 });
    expect(code).toBe(3);
    expect(woken).toEqual({ '0 s': ['node01', 'node02', 'node03', 'node04'], '2 s': ['node05', 'node06', 'node07', 'node08'] });
    expect(JSON.parse(out)).toMatchObject({ woken: expect.arrayContaining(['node08']) as unknown, failed: [{ host: 'node09' }, { host: 'node10' }] });
    expect(err).toMatch(/node10 wasn't woken: interrupted before its magic packets had left\.\n$/);
  });

  it('tells what waking a host warned of', async () => {
    const { code, err } = await play({
      names: ['node01'],
      wakeHost: ({ log }) => {
        log('warn', 'node01: magic packets left for one target only.');
        return Promise.resolve();
      },
    });
    expect({ code, err }).toEqual({ code: 0, err: 'node01: magic packets left for one target only.\n' });
  });
});
