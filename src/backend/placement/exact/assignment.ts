/**
 * The placement as a mixed-integer program: how many VMs of each class run on each host, and how many of their disks lie on each volume.
 * `docs/placement.md` has the equations.
 */

import { at, Packing } from '../packing';
import { LOAD_STEPS, loadSteps, type Problem, type Solution } from '../problem';
import { hostLoads } from '../objective';
import { hostsAlike, vmClasses, type VmClass } from './classes';
import { ProgramBuilder } from './program';

/**
 * What the program can count beside the VMs left out. `loads`: hosts whose load reaches the last of these steps (hundredths, falling); no host exceeds
 * the first, and of those between as many hosts reach each as `reach` says.
 */
export type Counted = { readonly kind: 'nothing' } | { readonly kind: 'hosts in use' } | { readonly kind: 'largest load' } | { readonly kind: 'loads'; readonly steps: readonly number[]; readonly reach: readonly number[] };

type Entry = readonly [column: number, value: number];

export class AssignmentProgram {
  readonly program = new ProgramBuilder();
  readonly classes: readonly VmClass[];
  /** Column of how many of each class are left out. */
  readonly out: readonly number[];
  /** Columns whose sum is the counted thing; empty for `nothing`. */
  readonly counted: readonly number[];
  /** `on.get(class)?.get(host)`: column of how many of the class run there. */
  private readonly on: ReadonlyMap<number, number>[];
  /** `lies[class][position].get(volume)`: column of how many disks at this position lie there. */
  private readonly lies: ReadonlyMap<number, number>[][];
  private readonly groupOn = new Map<string, number>();
  /** How many of a class have left a place: their host or a disk's home, or (no move in the sense of `maxMoves`) where they were put last time. */
  private readonly moved: readonly { readonly index: number; readonly column: number; readonly isMove: boolean }[];
  /** By host: the columns that say which of the steps it reaches. */
  private readonly reaches = new Map<number, readonly number[]>();
  private readonly empty: Packing;

  constructor(
    private readonly problem: Problem,
    private readonly counts: Counted,
  ) {
    this.empty = new Packing(problem, 'lifted');
    this.classes = vmClasses(problem);
    this.out = this.classes.map(({ vms }) => this.program.column(0, vms.length));
    this.on = this.classes.map(({ vms, hosts }) => new Map(hosts.map((host) => [host, this.program.column(0, vms.length)])));
    this.lies = this.classes.map((vmClass, index) => vmClass.disks.map((disk) => this.diskColumns(index, disk)));
    this.counted = this.countedColumns();
    this.classes.forEach(({ vms }, index) => this.program.row(vms.length, [[at(this.out, index), 1], ...this.onEntries(index)], vms.length));
    this.linkDisks();
    for (let host = 0; host < problem.hostCount; host++) this.addRows('host', host);
    for (let volume = 0; volume < problem.volumeCount; volume++) this.addRows('volume', volume);
    this.keepApart();
    this.keepTogether();
    this.moved = this.movedColumns();
    if (Number.isFinite(problem.maxMoves)) this.limit(new Map(this.moved.flatMap(({ column, isMove }) => (isMove ? [[column, 1] as const] : []))), problem.maxMoves);
  }

  get size(): number {
    return this.program.columnLower.length;
  }

  /** No solution may cost more than this; `costs` by column. */
  limit(costs: ReadonlyMap<number, number>, most: number): void {
    this.program.row(-Infinity, costs, most);
  }

  /** What a point costs. */
  static cost(costs: ReadonlyMap<number, number>, point: Float64Array): number {
    let sum = 0;
    for (const [column, cost] of costs) sum += cost * at(point, column);
    return sum;
  }

  /** By column: the bytes that one more there moves. */
  bytes(): Map<number, number> {
    const { problem } = this;
    const costs = new Map<number, number>();
    const add = (column: number | undefined, bytes: number) => {
      if (column !== undefined && bytes > 0) costs.set(column, (costs.get(column) ?? 0) + bytes);
    };
    this.classes.forEach(({ vms, disks, hosts }, index) => {
      const vm = at(vms, 0);
      const now = at(problem.vmRunningHost, vm);
      for (const host of hosts) {
        const column = at(this.on, index).get(host);
        if (now >= 0 && host !== now) add(column, at(problem.vmMoveBytes, vm));
        disks.forEach((disk, position) => {
          if (at(problem.diskMoveBytes, disk) === 0) return;
          const volumes = this.usableVolumes(host);
          if (volumes.length === 1 && at(volumes, 0) !== at(problem.diskHome, disk)) add(column, at(problem.diskMoveBytes, disk));
          if (volumes.length > 1) for (const volume of volumes) if (volume !== at(problem.diskHome, disk)) add(this.lies[index]?.[position]?.get(volume), at(problem.diskMoveBytes, disk));
        });
      }
    });
    return costs;
  }

  /** By column: VMs that aren't where they were put last time, or have a disk that isn't. */
  moves(): Map<number, number> {
    return new Map(this.moved.map(({ column }) => [column, 1]));
  }

  /** VMs of a level that the program doesn't know because they fit nowhere: they are left out in any case. */
  outsideAt(level: number): number {
    let count = 0;
    for (let vm = 0; vm < this.problem.vmCount; vm++) if (at(this.problem.vmLevel, vm) === level && !this.empty.isFixed(vm)) count++;
    return this.classes.reduce((left, vmClass) => (vmClass.level === level ? left - vmClass.vms.length : left), count);
  }

  /** Requires exactly this many of the program's VMs left out at a level. */
  fixOut(level: number, count: number): void {
    this.program.row(count, this.outAt(level).map((column) => [column, 1] as const), count);
  }

  outAt(level: number): number[] {
    return this.classes.flatMap((vmClass, index) => (vmClass.level === level ? [at(this.out, index)] : []));
  }

  /** The program's point for a solution. */
  point(given: Solution): Float64Array {
    const solution = this.inOrder(given);
    const point = new Float64Array(this.program.columnLower.length);
    const add = (column: number | undefined, amount: number) => {
      if (column !== undefined) point[column] = at(point, column) + amount;
    };
    this.classes.forEach(({ vms }, index) => {
      for (const vm of vms) {
        const host = at(solution.vmHost, vm);
        add(host < 0 ? this.out[index] : at(this.on, index).get(host), 1);
        if (host < 0) continue;
        at(this.problem.vmDisks, vm).forEach((disk, position) => add(this.lies[index]?.[position]?.get(at(solution.diskVolume, disk)), 1));
        const group = at(this.problem.vmTogether, vm);
        const column = group < 0 ? undefined : this.groupOn.get(`${group} ${host}`);
        if (column !== undefined) point[column] = 1;
      }
    });
    const packing = new Packing(this.problem);
    packing.load(solution);
    const step = (host: number) => loadSteps(packing.maxLoadOfHost(host));
    if (this.counts.kind === 'largest load') add(this.counted[0], hostLoads(packing)[0] ?? 0);
    if (this.counts.kind === 'hosts in use') this.usableHosts().forEach((host, index) => add(this.counted[index], Number(at(packing.hostVms, host).length > 0)));
    if (this.counts.kind === 'loads') for (const [host, columns] of this.reaches) this.counts.steps.forEach((bar, index) => add(columns[index], Number(step(host) >= bar)));
    for (const { index, column } of this.moved) point[column] = this.movedCosts(index).reduce((most, costs) => Math.max(most, AssignmentProgram.cost(costs, point)), 0);
    return point;
  }

  /** The solution that a point stands for; VMs stay where they are in `near` as far as the counts allow. */
  solution(point: Float64Array, near: Solution): Solution {
    const vmHost = Int32Array.from(this.problem.vmFixedHost);
    const diskVolume = Int32Array.from(this.problem.diskHome);
    for (let vm = 0; vm < this.problem.vmCount; vm++) {
      if (at(vmHost, vm) >= 0) for (const disk of at(this.problem.vmDisks, vm)) diskVolume[disk] = at(this.problem.diskVolume, disk);
    }
    this.classes.forEach(({ vms }, index) => {
      deal(vms, at(this.on, index), point, (vm) => at(near.vmHost, vm), (vm, host) => (vmHost[vm] = host));
      const placed = vms.filter((vm) => at(vmHost, vm) >= 0);
      at(this.lies, index).forEach((columns, position) => {
        const diskOf = (vm: number) => at(at(this.problem.vmDisks, vm), position);
        for (const [host, here] of byHost(placed, vmHost)) {
          const only = at(this.problem.diskVolume, diskOf(at(here, 0)));
          const volumes = only >= 0 ? [only] : this.usableVolumes(host);
          if (volumes.length === 1) for (const vm of here) diskVolume[diskOf(vm)] = at(volumes, 0);
          else deal(here, new Map([...columns].filter(([volume]) => volumes.includes(volume))), point, (vm) => at(near.diskVolume, diskOf(vm)), (vm, volume) => (diskVolume[diskOf(vm)] = volume));
        }
      });
    });
    return { vmHost, diskVolume };
  }

  /** The same with alike hosts in the order that the program asks for. */
  private inOrder(solution: Solution): Solution {
    if (this.counts.kind !== 'hosts in use' && this.counts.kind !== 'loads') return solution;
    const packing = new Packing(this.problem);
    packing.load(solution);
    const [hostTo, volumeTo] = [new Map<number, number>(), new Map<number, number>()];
    const hosts = this.usableHosts();
    for (let first = 0; first < hosts.length; ) {
      let end = first + 1;
      while (end < hosts.length && this.alike(at(hosts, end - 1), at(hosts, end))) end++;
      const group = hosts.slice(first, end);
      const sorted = [...group].sort((a, b) => packing.maxLoadOfHost(b) - packing.maxLoadOfHost(a) || at(packing.hostVms, b).length - at(packing.hostVms, a).length || a - b);
      sorted.forEach((host, rank) => {
        const place = at(group, rank);
        hostTo.set(host, place);
        at(this.problem.hostVolumes, host).forEach((volume, index) => volumeTo.set(volume, at(at(this.problem.hostVolumes, place), index)));
      });
      first = end;
    }
    return { vmHost: solution.vmHost.map((host) => hostTo.get(host) ?? host), diskVolume: solution.diskVolume.map((volume, disk) => (at(solution.vmHost, at(this.problem.diskVm, disk)) < 0 ? volume : (volumeTo.get(volume) ?? volume))) };
  }

  private onEntries(index: number): Entry[] {
    return [...at(this.on, index).values()].map((column) => [column, 1] as const);
  }

  /** Only where there is a choice: a disk with one possible volume lies there whenever its VM runs. */
  private diskColumns(index: number, disk: number): Map<number, number> {
    const columns = new Map<number, number>();
    if (at(this.problem.diskVolume, disk) >= 0 || at(this.problem.diskIgnored, disk) === 1) return columns;
    const { vms, hosts } = at(this.classes, index);
    for (const host of hosts) {
      const volumes = this.usableVolumes(host);
      if (volumes.length > 1) for (const volume of volumes) columns.set(volume, this.program.column(0, vms.length));
    }
    return columns;
  }

  private linkDisks(): void {
    this.classes.forEach(({ hosts }, index) => {
      for (const columns of at(this.lies, index)) {
        for (const host of hosts) {
          const here = this.usableVolumes(host).flatMap((volume) => columns.get(volume) ?? []);
          const on = at(this.on, index).get(host);
          if (here.length > 0 && on !== undefined) this.program.row(0, [[on, -1], ...here.map((column) => [column, 1] as const)], 0);
        }
      }
    });
  }

  private countedColumns(): number[] {
    const { counts } = this;
    const facts = hostLoads(this.empty)[0] ?? 0;
    if (counts.kind === 'largest load') return [this.program.column(facts, Math.max(LOAD_STEPS, facts))];
    if (counts.kind === 'hosts in use') return this.alikeInOrder(this.usableHosts().map((host) => [this.program.column(Number(at(this.empty.hostVms, host).length > 0), 1)]));
    if (counts.kind === 'nothing') return [];
    const columns = this.usableHosts().map((host) => {
      const reached = counts.steps.map((step) => this.program.column(Number(loadSteps(this.empty.maxLoadOfHost(host)) >= step), 1));
      // Whoever reaches a step reaches the lower ones.
      for (let i = 1; i < reached.length; i++) this.program.row(-Infinity, [[at(reached, i - 1), 1], [at(reached, i), -1]], 0);
      this.reaches.set(host, reached);
      return reached;
    });
    counts.reach.forEach((most, index) => this.program.row(-Infinity, columns.map((reached) => [at(reached, index), 1] as const), most));
    this.alikeInOrder(columns);
    return columns.map((reached) => at(reached, counts.steps.length - 1));
  }

  /** Of usable hosts that nothing tells apart the first come first: without that the solver tries them in every order. Returns the first column of each. */
  private alikeInOrder(columns: readonly (readonly number[])[]): number[] {
    const hosts = this.usableHosts();
    for (let i = 1; i < hosts.length; i++) {
      if (!this.alike(at(hosts, i - 1), at(hosts, i))) continue;
      at(columns, i).forEach((column, index) => this.program.row(-Infinity, [[column, 1], [at(at(columns, i - 1), index), -1]], 0));
    }
    return columns.map((own) => at(own, 0));
  }

  private alike(a: number, b: number): boolean {
    return hostsAlike(this.empty, this.classes, a, b);
  }

  /** One row for each resource of a host or a volume, in the largest unit that leaves every load whole. */
  private addRows(kind: 'host' | 'volume', index: number): void {
    const { problem } = this;
    const isHost = kind === 'host';
    const rows = isHost ? problem.hostRows : problem.volumeRows;
    const owner = isHost ? index : at(problem.volumeHost, index);
    for (let row = 0; row < rows; row++) {
      const entries = isHost ? this.hostEntries(index, row) : this.volumeEntries(index, row);
      if (entries.length === 0) continue;
      const unit = entries.reduce((divisor, [, load]) => greatestCommonDivisor(divisor, load), 0);
      const capacity = at(isHost ? problem.hostCapacity : problem.volumeCapacity, index * rows + row) / unit;
      const used = at(isHost ? this.empty.hostUsed : this.empty.volumeUsed, index * rows + row) / unit;
      const loads = entries.map(([column, load]) => [column, load / unit] as const);
      const balanced = owner >= 0 && (isHost ? problem.hostRowBalanced[row] : problem.volumeRowBalanced[row]);
      if (!Number.isFinite(capacity)) continue;
      // What lies at home may overfill its volume.
      const atHome = !isHost && problem.volumeRowLasting[row] ? (this.homeLoad(index, row) + at(this.empty.volumeUsed, index * rows + row)) / unit : 0;
      const free = Math.max(0, Math.floor(Math.max(capacity, atHome) - used));
      if (this.counts.kind === 'largest load' && balanced) this.program.row(-Infinity, [...loads, [at(this.counted, 0), -capacity / LOAD_STEPS]], -used);
      if (this.counts.kind === 'loads' && balanced) this.program.row(-Infinity, [...loads, ...this.reachEntries(owner, capacity, used)], this.within(capacity, used, this.counts.steps.length));
      if (this.counts.kind === 'hosts in use' && owner >= 0 && !loads.some(([column]) => this.out.includes(column))) this.program.row(-Infinity, [...loads, [this.inUse(owner), -free]], 0);
      else this.program.row(-Infinity, loads, free);
    }
  }

  /** What a host may hold beside what is fixed when it reaches all but the last `below` of the steps. */
  private within(capacity: number, used: number, below: number): number {
    const steps = this.counts.kind === 'loads' ? this.counts.steps : [];
    const step = below === 0 ? (steps[0] ?? 0) : at(steps, below - 1) - 1;
    return Math.floor((capacity * step) / LOAD_STEPS - used);
  }

  private reachEntries(host: number, capacity: number, used: number): Entry[] {
    const columns = this.reaches.get(host) ?? [];
    return columns.map((column, index) => [column, this.within(capacity, used, index + 1) - this.within(capacity, used, index)] as const);
  }

  /** What movable disks take of the volume's row while they lie at home there. */
  private homeLoad(volume: number, row: number): number {
    const { problem } = this;
    let load = 0;
    for (const { vms } of this.classes) for (const vm of vms) for (const disk of at(problem.vmDisks, vm)) if (at(problem.diskHome, disk) === volume && at(problem.diskVolume, disk) < 0) load += at(problem.diskLoad, disk * problem.volumeRows + row);
    return load;
  }

  private inUse(host: number): number {
    return at(this.counted, this.usableHosts().indexOf(host));
  }

  private hostEntries(host: number, row: number): Entry[] {
    const { problem } = this;
    return this.classes.flatMap(({ vms }, index) => {
      const column = at(this.on, index).get(host);
      const load = at(problem.vmLoad, at(vms, 0) * problem.hostRows + row);
      return column === undefined || load === 0 ? [] : [[column, load] as const];
    });
  }

  private volumeEntries(volume: number, row: number): Entry[] {
    const { problem } = this;
    const owner = at(problem.volumeHost, volume);
    const loads = new Map<number, number>();
    this.classes.forEach(({ disks, hosts }, index) => {
      disks.forEach((disk, position) => {
        const isLasting = problem.volumeRowLasting[row] === true;
        const isMovable = at(problem.diskHome, disk) >= 0 && at(problem.diskVolume, disk) < 0;
        const load = at(problem.diskHome, disk) === volume && isLasting && !isMovable ? 0 : at(problem.diskLoad, disk * problem.volumeRows + row);
        if (load === 0 || at(problem.diskIgnored, disk) === 1) return;
        // A disk that may be moved lies at home while its VM is left out.
        if (isLasting && isMovable && at(problem.diskHome, disk) === volume) loads.set(at(this.out, index), (loads.get(at(this.out, index)) ?? 0) + load);
        for (const column of this.columnsOnVolume(index, position, volume, owner, hosts)) loads.set(column, (loads.get(column) ?? 0) + load);
      });
    });
    return [...loads];
  }

  /** Columns that count disks of the class at this position on the volume. */
  private columnsOnVolume(index: number, position: number, volume: number, owner: number, hosts: readonly number[]): number[] {
    const disk = at(at(this.classes, index).disks, position);
    const only = at(this.problem.diskVolume, disk);
    const on = at(this.on, index);
    if (only >= 0) return only === volume ? hosts.flatMap((host) => on.get(host) ?? []) : [];
    const chosen = this.lies[index]?.[position]?.get(volume);
    if (chosen !== undefined) return [chosen];
    const here = on.get(owner);
    return here !== undefined && this.usableVolumes(owner).includes(volume) ? [here] : [];
  }

  private keepApart(): void {
    for (const clique of this.apartCliques()) {
      for (let host = 0; host < this.problem.hostCount; host++) {
        const entries = clique.flatMap((index) => at(this.on, index).get(host) ?? []).map((column) => [column, 1] as const);
        if (entries.length > 1) this.program.row(-Infinity, entries, 1);
      }
    }
  }

  /** Sets of classes of which any two are apart, covering every such pair; larger sets make tighter rows. */
  private apartCliques(): number[][] {
    const classOf = new Map(this.classes.map(({ vms }, index) => [at(vms, 0), index]));
    const covered = new Set<string>();
    const cliques: number[][] = [];
    for (const [vm] of classOf) {
      for (const other of at(this.problem.vmApart, vm)) {
        if (other < vm || !classOf.has(other) || covered.has(`${vm} ${other}`)) continue;
        const clique = [vm, other];
        for (const third of at(this.problem.vmApart, vm)) if (third > other && classOf.has(third) && clique.every((member) => at(this.problem.vmApart, member).includes(third))) clique.push(third);
        for (const a of clique) for (const b of clique) covered.add(`${a} ${b}`);
        cliques.push(clique.map((member) => classOf.get(member) ?? 0));
      }
    }
    return cliques;
  }

  private keepTogether(): void {
    const groups = new Map<number, number[]>();
    this.classes.forEach(({ vms }, index) => {
      const group = at(this.problem.vmTogether, at(vms, 0));
      if (group >= 0) groups.set(group, [...(groups.get(group) ?? []), index]);
    });
    for (const [group, members] of groups) {
      const hosts = [...new Set(members.flatMap((index) => at(this.classes, index).hosts))];
      const columns = hosts.map((host) => {
        const column = this.program.column(0, 1);
        this.groupOn.set(`${group} ${host}`, column);
        for (const index of members) {
          const on = at(this.on, index).get(host);
          if (on !== undefined) this.program.row(-Infinity, [[on, 1], [column, -1]], 0);
        }
        return [column, 1] as const;
      });
      this.program.row(-Infinity, columns, 1);
    }
  }

  private movedColumns(): { index: number; column: number; isMove: boolean }[] {
    const { problem } = this;
    return this.classes.flatMap(({ vms, disks }, index) => {
      const vm = at(vms, 0);
      const last = at(problem.vmPreviousHost, vm);
      // A disk that moves within the host it was last on, or a VM whose disk lies elsewhere, is left to the independent checks.
      const isMove = at(problem.vmRunningHost, vm) >= 0 || disks.some((disk) => at(problem.diskMoveBytes, disk) > 0 && at(problem.volumeHost, at(problem.diskHome, disk)) === last);
      if (!isMove && last < 0 && disks.every((disk) => at(problem.diskMoveBytes, disk) === 0)) return [];
      const column = this.program.column(0, vms.length);
      for (const costs of this.movedCosts(index)) this.program.row(-Infinity, [...costs, [column, -1]], 0);
      return [{ index, column, isMove }];
    });
  }

  /** Sums, each of which counts some of the class's VMs that have moved, the largest of them at least. */
  private movedCosts(index: number): Map<number, number>[] {
    const { problem } = this;
    const { vms, disks, hosts } = at(this.classes, index);
    const [now, last] = [at(problem.vmRunningHost, at(vms, 0)), at(problem.vmPreviousHost, at(vms, 0))];
    const from = now >= 0 ? now : last;
    const on = at(this.on, index);
    const left = new Map(from < 0 ? [] : hosts.filter((host) => host !== from).flatMap((host) => (on.has(host) ? [[on.get(host) ?? 0, 1] as const] : [])));
    return [
      left,
      ...disks.flatMap((disk, position) => {
        const home = at(problem.diskHome, disk);
        if (at(problem.diskMoveBytes, disk) === 0) return [];
        const away = new Map<number, number>();
        for (const host of hosts) {
          const volumes = this.usableVolumes(host);
          if (volumes.length === 1 && at(volumes, 0) !== home && on.has(host)) away.set(on.get(host) ?? 0, 1);
          if (volumes.length > 1) for (const volume of volumes) if (volume !== home) for (const column of [this.lies[index]?.[position]?.get(volume)]) if (column !== undefined) away.set(column, 1);
        }
        return [away];
      }),
    ].filter((costs) => costs.size > 0);
  }

  private usableVolumes(host: number): number[] {
    return Array.from(this.problem.hostVolumes[host] ?? []).filter((volume) => at(this.problem.volumeUsable, volume) === 1);
  }

  private usableHosts(): number[] {
    return Array.from({ length: this.problem.hostCount }, (_, host) => host).filter((host) => at(this.problem.hostAvailable, host) === 1);
  }
}

/** Gives each place as many items as its column says, first those that are there already. */
function deal(items: readonly number[], columns: ReadonlyMap<number, number>, point: Float64Array, now: (item: number) => number, put: (item: number, place: number) => void): void {
  const left = new Map([...columns].map(([place, column]) => [place, at(point, column)]));
  const rest = items.filter((item) => {
    const room = left.get(now(item)) ?? 0;
    if (room < 1) return true;
    left.set(now(item), room - 1);
    put(item, now(item));
    return false;
  });
  for (const [place, count] of left) for (const item of rest.splice(0, count)) put(item, place);
}

function byHost(vms: readonly number[], vmHost: Int32Array): Map<number, number[]> {
  const hosts = new Map<number, number[]>();
  for (const vm of vms) hosts.set(at(vmHost, vm), [...(hosts.get(at(vmHost, vm)) ?? []), vm]);
  return hosts;
}

/** The largest number of which all amounts are multiples: the solver computes with tolerances, and bytes are large numbers. */
export function commonUnit(amounts: readonly number[]): number {
  return Math.max(1, amounts.reduce(greatestCommonDivisor, 0));
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b > 0) [a, b] = [b, a % b];
  return a;
}
