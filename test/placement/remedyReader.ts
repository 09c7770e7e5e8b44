/** Remedies as an administrator carries them out: from the sentence back to a change of the drive. */

import type { HostModel, VmModel } from '../../src/backend/drive/model';
import type { PlanInputs } from '../../src/backend/placement/inputs';
import { GIB, MB } from './pools';

export interface Applied {
  readonly kind: 'more' | 'apart' | 'together' | 'on' | 'moves';
  readonly changed: PlanInputs;
}

/** One for each host that the sentence offers. */
export function remedyAsInputs(inputs: PlanInputs, vm: string, remedy: string): Applied[] {
  const rule = /^drop (apart|together|on): (.*)$/.exec(remedy);
  if (rule !== null) return [{ kind: rule[1] as Applied['kind'], changed: withVms(inputs, (one) => withoutRule(one, vm, rule[1]!, rule[2]!)) }];
  if (remedy.startsWith('allow ')) return [{ kind: 'moves', changed: { ...inputs, moves: { maxMoves: Infinity, stops: remedy.startsWith('allow short stops') ? 'allowed' : (inputs.moves?.stops ?? 'never') } } }];
  const [, what = '', where = ''] = /^(.*) on (.*)$/.exec(remedy) ?? [];
  return where.split(/, | or /).map((place) => ({ kind: 'more', changed: grown(inputs, what.split(/, | and /), place) }));
}

function withVms(inputs: PlanInputs, change: (vm: VmModel) => VmModel): PlanInputs {
  return { ...inputs, model: { ...inputs.model, vms: inputs.model.vms.map(change) } };
}

function withoutRule(one: VmModel, vm: string, rule: string, said: string): VmModel {
  const { apart, together, migratable } = one.placement;
  if (rule === 'on') return one.name === vm ? { ...one, placement: { apart, together, migratable } } : one;
  const [, ...others] = said.split(/, | and /);
  const drop = (names: readonly string[]) => names.filter((name) => !(one.name === vm && others.includes(name)) && !(name === vm && others.includes(one.name)));
  return { ...one, placement: { ...one.placement, [rule]: drop(one.placement[rule as 'apart' | 'together']) } };
}

function grown(inputs: PlanInputs, parts: readonly string[], place: string): PlanInputs {
  const [name, onlyArray] = place.split('/');
  const amount = (pattern: RegExp) => parts.reduce((sum, part) => sum + Number(pattern.exec(part)?.[1] ?? 0), 0);
  const [memory, cpus, gpus] = [amount(/^([\d.]+) GiB more memory$/), amount(/^(\d+) more CPUs?$/), amount(/^(\d+) more gpu$/)];
  const [space, speed] = [amount(/^([\d.]+) GiB more space$/), amount(/^([\d.]+) MB\/s more disk bandwidth$/)];
  // Where the sentence names no array, any of the host may be meant.
  const bought = (host: HostModel): HostModel => ({
    ...host,
    memoryBytes: host.memoryBytes + memory * GIB,
    cpus: host.cpus + cpus,
    devices: { ...host.devices, gpu: (host.devices?.['gpu'] ?? 0) + gpus },
    arrays: host.arrays.map((array) => (onlyArray === undefined || array.name === onlyArray ? { ...array, capacityBytes: array.capacityBytes + space * GIB, bandwidthBps: array.bandwidthBps + speed * MB } : array)),
  });
  return { ...inputs, model: { ...inputs.model, hosts: inputs.model.hosts.map((host) => (host.name === name ? bought(host) : host)) } };
}
