import { describe, expect, it } from 'vitest';
import type { PoolSnapshot } from '../../src/protocol';
import { poolTree, type PoolView, type TreeNode } from '../../src/views/poolTree';
import { hostStatus, MODEL, PLAN, snapshot, vmStatus } from './pool';

const DRIVE: PoolView = { drive: '/drives/attic', folderName: 'attic-drive', model: MODEL, plan: PLAN, errors: 0 };

/** One line a node: label, description, icon and colour. */
function drawn(nodes: readonly TreeNode[], indent = ''): string {
  return nodes
    .map(({ label, description, icon, children }) => {
      const look = icon.color === undefined ? icon.id : `${icon.id} ${icon.color}`;
      return `\n${indent}${label}${description === '' ? '' : ` — ${description}`} (${look})${drawn(children, `${indent}  `)}`;
    })
    .join('');
}

const live = (state: PoolSnapshot) => drawn(poolTree([{ ...DRIVE, snapshot: state }]));

const find = (nodes: readonly TreeNode[], label: string): TreeNode | undefined =>
  nodes.flatMap((node) => [node, ...node.children, ...node.children.flatMap(({ children }) => children)]).find((node) => node.label === label);

describe('the pool tree', () => {
  it('shows the planned pool while nothing runs, and why a VM has no host', () => {
    expect(drawn(poolTree([DRIVE]))).toBe(`
node1 — 8 CPUs · 32 GiB (server)
  r0 — raid1 · 900 GiB (database)
  db1 — 2 vCPUs · 4 GiB (vm-outline)
node2 — 8 CPUs · 32 GiB (server)
  r0 — raid1 · 900 GiB (database)
  dns1 — 1 vCPU · 1 GiB (vm-outline)
  web1 — 2 vCPUs · 2 GiB (vm-outline)
Without a host — 1 VM (warning list.warningForeground)
  huge — node1 has 28 GiB free, huge needs 64 GiB (vm-outline list.warningForeground)
    node1 has 28 GiB free, huge needs 64 GiB (info)
    node2 has 29 GiB free, huge needs 64 GiB (info)`);
  });

  it('shows what each host and VM is doing while the pool comes up', () => {
    const arrays = [{ name: 'r0', state: 'degraded' as const, mounted: true }];
    const state = snapshot(
      'booting',
      [hostStatus('node1', 'kernel', 41.6, { attempt: 2 }), hostStatus('node2', 'ready', 100, { arrays, xenVersion: '4.20.0' })],
      [vmStatus('db1', 'waiting'), vmStatus('dns1', 'running', { host: 'node2' }), vmStatus('huge', 'unplaced', { reason: 'no host has 64 GiB' }), vmStatus('web1', 'starting', { host: 'node2' })],
    );
    expect(live(state)).toBe(`
node1 — kernel · 42 % · attempt 2 (loading~spin)
  r0 — raid1 · 900 GiB (database)
  db1 — waiting (clock)
node2 — ready · Xen 4.20.0 (server list.warningForeground)
  r0 — raid1 · 900 GiB · degraded (database list.warningForeground)
  dns1 — running (vm-running testing.iconPassed)
  web1 — starting (loading~spin)
Without a host — 1 VM (warning list.warningForeground)
  huge — no host has 64 GiB (vm-outline list.warningForeground)
    no host has 64 GiB (info)`);
  });

  it('says which hosts wait for their wave', () => {
    const waits = 'waits to be switched on: 1 at a time, every 3 s';
    const state = snapshot('booting', [hostStatus('node1', 'waking', 5), hostStatus('node2', 'waking', 5, { waits })], []);
    expect(poolTree([{ ...DRIVE, snapshot: state }]).map(({ label, description, icon }) => `${label}: ${description} (${icon.id})`).slice(0, 2)).toEqual(['node1: waking · 5 % (loading~spin)', `node2: ${waits} (clock)`]);
  });

  it('says why a host failed and what became of its VMs', () => {
    const state = snapshot(
      'partly',
      [hostStatus('node1', 'failed', 10, { cause: 'it never asked for an address' }), hostStatus('node2', 'off', 0)],
      [
        vmStatus('db1', 'unplaced', { reason: 'its disk lies on node1, which is not up' }),
        vmStatus('dns1', 'failed', { host: 'node2', reason: 'its kernel is missing' }),
        vmStatus('huge', 'unplaced'),
        vmStatus('web1', 'stopped', { host: 'node2' }),
      ],
    );
    expect(live(state)).toBe(`
node1 — failed: it never asked for an address (error list.errorForeground)
  r0 — raid1 · 900 GiB (database)
node2 — off (server disabledForeground)
  r0 — raid1 · 900 GiB (database)
  dns1 — failed: its kernel is missing (error list.errorForeground)
  web1 — stopped (vm-outline)
Without a host — 2 VMs (warning list.warningForeground)
  db1 — its disk lies on node1, which is not up (vm-outline list.warningForeground)
    its disk lies on node1, which is not up (info)
  huge — node1 has 28 GiB free, huge needs 64 GiB (vm-outline list.warningForeground)
    node1 has 28 GiB free, huge needs 64 GiB (info)
    node2 has 29 GiB free, huge needs 64 GiB (info)`);
  });

  it('keeps VMs that start only when asked apart from those that no host takes', () => {
    const plan = { ...PLAN, assignments: { db1: 'node1', dns1: 'node2' } };
    expect(drawn(poolTree([{ ...DRIVE, plan }]))).toMatch(/\nNot started — 1 VM \(circle-slash\)\n {2}web1 — 2 vCPUs · 2 GiB \(vm-outline\)$/);
  });

  it('follows a VM to where it really runs, whatever the plan says', () => {
    const state = snapshot('up', [hostStatus('node1', 'ready', 100), hostStatus('node2', 'ready', 100)], [vmStatus('db1', 'running', { host: 'node2' })]);
    const [, node2] = poolTree([{ ...DRIVE, snapshot: state }]);
    expect(node2?.children.map(({ label }) => label)).toContain('db1');
  });

  it('keeps the last good pool under the number of errors', () => {
    expect(drawn(poolTree([{ ...DRIVE, errors: 2 }]))).toMatch(/^\n2 errors in the specs — below is the pool before them \(error .*\)\nnode1/);
    const { drive, folderName } = DRIVE;
    expect(drawn(poolTree([{ drive, folderName, errors: 1 }]))).toBe('\n1 error in the specs (error list.errorForeground)');
  });

  it('gives each of several drives a node of its own', () => {
    const other: PoolView = { drive: '/drives/cellar', folderName: 'cellar', errors: 1 };
    expect(poolTree([DRIVE, other]).map(({ label, description }) => `${label}: ${description}`)).toEqual(['attic: 2 hosts, 4 VMs', 'cellar: ']);
  });

  it('keeps the id of each thing whatever its state, and never gives one twice', () => {
    const ids = (nodes: readonly TreeNode[]): string[] => nodes.flatMap((node) => [node.id, ...ids(node.children)]);
    const before = ids(poolTree([DRIVE, { ...DRIVE, drive: '/drives/copy' }]));
    expect(new Set(before).size).toBe(before.length);
    const running = snapshot('up', [hostStatus('node1', 'ready', 100)], [vmStatus('db1', 'running', { host: 'node1' })]);
    expect(ids(poolTree([{ ...DRIVE, snapshot: running }, { ...DRIVE, drive: '/drives/copy' }]))).toEqual(before);
  });

  it('tells loads, disks and order in tooltips, with nothing of the specs turned into Markdown', () => {
    const tree = poolTree([DRIVE]);
    expect(find(tree, 'node2')?.tooltip).toContain('2 VMs: 3 vCPUs, 3 GiB of memory');
    expect(find(tree, 'db1')?.tooltip).toContain('disk root: 40 GiB, 120 MB/s on node1/r0');
    expect(find(tree, 'web1')?.tooltip).toContain('starts after dns1');
    expect(find(tree, 'r0')?.tooltip).toContain('raid1 of S1\\*, S2\\*');
  });
});
