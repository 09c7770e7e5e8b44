/** What the challenge asks of services, kept up to date move by move. */

import { at } from '../../../src/backend/placement/packing';
import type { Instance } from './instance';

/** No process. */
export const NONE = -1;

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
      for (const other of needed) at(this.neededBy, other).push(service);
    });
    instance.initial.forEach((machine, process) => this.count(process, machine, 1));
  }

  /** Whether no process of its service is on the machine, `leaving` not counted. */
  keepApart(process: number, machine: number, leaving: number): boolean {
    const service = at(this.instance.service, process);
    const expected = leaving !== NONE && at(this.instance.service, leaving) === service ? 1 : 0;
    return at(this.onMachine, service * this.instance.machineCount + machine) === expected;
  }

  move(process: number, from: number, to: number): void {
    this.count(process, from, -1);
    this.count(process, to, 1);
  }

  /** Whether the spread of its service, and all dependencies on and of it, hold after a move. */
  hold(process: number, from: number, to: number): boolean {
    const { service, spread, dependsOn, neighbourhood } = this.instance;
    const own = at(service, process);
    if (at(this.locationsOf, own) < at(spread, own)) return false;
    const [left, entered] = [at(neighbourhood, from), at(neighbourhood, to)];
    if (left === entered) return true;
    for (const needed of at(dependsOn, own)) if (this.runsIn(own, entered) && !this.runsIn(needed, entered)) return false;
    if (this.runsIn(own, left)) return true;
    for (const dependent of at(this.neededBy, own)) if (this.runsIn(dependent, left)) return false;
    return true;
  }

  private runsIn(service: number, neighbourhood: number): boolean {
    return at(this.inNeighbourhood, service * this.neighbourhoodCount + neighbourhood) > 0;
  }

  private count(process: number, machine: number, sign: 1 | -1): void {
    const { instance } = this;
    const service = at(instance.service, process);
    const onMachine = service * instance.machineCount + machine;
    const inLocation = service * this.locationCount + at(instance.location, machine);
    const inNeighbourhood = service * this.neighbourhoodCount + at(instance.neighbourhood, machine);
    this.onMachine[onMachine] = at(this.onMachine, onMachine) + sign;
    const before = at(this.inLocation, inLocation);
    this.inLocation[inLocation] = before + sign;
    if (before === 0) this.locationsOf[service] = at(this.locationsOf, service) + 1;
    if (before + sign === 0) this.locationsOf[service] = at(this.locationsOf, service) - 1;
    this.inNeighbourhood[inNeighbourhood] = at(this.inNeighbourhood, inNeighbourhood) + sign;
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
    const home = at(this.instance.initial, process);
    const step = Number(to !== home) - Number(from !== home);
    if (step === 0) return;
    const service = at(this.instance.service, process);
    const before = at(this.moved, service);
    this.moved[service] = before + step;
    this.services[before] = at(this.services, before) - 1;
    this.services[before + step] = at(this.services, before + step) + 1;
    if (before + step > this.most) this.most = before + step;
    else if (before === this.most && at(this.services, before) === 0) this.most--;
  }
}
