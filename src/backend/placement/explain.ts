/** Why a VM is left out: for each host what it lacks, with numbers. */

import { BANDWIDTH, CPU, FIRST_DEVICE, IOPS, MEMORY, SPACE, type Formulation } from './formulation';
import { hostObstacle } from './moving';
import { at, type Packing } from './packing';
import { bandwidth, bytes, list, vcpus } from './words';

/** One sentence a requirement or host, in the order of the hosts' names. `packing` holds the plan. */
export function reasonsFor(formulation: Formulation, packing: Packing, vm: number): string[] {
  const { barred, model } = at(formulation.vms, vm);
  if (barred !== undefined) return [barred];
  if (model.placement.on?.length === 0) return ['no host satisfies its `on`'];
  if (formulation.hosts.length === 0) return ['there is no host'];
  return formulation.hosts.map((planned, host) => `${planned.model.name}: ${list(lacks(formulation, packing, vm, host))}`);
}

/** What keeps the VM from this host; in doubt it says that nothing does, which an unproven plan can meet. */
function lacks(formulation: Formulation, packing: Packing, vm: number, host: number): string[] {
  const { model } = at(formulation.vms, vm);
  const { capacity, model: hostModel } = at(formulation.hosts, host);
  if (!capacity.available) return [`unavailable: ${capacity.cause ?? ''}`];
  const obstacle = hostObstacle(model, hostModel);
  if (obstacle !== undefined) return [obstacle];
  const pinned = pinnedElsewhere(formulation, vm, host);
  if (pinned !== undefined) return [pinned];
  const found = [...company(formulation, packing, vm, host), ...hostRowLacks(formulation, packing, vm, host)];
  const volumes = volumeLacks(formulation, packing, vm, host);
  const all = [...found, ...volumes];
  return all.length > 0 ? all : [packing.fits(vm, host) ? "it would fit, but not without another VM's loss" : "its disks don't fit on the arrays together"];
}

function pinnedElsewhere({ problem, volumes, disks }: Formulation, vm: number, host: number): string | undefined {
  for (const disk of at(problem.vmDisks, vm)) {
    const home = at(problem.diskVolume, disk);
    const owner = home < 0 ? -1 : at(problem.volumeHost, home);
    if (owner >= 0 && owner !== host) return `its disk ${at(disks, disk).model.name} lies on ${at(volumes, home).label}`;
  }
  return undefined;
}

function company({ problem, vms, hosts }: Formulation, packing: Packing, vm: number, host: number): string[] {
  const found: string[] = [];
  const apart = Array.from(at(problem.vmApart, vm)).filter((other) => at(packing.vmHost, other) === host);
  if (apart.length > 0) found.push(`it must be apart from ${list(apart.map((other) => at(vms, other).model.name))}, placed here`);
  const group = at(problem.vmTogether, vm);
  for (let other = 0; group >= 0 && other < problem.vmCount; other++) {
    const elsewhere = at(packing.vmHost, other);
    if (other === vm || at(problem.vmTogether, other) !== group || elsewhere < 0 || elsewhere === host) continue;
    found.push(`it must be together with ${at(vms, other).model.name}, placed on ${at(hosts, elsewhere).model.name}`);
    break;
  }
  return found;
}

function hostRowLacks({ problem, devices }: Formulation, packing: Packing, vm: number, host: number): string[] {
  const row = (index: number) => {
    const need = at(problem.vmLoad, vm * problem.hostRows + index);
    const capacity = at(problem.hostCapacity, host * problem.hostRows + index);
    const free = Math.max(0, capacity - at(packing.hostUsed, host * problem.hostRows + index));
    return { need, capacity, free, short: need > free };
  };
  const [cpu, memory] = [row(CPU), row(MEMORY)];
  const found: string[] = [];
  if (cpu.short) found.push(`${vcpus(cpu.need - cpu.free)} too few (needs ${vcpus(cpu.need)}, ${vcpus(cpu.free)} of ${vcpus(cpu.capacity)} free)`);
  if (memory.short) found.push(`${bytes(memory.need - memory.free)} of memory too little (needs ${bytes(memory.need)} with Xen's share, ${bytes(memory.free)} of ${bytes(memory.capacity)} free)`);
  devices.forEach((kind, index) => {
    const { need, free, capacity, short } = row(FIRST_DEVICE + index);
    if (short) found.push(capacity === 0 ? `it has no ${kind}` : `${need - free} ${kind} too few (needs ${need}, ${free} of ${capacity} free)`);
  });
  return found;
}

/** For each disk that fits on no array of the host by itself: what each array lacks. */
function volumeLacks(formulation: Formulation, packing: Packing, vm: number, host: number): string[] {
  const { problem, volumes, disks } = formulation;
  const found: string[] = [];
  for (const disk of at(problem.vmDisks, vm)) {
    const only = at(problem.diskVolume, disk);
    const candidates = only >= 0 ? [only] : Array.from(at(problem.hostVolumes, host));
    const { name } = at(disks, disk).model;
    if (candidates.length === 0) found.push(`no array for its disk ${name}`);
    const missing = candidates.map((volume) => ({ volume, lack: volumeLack(formulation, packing, disk, volume) }));
    if (candidates.length === 0 || missing.some(({ lack }) => lack === undefined)) continue;
    found.push(`disk ${name} doesn't fit: ${missing.map(({ volume, lack }) => `${at(volumes, volume).label} ${lack ?? ''}`).join('; ')}`);
  }
  return found;
}

function volumeLack({ problem, volumes }: Formulation, packing: Packing, disk: number, volume: number): string | undefined {
  const { usable, cause } = at(volumes, volume).capacity;
  if (!usable) return `can't be used: ${cause ?? ''}`;
  const short = (row: number) => {
    const need = row === SPACE && at(problem.diskHome, disk) === volume ? 0 : at(problem.diskLoad, disk * problem.volumeRows + row);
    const index = volume * problem.volumeRows + row;
    const free = Math.max(0, at(problem.volumeCapacity, index) - at(packing.volumeUsed, index));
    return need > free ? { need, free } : undefined;
  };
  const [space, speed, iops] = [short(SPACE), short(BANDWIDTH), short(IOPS)];
  const parts: string[] = [];
  if (space !== undefined) parts.push(`has ${bytes(space.free)} of space free, ${bytes(space.need)} are needed`);
  if (speed !== undefined) parts.push(`has ${bandwidth(speed.free)} free, ${bandwidth(speed.need)} are needed`);
  if (iops !== undefined) parts.push(`has ${iops.free} IOPS free, ${iops.need} are needed`);
  return parts.length > 0 ? list(parts) : undefined;
}
