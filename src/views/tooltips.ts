/** What the tree tells when the pointer rests on something: Markdown of a few lines. */

import type { ArrayModel, HostModel, VmModel } from '../backend/drive/model';
import type { ArrayStatus, HostStatus, PlanJson, VmStatus } from '../protocol';
import { hostDoes } from './looks';
import { bandwidth, bytes } from '../backend/placement/words';
import { count } from './count';

export function hostTooltip(host: HostModel, status: HostStatus | undefined, vms: readonly VmModel[]): string {
  const memory = sum(vms.map((vm) => vm.memoryBytes));
  return paragraphs([
    [status ? `**${host.name}** ${hostDoes(status)}` : `**${host.name}**`, ...trouble(status)],
    [
      `${plain(host.address)} · ${host.macs.join(', ')}`,
      `${count(host.cpus, 'CPU')}, ${host.reserve.cpus} of them for dom0`,
      `${bytes(host.memoryBytes)} of memory, ${bytes(host.reserve.memoryBytes)} of it for dom0`,
    ],
    [`${count(vms.length, 'VM')}: ${count(sum(vms.map((vm) => vm.vcpus)), 'vCPU')}, ${bytes(memory)} of memory`],
  ]);
}

export function arrayTooltip(array: ArrayModel, status: ArrayStatus | undefined): string {
  const state = status && status.state !== 'unknown' ? ` is ${status.state}${status.mounted ? ', mounted' : ''}` : '';
  return paragraphs([
    [`**${array.name}**${state}`, ...(status?.detail === undefined ? [] : [plain(status.detail)])],
    [
      `${array.level} of ${array.members.map(plain).join(', ')}`,
      `${bytes(array.capacityBytes)} at ${plain(array.mount)}, ${bandwidth(array.bandwidthBps)}`,
    ],
  ]);
}

export function vmTooltip(vm: VmModel, status: VmStatus | undefined, plan: PlanJson | undefined): string {
  return paragraphs([
    [status ? `**${vm.name}** is ${status.state}` : `**${vm.name}**`, ...trouble(status)],
    [`${count(vm.vcpus, 'vCPU')} · ${bytes(vm.memoryBytes)} · priority ${vm.priority}`, ...vm.disks.map((disk) => diskLine(vm, disk, plan))],
    startLines(vm),
  ]);
}

export function unplacedTooltip(vm: VmModel, reasons: readonly string[]): string {
  return paragraphs([[`**${vm.name}** has no host`], reasons.map((reason) => `- ${plain(reason)}`)]);
}

function diskLine(vm: VmModel, disk: VmModel['disks'][number], plan: PlanJson | undefined): string {
  const place = plan?.disks[`${vm.name}/${disk.name}`];
  const on = place === undefined ? '' : ` on ${'storage' in place ? place.storage : `${place.host}/${place.array}`}`;
  return `disk ${disk.name}: ${bytes(disk.sizeBytes)}, ${bandwidth(disk.bandwidthBps)}${on}`;
}

function startLines(vm: VmModel): readonly string[] {
  return [
    ...(vm.start.after.length > 0 ? [`starts after ${vm.start.after.join(', ')}`] : []),
    ...(vm.placement.apart.length > 0 ? [`never with ${vm.placement.apart.join(', ')}`] : []),
    ...(vm.placement.together.length > 0 ? [`always with ${vm.placement.together.join(', ')}`] : []),
  ];
}

function trouble(status: { readonly cause?: string; readonly reason?: string; readonly remedy?: string } | undefined): readonly string[] {
  return [status?.cause ?? status?.reason, status?.remedy].filter((text) => text !== undefined).map(plain);
}

function paragraphs(blocks: readonly (readonly string[])[]): string {
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('  \n'))
    .join('\n\n');
}

/** Text that machines or specs supplied must not turn into Markdown. */
function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+!|<>~-]/g, '\\$&');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
