/** Starting and stopping one VM on one host. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { delay, type Clock } from '../system';
import type { Domain, DomainConfig } from './control';
import { listDomains } from './domains';
import { HostError } from './errors';
import { makeFolder, writeFileAtomically } from './files';
import { must, type Dom0Shell } from './shell';
import { vmConfig, type BootFiles } from './vm-config';

/** RAM of the host: configurations and boot files are gone with the boot, as nothing is installed. */
const CONFIG_FOLDER = '/run/pxen/vms';
const BOOT_FOLDER = '/run/pxen/boot';

/** Building a large guest, or any guest under emulation. */
const CREATE_SILENCE_MS = 5 * 60_000;
const LOOK_AGAIN_MS = 500;
/** From `xl destroy` to the domain gone: its memory is given back page by page. */
const DESTROY_LIMIT_MS = 2 * 60_000;

/** Resolves once the hypervisor lists the domain. Refuses when its UUID or name is there already. */
export async function startVm(shell: Dom0Shell, domain: DomainConfig, signal: AbortSignal): Promise<void> {
  refuseRunning(shell, domain, await listDomains(shell, signal));
  const files = await bootFiles(shell, domain, signal);
  const path = `${CONFIG_FOLDER}/${domain.name}.cfg`;
  await writeFileAtomically(shell, path, vmConfig(domain, files), signal);
  await must(
    shell,
    { command: ['xl', 'create', path], silenceMs: CREATE_SILENCE_MS, tried: `start VM ${domain.name}`, remedy: `See /var/log/xen/xl-${domain.name}.log and xl dmesg on the host.` },
    signal,
  );
  if (find(await listDomains(shell, signal), domain.uuid) !== undefined) return;
  throw new HostError({
    kind: 'command',
    host: shell.host,
    tried: `start VM ${domain.name}`,
    said: 'xl create succeeded, and Xen does not list the domain',
    remedy: `It ended at once: see /var/log/xen/xl-${domain.name}.log on the host, and its kernel and root disk.`,
  });
}

function refuseRunning(shell: Dom0Shell, domain: DomainConfig, present: readonly Domain[]): void {
  const clash = find(present, domain.uuid) ?? present.find(({ name }) => name === domain.name);
  if (clash === undefined) return;
  throw new HostError({
    kind: 'refused',
    host: shell.host,
    tried: `start VM ${domain.name}`,
    said: clash.uuid === domain.uuid ? `it is there already as domain ${clash.id} (${clash.state})` : `another domain has its name (${clash.id}, UUID ${clash.uuid})`,
    remedy: clash.uuid === domain.uuid ? 'Leave it, or stop it first.' : 'Find out whose it is before stopping it: xl list -v on the host.',
  });
}

/** Kernel and ramdisk in the host's RAM, under their sums: sent once, however many VMs use them. */
async function bootFiles(shell: Dom0Shell, domain: DomainConfig, signal: AbortSignal): Promise<BootFiles | undefined> {
  const { boot } = domain;
  if (!('kernelFile' in boot)) return undefined;
  const kernel = await sendOnce(shell, domain, boot.kernelFile, signal);
  return boot.ramdiskFile === undefined ? { kernel } : { kernel, ramdisk: await sendOnce(shell, domain, boot.ramdiskFile, signal) };
}

async function sendOnce(shell: Dom0Shell, domain: DomainConfig, file: string, signal: AbortSignal): Promise<string> {
  const sum = await sha256(shell, file);
  const path = `${BOOT_FOLDER}/${sum}`;
  if ((await shell.execute(['test', '-e', path], signal)).code === 0) return path;
  const tried = `copy ${file} to the host’s memory`;
  const remedy = 'Dom0 may be short of memory: raise the host’s reserve.memory.';
  await makeFolder(shell, BOOT_FOLDER, signal);
  // Two VMs may send the same file at once: each to its own name, and the rename is the same file either way.
  const part = `${path}.${domain.uuid}.part`;
  await must(shell, { command: ['dd', `of=${part}`, 'bs=1M', 'iflag=fullblock', 'status=none'], stdin: createReadStream(file) as AsyncIterable<Buffer>, tried, remedy }, signal);
  const arrived = await must(shell, { command: ['sha256sum', part], tried, remedy }, signal);
  if (!arrived.startsWith(sum)) {
    throw new HostError({ kind: 'command', host: shell.host, tried, said: 'what arrived has another sha256 sum', remedy: 'Try again; if it happens twice, test the host’s memory.' });
  }
  await must(shell, { command: ['mv', '--no-target-directory', part, path], tried, remedy }, signal);
  return path;
}

async function sha256(shell: Dom0Shell, file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  } catch (error) {
    throw new HostError(
      { kind: 'refused', host: shell.host, tried: `read ${file}`, said: error instanceof Error ? error.message : String(error), remedy: 'Put the file at that place of the drive, or correct the VM’s boot section.' },
      { cause: error },
    );
  }
  return hash.digest('hex');
}

export interface StopOptions {
  readonly timeoutMs: number;
  /** Destroy it when it hasn't ended in time. */
  readonly force: boolean;
}

/** Resolves once the hypervisor no longer lists the domain; one that isn't there is stopped already. */
export async function stopVm(shell: Dom0Shell, uuid: string, options: StopOptions, clock: Clock, signal: AbortSignal): Promise<void> {
  const domain = find(await listDomains(shell, signal), uuid);
  if (domain === undefined) return;
  const tried = `shut down VM ${domain.name}`;
  if (domain.state === 'running' || domain.state === 'paused') {
    // -F: ACPI for a guest without Xen's drivers (xl(1)).
    const asked = await shell.execute(['xl', 'shutdown', '-F', String(domain.id)], signal);
    if (await gone(shell, uuid, asked.code === 0 ? options.timeoutMs : 0, clock, signal)) return;
    if (!options.force) {
      throw new HostError({
        kind: 'command',
        host: shell.host,
        tried,
        said: asked.code === 0 ? `it is still there after ${Math.round(options.timeoutMs / 1000)} s` : asked.stderr,
        remedy: 'Shut it down from inside, or have it ended by force.',
      });
    }
  }
  if (domain.state === 'dying' && (await gone(shell, uuid, DESTROY_LIMIT_MS, clock, signal))) return;
  // One that has crashed or ended and is kept for a look holds nothing that a shutdown could save.
  await must(shell, { command: ['xl', 'destroy', String(domain.id)], silenceMs: DESTROY_LIMIT_MS, tried: `end VM ${domain.name}`, remedy: 'See xl dmesg on the host.' }, signal);
  if (await gone(shell, uuid, DESTROY_LIMIT_MS, clock, signal)) return;
  throw new HostError({ kind: 'command', host: shell.host, tried: `end VM ${domain.name}`, said: 'Xen still lists it', remedy: 'One of its disks may hang: see the host’s kernel log.' });
}

async function gone(shell: Dom0Shell, uuid: string, limitMs: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const until = clock.now() + limitMs;
  for (;;) {
    if (find(await listDomains(shell, signal), uuid) === undefined) return true;
    if (clock.now() >= until) return false;
    await delay(clock, LOOK_AGAIN_MS, signal);
  }
}

function find(domains: readonly Domain[], uuid: string): Domain | undefined {
  return domains.find((domain) => domain.uuid === uuid.toLowerCase());
}
