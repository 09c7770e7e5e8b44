/**
 * What an assignment costs and which rules it breaks, straight from the challenge's problem description (sections "Hard constraints" and
 * "Objectives") and sharing nothing with the search, which it checks.
 */

import type { Instance } from './instance';

/** The total cost; `original_cost_*.txt` beside the public instances gives it for the initial assignments. */
export function costOf(instance: Instance, machineOf: Int32Array): number {
  const { resourceCount, machineCount, weights } = instance;
  const usage = usageOf(instance, machineOf);
  let cost = 0;
  for (let machine = 0; machine < machineCount; machine++) {
    const free = (resource: number) => at(instance.capacity, machine * resourceCount + resource) - at(usage, machine * resourceCount + resource);
    for (let resource = 0; resource < resourceCount; resource++) {
      const index = machine * resourceCount + resource;
      cost += at(instance.loadWeight, resource) * Math.max(0, at(usage, index) - at(instance.safetyCapacity, index));
    }
    for (const { first, second, target, weight } of instance.balances) cost += weight * Math.max(0, target * free(first) - free(second));
  }
  const movedOfService = new Int32Array(instance.serviceCount);
  machineOf.forEach((machine, process) => {
    const from = at(instance.initial, process);
    cost += weights.machineMove * at(instance.machineMoveCost, from * machineCount + machine);
    if (machine === from) return;
    cost += weights.processMove * at(instance.processMoveCost, process);
    const service = at(instance.service, process);
    movedOfService[service] = at(movedOfService, service) + 1;
  });
  return cost + weights.serviceMove * movedOfService.reduce((most, moved) => Math.max(most, moved), 0);
}

/** One sentence for each rule broken; empty when the assignment is valid. */
export function violationsOf(instance: Instance, machineOf: Int32Array): string[] {
  return [...overfull(instance, machineOf), ...conflicts(instance, machineOf), ...badlySpread(instance, machineOf), ...unmetDependencies(instance, machineOf)];
}

function usageOf({ resourceCount, machineCount, requirement }: Instance, machineOf: Int32Array): Float64Array {
  const usage = new Float64Array(machineCount * resourceCount);
  machineOf.forEach((machine, process) => {
    for (let resource = 0; resource < resourceCount; resource++) {
      const index = machine * resourceCount + resource;
      usage[index] = at(usage, index) + at(requirement, process * resourceCount + resource);
    }
  });
  return usage;
}

/** Of transient resources a process that moves takes its share on its first machine as well. */
function overfull(instance: Instance, machineOf: Int32Array): string[] {
  const { resourceCount, machineCount } = instance;
  const usage = usageOf(instance, machineOf);
  machineOf.forEach((machine, process) => {
    const from = at(instance.initial, process);
    if (machine === from) return;
    for (let resource = 0; resource < resourceCount; resource++) {
      const index = from * resourceCount + resource;
      if (at(instance.transient, resource) === 1) usage[index] = at(usage, index) + at(instance.requirement, process * resourceCount + resource);
    }
  });
  const broken: string[] = [];
  for (let machine = 0; machine < machineCount; machine++) {
    for (let resource = 0; resource < resourceCount; resource++) {
      const index = machine * resourceCount + resource;
      if (at(usage, index) > at(instance.capacity, index)) broken.push(`Machine ${machine} holds ${at(usage, index)} of resource ${resource}, more than its ${at(instance.capacity, index)}.`);
    }
  }
  return broken;
}

function conflicts(instance: Instance, machineOf: Int32Array): string[] {
  const seen = new Set<string>();
  const broken: string[] = [];
  machineOf.forEach((machine, process) => {
    const key = `${at(instance.service, process)} on machine ${machine}`;
    if (seen.has(key)) broken.push(`Two processes of service ${key}.`);
    seen.add(key);
  });
  return broken;
}

function badlySpread(instance: Instance, machineOf: Int32Array): string[] {
  const locations = placesOfServices(instance, machineOf, instance.location);
  return locations.flatMap((places, service) => (places.size < at(instance.spread, service) ? [`Service ${service} runs in ${places.size} locations, not in ${at(instance.spread, service)}.`] : []));
}

function unmetDependencies(instance: Instance, machineOf: Int32Array): string[] {
  const neighbourhoods = placesOfServices(instance, machineOf, instance.neighbourhood);
  return neighbourhoods.flatMap((places, service) =>
    Array.from(at(instance.dependsOn, service)).flatMap((needed) => [...places].filter((place) => !at(neighbourhoods, needed).has(place)).map((place) => `Service ${service} runs in neighbourhood ${place} without service ${needed}.`)),
  );
}

function placesOfServices(instance: Instance, machineOf: Int32Array, placeOf: Int32Array): Set<number>[] {
  const places = Array.from({ length: instance.serviceCount }, () => new Set<number>());
  machineOf.forEach((machine, process) => at(places, at(instance.service, process)).add(at(placeOf, machine)));
  return places;
}

function at<T>(values: ArrayLike<T>, index: number): T {
  return values[index] as T;
}
