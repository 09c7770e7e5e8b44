/** A state being changed: maps are copied at the first write, and what is to be done is collected. */

import type { PoolEffect } from './events';
import type { DiskKnowledge, HostNode, LockState, Planning, PoolConfig, PoolState, Survey, VmNode } from './state';

export class Draft {
  readonly effects: PoolEffect[] = [];
  private readonly changedHosts: CopyOnWrite<HostNode>;
  private readonly changedVms: CopyOnWrite<VmNode>;
  private readonly changedDisks: CopyOnWrite<DiskKnowledge>;
  planning: Planning;
  lock: LockState;
  survey: Survey;
  wokenAt: readonly number[];

  constructor(
    private readonly before: PoolState,
    readonly now: number,
  ) {
    this.changedHosts = new CopyOnWrite(before.hosts, 'host');
    this.changedVms = new CopyOnWrite(before.vms, 'VM');
    this.changedDisks = new CopyOnWrite(before.disks, 'disk');
    this.planning = before.planning;
    this.lock = before.lock;
    this.survey = before.survey;
    this.wokenAt = before.wokenAt;
  }

  get config(): PoolConfig {
    return this.before.config;
  }

  get startedAt(): number {
    return this.before.startedAt;
  }

  get hosts(): ReadonlyMap<string, HostNode> {
    return this.changedHosts.values;
  }

  get vms(): ReadonlyMap<string, VmNode> {
    return this.changedVms.values;
  }

  get disks(): ReadonlyMap<string, DiskKnowledge> {
    return this.changedDisks.values;
  }

  host(name: string): HostNode {
    return this.changedHosts.get(name);
  }

  vm(name: string): VmNode {
    return this.changedVms.get(name);
  }

  disk(key: string): DiskKnowledge {
    return this.changedDisks.get(key);
  }

  updateHost(name: string, patch: Partial<HostNode>): void {
    this.changedHosts.patch(name, patch);
  }

  updateVm(name: string, patch: Partial<VmNode>): void {
    this.changedVms.patch(name, patch);
  }

  updateDisk(key: string, patch: Partial<DiskKnowledge>): void {
    this.changedDisks.patch(key, patch);
  }

  emit(effect: PoolEffect): void {
    this.effects.push(effect);
  }

  finish(): PoolState {
    return {
      config: this.before.config,
      startedAt: this.before.startedAt,
      hosts: this.hosts,
      vms: this.vms,
      disks: this.disks,
      planning: this.planning,
      lock: this.lock,
      survey: this.survey,
      wokenAt: this.wokenAt,
    };
  }
}

class CopyOnWrite<T extends object> {
  private copy: Map<string, T> | undefined;

  constructor(
    private readonly before: ReadonlyMap<string, T>,
    private readonly what: string,
  ) {}

  get values(): ReadonlyMap<string, T> {
    return this.copy ?? this.before;
  }

  /** Only names of the model get this far, so an unknown one is a mistake of the caller. */
  get(key: string): T {
    const value = this.values.get(key);
    if (value === undefined) throw new Error(`no ${this.what} "${key}" in the pool`);
    return value;
  }

  /** What is as it was stays the same object, so that whoever compares states sees at once what changed. */
  patch(key: string, patch: Partial<T>): void {
    const former = this.get(key);
    if ((Object.keys(patch) as (keyof T)[]).every((name) => former[name] === patch[name])) return;
    this.copy ??= new Map(this.before);
    this.copy.set(key, { ...former, ...patch });
  }
}
