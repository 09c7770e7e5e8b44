/** What the challenge asks of services, kept up to date move by move. */

import type { Instance } from './instance';

/** Conflicts, spread and dependencies, counted by service. */
export class ServiceRules {
  /** Processes of a service on a machine, in a location, in a neighbourhood. */
  private readonly onMachine: Uint8Array;
  private readonly inLocation: Int32Array;
  private readonly inNeighbourhood: Int32Array;
  private readonly locationCount: number;
  private readonly neighbourhoodCount: number;
  private readonly locationsOf: Int32Array;
  private readonly neededBy: readonly number[][];

  constructor(private readonly instance: Instance) {
    const { serviceCount, machineCount, dependsOn } = instance;
    this.locationCount = 1 + instance.location.reduce((most, place) => Math.max(most, place), 0);
    this.neighbourhoodCount = 1 + instance.neighbourhood.reduce((most, place) => Math.max(most, place), 0);
    this.onMachine = new Uint8Array(serviceCount * machineCount);
    this.inLocation = new Int32Array(serviceCount * this.locationCount);
    this.inNeighbourhood = new Int32Array(serviceCount * this.neighbourhoodCount);
    this.locationsOf = new Int32Array(serviceCount);
    this.neededBy = Array.from({ length: serviceCount }, () => []);
    dependsOn.forEach((needed, service) => {
      for (const other of needed) (this.neededBy[other] as number[]).push(service);
    });
    instance.initial.forEach((machine, process) => this.count(process, machine, 1));
  }

  /** Whether no process of its service is on the machine; `leaving` isn't counted, and may be no process at all. */
  keepApart(process: number, machine: number, leaving: number): boolean {
    const service = this.instance.service[process] as number;
    const expected = this.instance.service[leaving] === service ? 1 : 0;
    return (this.onMachine[service * this.instance.machineCount + machine] as number) === expected;
  }

  move(process: number, from: number, to: number): void {
    this.count(process, from, -1);
    this.count(process, to, 1);
  }

  /** Whether the spread of its service, and all dependencies on and of it, hold after a move. */
  hold(process: number, from: number, to: number): boolean {
    const { service, spread, dependsOn, neighbourhood } = this.instance;
    const own = service[process] as number;
    if ((this.locationsOf[own] as number) < (spread[own] as number)) return false;
    const [left, entered] = [neighbourhood[from] as number, neighbourhood[to] as number];
    if (left === entered) return true;
    for (const needed of (dependsOn[own] as Int32Array)) if (this.runsIn(own, entered) && !this.runsIn(needed, entered)) return false;
    if (this.runsIn(own, left)) return true;
    for (const dependent of this.neededBy[own] as number[]) if (this.runsIn(dependent, left)) return false;
    return true;
  }

  private runsIn(service: number, neighbourhood: number): boolean {
    return (this.inNeighbourhood[service * this.neighbourhoodCount + neighbourhood] as number) > 0;
  }

  private count(process: number, machine: number, sign: 1 | -1): void {
    const { instance } = this;
    const service = instance.service[process] as number;
    const onMachine = service * instance.machineCount + machine;
    const inLocation = service * this.locationCount + (instance.location[machine] as number);
    const inNeighbourhood = service * this.neighbourhoodCount + (instance.neighbourhood[machine] as number);
    this.onMachine[onMachine] = (this.onMachine[onMachine] as number) + sign;
    const before = this.inLocation[inLocation] as number;
    this.inLocation[inLocation] = before + sign;
    if (before === 0) this.locationsOf[service] = (this.locationsOf[service] as number) + 1;
    if (before + sign === 0) this.locationsOf[service] = (this.locationsOf[service] as number) - 1;
    this.inNeighbourhood[inNeighbourhood] = (this.inNeighbourhood[inNeighbourhood] as number) + sign;
  }
}

/** The most processes of one service that aren't at home: what the service move cost counts. */
export class ServiceMoves {
  private readonly moved: Int32Array;
  /** How many services have so many processes moved. */
  private readonly services: Int32Array;
  most = 0;

  constructor(private readonly instance: Instance) {
    this.moved = new Int32Array(instance.serviceCount);
    this.services = new Int32Array(instance.processCount + 2);
    this.services[0] = instance.serviceCount;
  }

  move(process: number, from: number, to: number): void {
    const home = this.instance.initial[process] as number;
    const step = Number(to !== home) - Number(from !== home);
    if (step === 0) return;
    const service = this.instance.service[process] as number;
    const before = this.moved[service] as number;
    this.moved[service] = before + step;
    this.services[before] = (this.services[before] as number) - 1;
    this.services[before + step] = (this.services[before + step] as number) + 1;
    if (before + step > this.most) this.most = before + step;
    else if (before === this.most && (this.services[before]) === 0) this.most--;
  }
}
