/** From power on to Xen: the firmware's DHCP and boot loader, iPXE, its script, and what that script starts. */

import type { Cable } from './network';
import { FIRMWARE_TRAITS, IPXE_OF_IMAGE, type IpxeBuild, type PxeClient } from './clients';
import { decodeOffer, encodeAsk, type DhcpAsk, type DhcpOffer } from './dhcp-client';
import { fetchFile } from './http-client';
import { runIpxeScript, type IpxeImage } from './ipxe-script';
import { tftpRead } from './tftp-client';
import { uuidFrom, type Hardware, type Rack } from '../hardware';
import { labFile, labFileProblem } from '../image';
import type { Death } from '../faults';

/** What the boot code asks of the machine it runs in. */
export interface MachineUnderBoot {
  readonly hardware: Hardware;
  readonly network: Pick<Rack, 'dhcp' | 'serverAddress'>;
  readonly cable: Cable;
  /** Aborted when the power goes. */
  readonly signal: AbortSignal;
  random(size: number): Buffer;
  /** Waits, in the lab's time. */
  pause(ms: number): Promise<void>;
  /** Loses the power here, when that is the machine's fault. */
  reached(state: Death): void;
  console(line: string): void;
}

/** What Xen was started with. */
export interface StartedXen {
  /** As it came over the network: this host's boot words, then the image's initrd. */
  readonly initrd: Buffer;
}

/** An iPXE pause of a second takes this long, or a lab would wait as long as real machines do. */
const SCRIPT_SECOND_MS = 100;

/** One attempt; rejects with the firmware's complaint. */
export async function bootFromNetwork(machine: MachineUnderBoot): Promise<StartedXen> {
  const traits = FIRMWARE_TRAITS[machine.hardware.firmware];
  machine.console(`${traits.screen} ${machine.hardware.mac}`);
  const build = traits.ipxe === undefined ? await loadIpxe(machine, traits.client) : traits.ipxe;
  return runIpxe(machine, build, traits.platform);
}

/** The ROM asks for an address and a boot file, and starts what it gets. */
async function loadIpxe(machine: MachineUnderBoot, client: PxeClient): Promise<IpxeBuild> {
  const file = (await askForBootFile(machine, client)) ?? otherServersLoader(machine, client);
  machine.reached('dhcp');
  const content = client.fetches === 'http' ? await fetchByUefi(machine, file) : await tftpRead(machine.cable, file.replace(/^\/+/, ''), machine.signal);
  const problem = labFileProblem(content, client.loader);
  if (problem !== undefined) throw new Error(`${file}: ${problem}`);
  machine.console(`${file} ... ok`);
  machine.reached('bootloader');
  return IPXE_OF_IMAGE[client.platform];
}

/** UEFI asks for the size first (EDK2's HttpBootDxe). */
async function fetchByUefi(machine: MachineUnderBoot, file: string): Promise<Buffer> {
  const url = machine.cable.url(file);
  const head = await fetch(url, { method: 'HEAD', signal: machine.signal });
  const announced = Number(head.headers.get('content-length'));
  if (!head.ok || !(announced > 0)) throw new Error(`HEAD ${file}: ${head.status}, Content-Length ${announced}`);
  const content = await fetchFile(machine.cable, file, machine.signal);
  if (content.length !== announced) throw new Error(`${file}: ${content.length} bytes, ${announced} announced`);
  return content;
}

async function runIpxe(machine: MachineUnderBoot, build: IpxeBuild, platform: 'pcbios' | 'efi'): Promise<StartedXen> {
  const { hardware, cable, network } = machine;
  machine.console(`iPXE ${build.version} -- Features: ${build.features.length}`);
  const file = (await askForBootFile(machine, build.client)) ?? `http://${network.serverAddress}/boot/${hardware.mac}.ipxe`;
  if (!/^https?:/.test(file)) {
    // A card's iPXE that was chained into the image's.
    const loader = platform === 'efi' ? 'snponly.efi' : 'undionly.kpxe';
    const problem = labFileProblem(await tftpRead(cable, file, machine.signal), loader);
    if (problem !== undefined) throw new Error(`${file}: ${problem}`);
    machine.reached('bootloader');
    return runIpxe(machine, IPXE_OF_IMAGE[platform], platform);
  }
  if (!build.features.includes('http')) throw new Error(`${file}: Protocol not supported`);
  const script = await fetchFile(cable, file, machine.signal);
  let started: StartedXen | undefined;
  await runIpxeScript(script.toString('utf8'), {
    settings: new Map<string, string>([
      ['platform', platform],
      ['buildarch', 'x86_64'],
      ['mac', hardware.mac],
      ['net0/mac', hardware.mac],
      ['next-server', network.serverAddress],
      ['filename', file],
    ]),
    fetch: (uri) => fetchFile(cable, uri, machine.signal, (ms) => machine.pause(ms)),
    start: (kernel, others) => {
      const attempt = platform === 'efi' ? startXenEfi(kernel, others) : startMultiboot(kernel, others);
      if (typeof attempt === 'string') return attempt;
      started = attempt;
      return undefined;
    },
    sleep: (seconds) => machine.pause(seconds * SCRIPT_SECOND_MS),
    print: (line) => machine.console(line),
  });
  if (started === undefined) throw new Error('iPXE: the script ended without starting anything');
  return started;
}

/** iPXE gives Xen all command lines, each after its file's URL, in one buffer of this size and drops the rest (its multiboot.c). */
const MULTIBOOT_COMMAND_LINES_BYTES = 512;

/** Multiboot: Xen, then dom0's kernel, then its initrd. */
export function startMultiboot(xen: IpxeImage, modules: readonly IpxeImage[]): StartedXen | string {
  const [kernel, initrd] = modules;
  if (kernel === undefined || initrd === undefined) return `Xen needs two modules and got ${modules.length}`;
  const bytes = [xen, kernel, initrd].reduce((sum, image) => sum + Buffer.byteLength([image.uri, ...image.arguments].join(' ')) + 1, 0);
  if (bytes > MULTIBOOT_COMMAND_LINES_BYTES) return `the command lines are ${bytes} bytes long and were cut off`;
  const problem = labFileProblem(xen.content, 'xen') ?? bootFilesProblem(kernel, initrd);
  return problem === undefined ? { initrd: initrd.content } : `Exec format error: ${problem}`;
}

/** xen.efi reads its configuration, kernel and ramdisk by name from what iPXE holds (xen docs/misc/efi.pandoc). */
export function startXenEfi(xen: IpxeImage, others: readonly IpxeImage[]): StartedXen | string {
  const find = (name: string) => others.find((image) => image.name === name);
  const configName = xen.arguments.find((word) => word.startsWith('-cfg='))?.slice('-cfg='.length);
  const config = configName === undefined ? undefined : find(configName);
  if (config === undefined) return `Xen finds no configuration file${configName === undefined ? '' : ` ${configName}`}`;
  const sections = parseIni(config.content.toString('utf8'));
  const chosen = sections.get(sections.get('global')?.get('default') ?? '');
  const kernel = find(chosen?.get('kernel')?.split(/\s+/)[0] ?? '');
  const initrd = find(chosen?.get('ramdisk') ?? '');
  if (kernel === undefined || initrd === undefined) return 'Xen finds no kernel or ramdisk of the names in its configuration';
  const problem = labFileProblem(xen.content, 'xen.efi') ?? bootFilesProblem(kernel, initrd);
  return problem === undefined ? { initrd: initrd.content } : `Exec format error: ${problem}`;
}

function bootFilesProblem(kernel: IpxeImage, initrd: IpxeImage): string | undefined {
  return labFileProblem(kernel.content, 'vmlinuz') ?? labFileProblem(initrd.content.subarray(-labFile('initrd').length), 'initrd');
}

function parseIni(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  for (const line of text.split('\n')) {
    const heading = /^\[([^\]]+)\]\s*$/.exec(line)?.[1];
    if (heading !== undefined) {
      section = new Map<string, string>();
      sections.set(heading, section);
      continue;
    }
    const at = line.indexOf('=');
    if (at > 0) section.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return sections;
}

/** Undefined when the pool's DHCP server is somebody else's, who names the boot file too. */
async function askForBootFile(machine: MachineUnderBoot, client: PxeClient): Promise<string | undefined> {
  if (machine.network.dhcp === 'off') return undefined;
  const offer = await exchange(machine, client);
  if (client.fetches === 'http' && offer.vendorClass !== 'HTTPClient') throw new Error(`the offer is for ${offer.vendorClass ?? 'nobody'}, not for UEFI HTTP boot`);
  if (offer.bootFile === '') throw new Error('PXE-E53: No boot filename received');
  return offer.bootFile;
}

/** What a DHCP server that PXEN doesn't run would be set up to say (README, `dhcp: off`). */
function otherServersLoader(machine: MachineUnderBoot, client: PxeClient): string {
  return client.fetches === 'http' ? `http://${machine.network.serverAddress}/images/lab/${client.loader}` : client.loader;
}

async function exchange(machine: MachineUnderBoot, client: PxeClient): Promise<DhcpOffer> {
  const { hardware, cable } = machine;
  const udp = await cable.open();
  try {
    const transactionId = machine.random(4);
    const base = {
      transactionId,
      mac: hardware.mac,
      uuid: uuidFrom(`machine ${hardware.mac}`),
      architecture: client.architecture,
      vendorClass: client.vendorClass,
      ...(client.ipxeFeatures === undefined ? {} : { ipxeFeatures: client.ipxeFeatures }),
    };
    const ask = async (what: Pick<DhcpAsk, 'type' | 'taking'>, service: 'dhcp' | 'proxyDhcp', wanted: DhcpOffer['type']): Promise<DhcpOffer> => {
      for (const waitMs of client.retriesMs) {
        const port = cable.port(service);
        if (port !== undefined) await udp.send(encodeAsk({ ...base, ...what }), port);
        for (const until = Date.now() + waitMs; Date.now() < until; ) {
          const heard = await udp.receive(until - Date.now(), machine.signal);
          const offer = heard === undefined ? undefined : decodeOffer(heard.packet, transactionId);
          if (offer?.type === 'nak') throw new Error('the server refused the address (NAK)');
          if (offer?.type === wanted) return offer;
        }
      }
      throw new Error('PXE-E51: No DHCP or proxyDHCP offers were received');
    };
    const offer = await ask({ type: 'discover' }, 'dhcp', 'offer');
    if (offer.address === '0.0.0.0') {
      // A proxy: the address comes from the other server, which the lab takes for granted. UEFI asks the proxy once more.
      return client.platform === 'efi' ? await ask({ type: 'request' }, 'proxyDhcp', 'ack') : offer;
    }
    return await ask({ type: 'request', taking: { address: offer.address, server: offer.server } }, 'dhcp', 'ack');
  } finally {
    udp.close();
  }
}
