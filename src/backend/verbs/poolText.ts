/** A pool in words: the final table, and a sentence for each change on the way there. */

import type { ArrayStatus, HostState, HostStatus, PoolEvent, PoolSnapshot, VmStatus } from '../../protocol';
import { paragraph, renderTable } from './table';

const WIDTH = 100;

/** Hosts, VMs, then what failed and what to try. */
export function snapshotText(snapshot: PoolSnapshot): string {
  const hosts = renderTable({
    columns: ['HOST', 'ADDRESS', 'STATE', 'ARRAYS', 'VMs'],
    rows: snapshot.hosts.map((host) => [host.name, host.address, hostStateText(host), arraysText(host.arrays), runningOn(snapshot, host.name)]),
  });
  const vms = renderTable({
    columns: ['VM', 'STATE', 'HOST', 'NOTE'],
    rows: snapshot.vms.map((vm) => [vm.name, vm.state, vm.host ?? '', vm.state === 'running' ? (vm.reason ?? '') : '']),
  });
  const troubles = troublesText(snapshot);
  return [hosts, snapshot.vms.length === 0 ? '' : vms, troubles, `${summary(snapshot)}\n`].filter((part) => part !== '').join('\n');
}

/** `Pool homelab is up: 4 of 4 hosts ready, 12 of 12 VMs running.` */
export function summary({ cluster, phase, hosts, vms }: PoolSnapshot): string {
  const ready = hosts.filter(({ state }) => state === 'ready').length;
  const running = vms.filter(({ state }) => state === 'running').length;
  const counts = `${ready} of ${hosts.length} hosts ready, ${running} of ${vms.length} VMs running`;
  switch (phase) {
    case 'up':
      return `Pool ${cluster} is up: ${counts}.`;
    case 'partly':
      return `Pool ${cluster} is only partly up: ${counts}.`;
    case 'down':
      return `Pool ${cluster} is down.`;
    case 'booting':
      return `Pool ${cluster} is booting: ${counts}.`;
    case 'stopping':
      return `Pool ${cluster} is shutting down: ${counts}.`;
    case 'idle':
      return `Pool ${cluster} is idle: ${counts}.`;
  }
}

/** What an event says to people; undefined when it is only of use to machines. */
export function eventSentence(event: PoolEvent): string | undefined {
  switch (event.event) {
    case 'host':
      return hostSentence(event.host);
    case 'vm':
      return vmSentence(event.vm);
    case 'netboot':
      return undefined;
    case 'log':
      return event.level === 'debug' ? undefined : event.sentence;
    case 'serving':
      return servingSentence(event.addresses);
    case 'pool':
      return summary(event.snapshot);
  }
}

/** What a host is doing in this state, in words. */
export function hostSentence({ name, state, attempt, waits, cause, remedy }: HostStatus): string {
  const again = attempt > 1 && state === 'waking' ? ` (attempt ${attempt})` : '';
  if (state === 'failed') return `${name} is given up: ${ended(cause ?? 'it failed')} ${remedy ?? ''}`.trimEnd();
  return `${name} ${waits ?? DOING[state]}${again}${state === 'waking' && cause !== undefined ? `: ${cause}` : ''}.`;
}

const DOING: Readonly<Record<Exclude<HostState, 'failed'>, string>> = {
  off: 'is off',
  waking: 'is being woken',
  dhcp: 'has an address',
  bootloader: 'loads its boot program',
  kernel: 'loads Xen and its kernel',
  root: 'fetches its root image',
  hello: 'starts dom0',
  ssh: 'said hello',
  arrays: 'brings up its arrays',
  ready: 'is ready',
};

function vmSentence({ name, state, host, reason, remedy }: VmStatus): string {
  const where = host === undefined ? '' : ` on ${host}`;
  const why = reason === undefined ? '' : `: ${reason}`;
  const trouble = state === 'failed' || state === 'unplaced';
  const said = ended(`${name} ${VM_IS[state]}${trouble && host === undefined ? '' : where}${why}`);
  return trouble && remedy !== undefined ? `${said} ${remedy}` : said;
}

const VM_IS: Readonly<Record<VmStatus['state'], string>> = {
  stopped: 'is stopped',
  waiting: 'waits',
  preparing: 'is being prepared',
  starting: 'is starting',
  running: 'runs',
  unplaced: 'has no place',
  failed: 'failed',
  stopping: 'is stopping',
};

export function servingSentence(addresses: Readonly<Record<string, string>>): string {
  return `Serving ${Object.entries(addresses)
    .map(([service, address]) => `${SERVICES[service] ?? service} on ${address}`)
    .join(', ')}.`;
}

const SERVICES: Readonly<Record<string, string>> = { dhcp: 'DHCP', proxyDhcp: 'ProxyDHCP', tftp: 'TFTP', http: 'HTTP', dns: 'DNS' };

function hostStateText({ state, percent, attempt, waits }: HostStatus): string {
  if (state === 'ready' || state === 'off') return state;
  return `${waits ?? `${state}${state === 'failed' ? '' : ` ${percent} %`}`}${attempt > 1 ? ` (attempt ${attempt})` : ''}`;
}

function arraysText(arrays: readonly ArrayStatus[]): string {
  return arrays.map(({ name, state }) => (state === 'clean' || state === 'unknown' ? name : `${name} ${state}`)).join(', ');
}

function runningOn({ vms }: PoolSnapshot, host: string): string {
  return vms
    .filter((vm) => vm.state === 'running' && vm.host === host)
    .map(({ name }) => name)
    .join(' ');
}

function troublesText({ hosts, vms }: PoolSnapshot): string {
  const troubles = [
    ...hosts.flatMap((host) => (host.cause === undefined ? [] : [trouble(host.name, host.cause, host.remedy)])),
    ...hosts.flatMap((host) => host.arrays.flatMap((array) => (array.state === 'clean' || array.detail === undefined ? [] : [trouble(`${host.name}/${array.name}`, array.detail, undefined)]))),
    ...vms.flatMap((vm) => (vm.reason === undefined || (vm.state !== 'failed' && vm.state !== 'unplaced') ? [] : [trouble(vm.name, vm.reason, vm.remedy)])),
  ];
  return troubles.length === 0 ? '' : `What failed, and what to try:\n${troubles.join('')}`;
}

function trouble(who: string, cause: string, remedy: string | undefined): string {
  return paragraph('  ', ended(`${who}: ${cause}`), WIDTH) + (remedy === undefined ? '' : paragraph('    → ', remedy, WIDTH));
}

/** Causes come as sentences and as parts of one. */
function ended(sentence: string): string {
  return sentence.replace(/[.]?$/, '.');
}
