/**
 * An order for the moves in which each finds room: those whose target has room first. When all wait for each other, one takes a detour over a third host or
 * array, or is stopped for a while if the policy allows that. Greedy: it may miss an order that exists, and then says who is stuck.
 */

import type { DiskPlace, PlanStep } from '../../protocol';
import type { DiskModel, HostModel, VmModel } from '../drive/model';
import { hostCapacity } from './capacity';
import { NO_MOVES, type PlanInputs } from './inputs';
import type { Effect, Ledger } from './ledger';
import { hostObstacle, liveObstacle, migrationBytes } from './moving';
import { placeLabel } from './names';

/** One VM on its way, with what is still ahead of it. */
export interface Journey {
  readonly vm: VmModel;
  /** Where it is to run in the end. */
  readonly target: string;
  /** Disks that have to move, with where they are to lie. */
  readonly disks: readonly { readonly disk: DiskModel; readonly to: DiskPlace }[];
  /** It runs at the start, so it is the journey's to start it again after a stop. */
  readonly runs: boolean;
}

export interface Sequence {
  readonly effects: readonly Effect[];
  /** VMs for which no order was found; empty when all arrived. */
  readonly stuck: readonly string[];
}

/** Plays the moves on the ledger. */
export function sequenceMoves(journeys: readonly Journey[], ledger: Ledger, inputs: PlanInputs): Sequence {
  const sequencer = new Sequencer(journeys, ledger, inputs);
  while (sequencer.waiting.length > 0) if (!sequencer.advance() && !sequencer.breakCircle()) break;
  return { effects: sequencer.effects, stuck: sequencer.waiting.map(({ vm }) => vm.name) };
}

class Sequencer {
  readonly effects: Effect[] = [];
  waiting: Journey[];
  private readonly hosts: ReadonlyMap<string, HostModel>;
  private readonly mayStop: boolean;
  private readonly detoured = new Set<string>();

  constructor(
    journeys: readonly Journey[],
    private readonly ledger: Ledger,
    private readonly inputs: PlanInputs,
  ) {
    this.waiting = [...journeys].sort((a, b) => travelBytes(a) - travelBytes(b) || (a.vm.name < b.vm.name ? -1 : 1));
    this.hosts = new Map(inputs.model.hosts.map((host) => [host.name, host]));
    this.mayStop = (inputs.moves ?? NO_MOVES).stops === 'allowed';
  }

  /** Whether anything got on its way. */
  advance(): boolean {
    let isProgress = false;
    for (const journey of this.waiting) {
      const before = this.effects.length;
      this.travel(journey);
      isProgress ||= this.effects.length > before;
    }
    this.waiting = this.waiting.filter((journey) => !this.hasArrived(journey));
    return isProgress;
  }

  /** One detour or stop after which something else can travel. */
  breakCircle(): boolean {
    for (const step of this.detours()) {
      if (!this.attempt([step])) continue;
      if (this.advance()) {
        this.detoured.add(detourKey(step));
        return true;
      }
      this.undo();
    }
    return this.stopOne();
  }

  private travel(journey: Journey): void {
    const { vm, target } = journey;
    const now = this.ledger.running.get(vm.name);
    const disks = this.diskSteps(journey);
    if (now === undefined) {
      const isWhole = journey.runs && this.attempt([...disks, { kind: 'start', vm: vm.name, host: target }]);
      if (!isWhole) for (const step of disks) this.attempt([step]);
    } else if (disks.length === 0 && this.obstacle(vm, now, target) === undefined) {
      this.attempt([{ kind: 'migrate', vm: vm.name, from: now, to: target, bytes: migrationBytes(vm) }]);
    } else {
      this.attempt([this.stop(vm, now, disks.length > 0 ? 'its disks are copied while it is down' : `it can't migrate live to ${target}: ${this.obstacle(vm, now, target) ?? ''}`), ...disks, { kind: 'start', vm: vm.name, host: target }]);
    }
  }

  private hasArrived(journey: Journey): boolean {
    return this.diskSteps(journey).length === 0 && (!journey.runs || this.ledger.running.get(journey.vm.name) === journey.target);
  }

  private diskSteps({ vm, disks }: Journey): PlanStep[] {
    return disks.flatMap(({ disk, to }): PlanStep[] => {
      const from = this.ledger.disks.get(`${vm.name}/${disk.name}`);
      return from === undefined || placeLabel(from) === placeLabel(to) ? [] : [{ kind: 'move-disk', vm: vm.name, disk: disk.name, from, to, bytes: disk.sizeBytes }];
    });
  }

  private stop(vm: VmModel, host: string, reason: string): PlanStep {
    return { kind: 'stop', vm: vm.name, host, reason };
  }

  private obstacle(vm: VmModel, from: string, to: string): string | undefined {
    return liveObstacle(vm, this.hosts.get(from), this.hosts.get(to));
  }

  /** All or nothing. */
  private attempt(steps: readonly PlanStep[]): boolean {
    const before = this.effects.length;
    for (const step of steps) {
      if ((step.kind === 'stop' && !this.mayStop) || !this.ledger.isFeasible(step)) {
        while (this.effects.length > before) this.undo();
        return false;
      }
      this.effects.push(this.ledger.play(step));
    }
    return true;
  }

  private undo(): void {
    const last = this.effects.pop();
    if (last !== undefined) this.ledger.takeBack(last);
  }

  /** Of running VMs over a third host, of the disks of VMs that are down over a third array; the fewest bytes first. */
  private detours(): PlanStep[] {
    const found = this.waiting.flatMap((journey): PlanStep[] => {
      const { vm, target } = journey;
      const now = this.ledger.running.get(vm.name);
      const disks = this.diskSteps(journey);
      if (now === undefined) return disks.flatMap((step) => this.diskDetours(step));
      if (disks.length > 0) return [];
      return [...this.hosts.values()].flatMap((host): PlanStep[] => {
        const isWay = host.name !== now && host.name !== target && this.mayRun(vm, host) && this.obstacle(vm, now, host.name) === undefined && this.obstacle(vm, host.name, target) === undefined;
        return isWay ? [{ kind: 'migrate', vm: vm.name, from: now, to: host.name, bytes: migrationBytes(vm) }] : [];
      });
    });
    const bytes = (step: PlanStep) => ('bytes' in step ? step.bytes : 0);
    return found.filter((step) => !this.detoured.has(detourKey(step))).sort((a, b) => bytes(a) - bytes(b));
  }

  private diskDetours(step: PlanStep): PlanStep[] {
    if (step.kind !== 'move-disk') return [];
    const places = [...this.hosts.values()].flatMap(({ name, arrays }) => arrays.map((array): DiskPlace => ({ host: name, array: array.name })));
    return places.filter((place) => placeLabel(place) !== placeLabel(step.from) && placeLabel(place) !== placeLabel(step.to)).map((to) => ({ ...step, to }));
  }

  private mayRun(vm: VmModel, host: HostModel): boolean {
    const { inventory, model } = this.inputs;
    return hostCapacity(host, inventory, model.cluster.placement).available && hostObstacle(vm, host) === undefined;
  }

  /** The one of least memory; it starts again where it is to run as soon as there is room. */
  private stopOne(): boolean {
    for (const { vm, runs } of this.waiting) {
      const host = this.ledger.running.get(vm.name);
      if (!runs || host === undefined) continue;
      const others = this.waiting.filter((other) => other.vm !== vm).map((other) => other.vm.name);
      if (this.attempt([this.stop(vm, host, others.length === 0 ? 'its target has no room while it runs' : `it and ${others.join(', ')} wait for each other's room`)])) return true;
    }
    return false;
  }
}

function travelBytes({ vm, disks, runs }: Journey): number {
  return (runs ? migrationBytes(vm) : 0) + disks.reduce((sum, { disk }) => sum + disk.sizeBytes, 0);
}

/** A VM and a disk take one detour each: what it didn't solve, a second won't. */
function detourKey(step: PlanStep): string {
  return step.kind === 'move-disk' ? `${step.vm}/${step.disk}` : step.vm;
}
