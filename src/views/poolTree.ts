/** The pool tree's content: a pure function of what the drives say, what is planned, and what is. `treeProvider.ts` shows it. */

import type { ArrayModel, HostModel, PoolModel, VmModel } from '../backend/drive/model';
import type { ArrayStatus, HostStatus, PlanJson, PoolSnapshot, VmStatus } from '../protocol';
import { arrayTooltip, hostTooltip, unplacedTooltip, vmTooltip } from './tooltips';
import { arrayLook, hostLook, vmLook, type Icon } from './looks';
import { count } from './count';

/** All that is known of one drive's pool. */
export interface PoolView {
  /** Absolute path of the drive: its id in the tree. */
  readonly drive: string;
  /** What to call it when there is no model. */
  readonly folderName: string;
  /** The model of the specs as they stand, or as they last stood without errors. */
  readonly model?: PoolModel;
  readonly plan?: PlanJson;
  readonly snapshot?: PoolSnapshot;
  /** Errors in the specs right now. */
  readonly errors: number;
}

export type NodeKind = 'drive' | 'problems' | 'host' | 'array' | 'vm' | 'unplaced' | 'idle' | 'reason';

export interface TreeNode {
  /** Stable while the thing exists, so that expansion and selection survive each change. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly drive: string;
  /** Of the host, array, VM or cluster; empty for the others. */
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** Markdown. */
  readonly tooltip: string;
  readonly icon: Icon;
  readonly expanded: boolean;
  readonly children: readonly TreeNode[];
}

/** One drive's pool fills the tree; several get a node each. */
export function poolTree(pools: readonly PoolView[]): readonly TreeNode[] {
  const [only] = pools;
  if (pools.length === 1 && only) return nodesOf(only);
  return pools.map((pool) => {
    const children = nodesOf(pool);
    const name = pool.model?.cluster.name ?? pool.folderName;
    return {
      id: pool.drive,
      kind: 'drive' as const,
      drive: pool.drive,
      name,
      label: name,
      description: pool.model ? `${count(pool.model.hosts.length, 'host')}, ${count(pool.model.vms.length, 'VM')}` : '',
      tooltip: pool.drive,
      icon: { id: 'server-environment' },
      expanded: true,
      children,
    };
  });
}

function nodesOf(pool: PoolView): readonly TreeNode[] {
  const problems = pool.errors === 0 ? [] : [problemsNode(pool)];
  if (!pool.model) return problems;
  const placed = placements(pool, pool.model);
  return [
    ...problems,
    ...pool.model.hosts.map((host) => hostNode(pool, host, pool.model?.vms.filter((vm) => placed.get(vm.name) === host.name) ?? [])),
    ...hostlessNodes(pool, pool.model.vms.filter((vm) => !placed.has(vm.name))),
  ];
}

/** VM to host: where it is, else where it is planned. A VM that the running pool left out is nowhere, whatever the plan says. */
function placements(pool: PoolView, model: PoolModel): ReadonlyMap<string, string> {
  const statuses = byName(pool.snapshot?.vms ?? []);
  const hosts = new Set(model.hosts.map(({ name }) => name));
  const placed = new Map<string, string>();
  for (const { name } of model.vms) {
    const status = statuses.get(name);
    const host = status?.host ?? (status?.state === 'unplaced' ? undefined : pool.plan?.assignments[name]);
    if (host !== undefined && hosts.has(host)) placed.set(name, host);
  }
  return placed;
}

function problemsNode(pool: PoolView): TreeNode {
  return {
    id: `${pool.drive}#problems`,
    kind: 'problems',
    drive: pool.drive,
    name: '',
    label: `${count(pool.errors, 'error')} in the specs`,
    description: pool.model ? 'below is the pool before them' : '',
    tooltip: 'Nothing can be booted until they are corrected. Click to see them.',
    icon: { id: 'error', color: 'list.errorForeground' },
    expanded: false,
    children: [],
  };
}

function hostNode(pool: PoolView, host: HostModel, vms: readonly VmModel[]): TreeNode {
  const status = pool.snapshot?.hosts.find(({ name }) => name === host.name);
  return {
    id: `${pool.drive}#host/${host.name}`,
    kind: 'host',
    drive: pool.drive,
    name: host.name,
    label: host.name,
    ...hostLook(host, status),
    tooltip: hostTooltip(host, status, vms),
    expanded: true,
    children: [
      ...host.arrays.map((array) => arrayNode(pool, host, array, status)),
      ...vms.map((vm) => vmNode(pool, vm, [])),
    ],
  };
}

function arrayNode(pool: PoolView, host: HostModel, array: ArrayModel, hostStatus: HostStatus | undefined): TreeNode {
  const status: ArrayStatus | undefined = hostStatus?.arrays.find(({ name }) => name === array.name);
  return {
    id: `${pool.drive}#array/${host.name}/${array.name}`,
    kind: 'array',
    drive: pool.drive,
    name: host.name,
    label: array.name,
    ...arrayLook(array, status),
    tooltip: arrayTooltip(array, status),
    expanded: false,
    children: [],
  };
}

function vmNode(pool: PoolView, vm: VmModel, reasons: readonly string[]): TreeNode {
  const status: VmStatus | undefined = pool.snapshot?.vms.find(({ name }) => name === vm.name);
  return {
    id: `${pool.drive}#vm/${vm.name}`,
    kind: 'vm',
    drive: pool.drive,
    name: vm.name,
    label: vm.name,
    ...vmLook(vm, status, reasons),
    tooltip: reasons.length > 0 ? unplacedTooltip(vm, reasons) : vmTooltip(vm, status, pool.plan),
    expanded: false,
    children: reasons.map((reason, index) => reasonNode(pool, vm, reason, index)),
  };
}

function reasonNode(pool: PoolView, vm: VmModel, reason: string, index: number): TreeNode {
  return {
    id: `${pool.drive}#reason/${vm.name}/${index}`,
    kind: 'reason',
    drive: pool.drive,
    name: vm.name,
    label: reason,
    description: '',
    tooltip: reason,
    icon: { id: 'info' },
    expanded: false,
    children: [],
  };
}

/** VMs that no host takes, with their reasons; then those that nobody has asked for yet. */
function hostlessNodes(pool: PoolView, vms: readonly VmModel[]): readonly TreeNode[] {
  // Without a plan nothing is known of any VM's place: the specs have errors, or the plan isn't there yet.
  if (!pool.plan && !pool.snapshot) return [];
  const reasons = new Map(vms.map((vm) => [vm.name, reasonsOf(pool, vm.name)]));
  const leftOut = vms.filter((vm) => reasons.get(vm.name)?.length !== 0);
  return [
    ...groupNode(pool, leftOut, {
      id: 'unplaced',
      label: 'Without a host',
      tooltip: 'No host has room for these VMs, or none may run them. Each says why.',
      icon: { id: 'warning', color: 'list.warningForeground' },
      nodeOf: (vm) => vmNode(pool, vm, reasons.get(vm.name) ?? []),
    }),
    ...groupNode(pool, vms.filter((vm) => !leftOut.includes(vm)), {
      id: 'idle',
      label: 'Not started',
      tooltip: 'These VMs wait for their turn, or start only when asked (`start.auto: false`).',
      icon: { id: 'circle-slash' },
      nodeOf: (vm) => vmNode(pool, vm, []),
    }),
  ];
}

interface Group {
  readonly id: 'unplaced' | 'idle';
  readonly label: string;
  readonly tooltip: string;
  readonly icon: Icon;
  readonly nodeOf: (vm: VmModel) => TreeNode;
}

function groupNode(pool: PoolView, vms: readonly VmModel[], { id, nodeOf, ...look }: Group): readonly TreeNode[] {
  if (vms.length === 0) return [];
  return [{ id: `${pool.drive}#${id}`, kind: id, drive: pool.drive, name: '', description: count(vms.length, 'VM'), expanded: true, children: vms.map(nodeOf), ...look }];
}

function reasonsOf(pool: PoolView, vm: string): readonly string[] {
  const status = pool.snapshot?.vms.find(({ name }) => name === vm);
  if (status && status.state !== 'unplaced') return [];
  if (status?.reason !== undefined) return [status.reason];
  return pool.plan?.unplaced.find((unplaced) => unplaced.vm === vm)?.reasons ?? [];
}

function byName<T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}
