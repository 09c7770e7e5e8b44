import { describe, expect, it } from 'vitest';
import type { HostModel, NetworkModel, PoolModel } from '../../src/backend/drive/model';
import { answeredBesidePool, answeredBySpecs } from '../../src/backend/pool/answered';
import { aHost, aModel } from './models';

const running = aModel([aHost('node1'), aHost('node2')], []);
const node1 = running.hosts[0]!;
const drive = (hosts: readonly HostModel[], network: Partial<NetworkModel> = {}): PoolModel => ({ ...running, hosts, cluster: { ...running.cluster, network: { ...running.cluster.network, ...network } } });
const rest = running.hosts.slice(1);
const shown = ({ hosts }: PoolModel) => hosts.map(({ name, macs, address }) => `${name} ${macs.join('+')} ${address}`);
const NODE1 = 'node1 52:54:00:aa:00:01 10.77.0.11';
const NODE2 = 'node2 52:54:00:aa:00:02 10.77.0.12';

describe('a drive edited while its pool runs', () => {
  it.each<[string, PoolModel, readonly string[], readonly RegExp[]]>([
    ['a MAC that was changed is known at once', drive([{ ...node1, macs: ['52:54:00:aa:00:99'] }, ...rest]), ['node1 52:54:00:aa:00:99 10.77.0.11', NODE2], []],
    ['a host whose address was changed keeps the one it runs with', drive([{ ...node1, address: '10.77.0.50' }, ...rest]), [NODE1, NODE2], [/^node1 keeps its address 10\.77\.0\.11 .*; then it gets 10\.77\.0\.50\.$/]],
    ['what the plan rests on stays', drive([{ ...node1, reserve: { cpus: 2, memoryBytes: 1 } }, ...rest]), [NODE1, NODE2], []],
    ['a new host is answered', drive([...running.hosts, aHost('node3')]), [NODE1, NODE2, 'node3 52:54:00:aa:00:03 10.77.0.13'], [/^node3 is new on the drive: it is answered/]],
    ['a new host with the address of one that runs is not', drive([{ ...node1, address: '10.77.0.50' }, ...rest, { ...aHost('node3'), address: node1.address }]), [NODE1, NODE2], [/^node1 keeps/, /^node3 is new .* isn't answered: node1 has its address 10\.77\.0\.11/]],
    ['a host that was removed is kept', drive(rest), [NODE1, NODE2], [/^node1 isn't on the drive any more; the pool keeps it/]],
    ['but not the MAC of it that is another host’s now', drive([...rest, { ...aHost('node3'), macs: node1.macs }]), [NODE2, 'node3 52:54:00:aa:00:01 10.77.0.13'], [/^node1 isn't on the drive/, /^node3 is new/]],
    ['another network waits, with all that belongs to it', drive([{ ...node1, address: '10.78.0.11' }], { subnet: '10.78.0.0/24', server: '10.78.0.1' }), [NODE1, NODE2], [/^All machines are answered as before/]],
  ])('%s', (_what, edited, hosts, notes) => {
    const answered = answeredBesidePool(running, edited);
    expect(shown(answered.model)).toEqual(hosts);
    expect(answered.model.hosts.find(({ name }) => name === 'node1')?.reserve).toEqual(hosts[0] === NODE2 ? undefined : node1.reserve);
    expect(answered.notes).toEqual(notes.map((note) => expect.stringMatching(note) as string));
  });

  it('follows the drive in all else: the range, the mode, the image', () => {
    const edited = drive(running.hosts, { dhcp: 'proxy', domain: 'other.internal' });
    expect(answeredBesidePool(running, edited).model.cluster).toEqual(edited.cluster);
  });
});

it('what sockets can’t follow is told, with a pool and without', () => {
  const off = drive(running.hosts, { dhcp: 'off' });
  for (const answered of [answeredBySpecs, answeredBesidePool]) {
    expect(answered(off, running).notes).toEqual([expect.stringMatching(/^network\.dhcp is authoritative now, and was off .* until it is started anew\.$/)]);
    expect(answered(running, off).notes).toEqual([]);
    expect(answered(running, drive(running.hosts, { interface: 'eth1' })).notes).toEqual([expect.stringMatching(/^network\.interface changed/)]);
  }
  expect(answeredBySpecs(running, drive(running.hosts, { server: '10.77.0.2' })).notes).toEqual([expect.stringMatching(/stays at 10\.77\.0\.1 until/)]);
});
