/** Starts the boot server: its four services over one model, and what the rest of PXEN hears of them. */

import { readFile } from 'node:fs/promises';
import os from 'node:os';
import type { PoolModel } from '../drive/model';
import { LOADERS } from './answers/bootFile';
import { answerDns } from './answers/dns';
import { hostOfMac, nameOfHost } from './answers/facts';
import { startDhcp } from './dhcp';
import { createLocalNetworks } from './dns/localNetworks';
import { type DnsServer, startDnsServer } from './dns/server';
import { loadDownloads } from './http/images';
import { startHttpServer } from './http/server';
import { STANDARD_PORTS, type NetbootEndpoints } from './endpoints';
import { inSubnet, parseSubnet } from './ipv4';
import { createMetrics, type NetbootMetrics } from './metrics';
import { createRepeatFilter } from './repeats';
import type { BootServer, BootServerOptions } from './server';
import { createPortHelper, type PortHelper } from './portHelper/ask';
import { startTftpServer, type TftpServer } from './tftp/server';
import type { TftpEvent } from './tftp/sessions';

/** RFC 7440 lets a client ask for 65535 blocks in flight; the buffers of a switch take far fewer. */
const LARGEST_WINDOW = 16;
/** IP, UDP and TFTP headers. */
const TFTP_OVERHEAD = 20 + 8 + 4;
const ETHERNET_MTU = 1500;
/** In lock step these are so many packets under way: a third of a second of a 10 Mbit/s line, nothing to a faster one. */
const CONCURRENT_TRANSFERS = 256;

/**
 * Resolves when everything listens. DHCP answers last, so that no machine is told of a service that isn't there yet.
 * Rejects with a `ListenError` in words, having closed what was open already. With `dhcp: off` no DHCP port is opened
 * until the next start, and `ports.dhcp` and `ports.proxyDhcp` are 0; every other edit of the drive is obeyed at once.
 */
export async function startBootServer(options: BootServerOptions): Promise<BootServer> {
  const { portHelper: command } = options.endpoints;
  if (command === undefined) return startServices(options);
  const portHelper = createPortHelper(command);
  try {
    return await startServices({ ...options, portHelper });
  } finally {
    // All that needed root is open.
    portHelper.close();
  }
}

interface Starting extends BootServerOptions {
  readonly portHelper?: PortHelper;
}

async function startServices(options: Starting): Promise<BootServer> {
  const metrics = createMetrics();
  const firstTime = createRepeatFilter(options.clock);
  const onTrouble = (sentence: string) => {
    if (firstTime(sentence)) options.log('warn', sentence);
  };
  const open: { close(): Promise<void> }[] = [];
  const opened = <Service extends { close(): Promise<void> }>(service: Service): Service => {
    open.push(service);
    return service;
  };
  const close = async () => {
    // Last opened, first closed: DHCP sends nobody to a service that has gone.
    for (const service of open.splice(0).reverse()) await service.close();
  };
  const opening = (async () => ({
    http: opened(await startHttpServer({ ...options, ...httpPlace(options.endpoints), metrics, firstTime })),
    tftp: opened(await startTftp(options, metrics, firstTime)),
    dns: opened(await startDns(options, metrics, onTrouble)),
  }))();
  // What only downloads need is loaded while DHCP waits, below.
  const loading = opening.then(loadDownloads);
  // It looks for other servers before it answers, which takes longer than all else, and so begins meanwhile.
  const openingDhcp = options.model().cluster.network.dhcp === 'off' ? undefined : startDhcp({ ...options, httpPort: Promise.all([opening, options.mayServe]).then(([{ http }]) => http.port), metrics, onTrouble, firstTime });
  const ended = await Promise.allSettled([opening, openingDhcp, loading]);
  const [, dhcpEnded] = ended;
  if (dhcpEnded.status === 'fulfilled' && dhcpEnded.value) opened(dhcpEnded.value);
  try {
    const [{ http, tftp, dns }, dhcp] = [await opening, await openingDhcp];
    await Promise.all([options.mayServe, loading]);
    return {
      ports: { dhcp: dhcp?.ports.dhcp ?? 0, proxyDhcp: dhcp?.ports.pxe ?? 0, tftp: tftp.port, http: http.boundPort, dns: dns.port },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startTftp(options: Starting, metrics: NetbootMetrics, firstTime: (sentence: string) => boolean): Promise<TftpServer> {
  const { endpoints, portHelper } = options;
  const { bindAddress } = endpoints;
  return startTftpServer({
    bindAddress,
    port: endpoints.ports.tftp,
    portHelper,
    files: () => ({ folder: `${options.imagesFolder}/${options.image()}`, names: Object.values(LOADERS) }),
    limits: { largestBlock: (await mtuOf(bindAddress)) - TFTP_OVERHEAD, largestWindow: LARGEST_WINDOW },
    concurrency: CONCURRENT_TRANSFERS,
    singlePort: options.tftpSinglePort ?? false,
    clock: options.clock,
    onEvent: (event) => tellTftp(event, options, metrics, firstTime),
    onLoad: ({ running, waiting }) => {
      metrics.tftpRunning.set(running);
      metrics.tftpWaiting.set(waiting);
    },
  });
}

function startDns({ endpoints, portHelper, model, clock, random }: Starting, metrics: NetbootMetrics, onTrouble: (sentence: string) => void): Promise<DnsServer> {
  const { bindAddress } = endpoints;
  const isOnInterface = createLocalNetworks(clock);
  return startDnsServer({
    bindAddress,
    port: endpoints.ports.dns,
    portHelper,
    answer: (question) => answerDns(model(), question, bindAddress),
    isLocal: (address) => isOnInterface(address) || inSubnet(address, parseSubnet(model().cluster.network.subnet)),
    forwarders: () => model().cluster.network.forwarders ?? [],
    forwarderPort: STANDARD_PORTS.dns,
    onAnswer: (_question, outcome) => metrics.dns.inc({ answer: outcome }),
    onTrouble,
    clock,
    random,
  });
}

function tellTftp(event: TftpEvent, { onEvent, log, model }: BootServerOptions, metrics: NetbootMetrics, firstTime: (sentence: string) => boolean): void {
  const { outcome, file, resent } = event;
  metrics.tftp.inc({ outcome: outcome.kind });
  metrics.tftpResent.inc(resent);
  const known = machineOf(event, model());
  const who = known.host === undefined ? (known.mac ?? event.client.address) : nameOfHost(known.host, known.mac);
  switch (outcome.kind) {
    case 'sent': {
      metrics.tftpBytes.inc(outcome.bytes);
      const sentence = `${who} fetched ${file} over TFTP (${outcome.bytes} bytes${resent > 0 ? `, ${resent} packets sent again` : ''})`;
      if (known.mac === undefined) log('info', sentence);
      else onEvent({ kind: 'bootloader', mac: known.mac, ...(known.host && { host: known.host.name }), file, sentence });
      return;
    }
    case 'only-asked':
      log('debug', `${who} asked for the size of ${file} over TFTP`);
      return;
    case 'unknown-file':
      // Newer iPXE looks for autoexec.ipxe before anything else: that there is none is the right answer.
      log('debug', `${who} asked over TFTP for ${printable(file)}, which isn't served`);
      return;
    case 'refused':
    case 'failed': {
      const sentence = `${who} didn't get ${printable(file)} over TFTP: ${outcome.reason}`;
      if (firstTime(sentence)) onEvent({ kind: 'refused', ...(known.mac !== undefined && { mac: known.mac }), ...(known.host && { host: known.host.name }), sentence });
    }
  }
}

/** Behind nginx, HTTP listens elsewhere than machines are told. */
function httpPlace({ bindAddress, ports, httpUpstream }: NetbootEndpoints) {
  if (!httpUpstream) return { bindAddress, port: ports.http };
  return { bindAddress: httpUpstream.address, port: httpUpstream.port, front: { publicAddress: bindAddress, publicPort: ports.http } };
}

/** The MAC is in the file's name when our DHCP gave it out; else the address may be a host's. */
function machineOf({ mac, client }: TftpEvent, model: PoolModel) {
  if (mac !== undefined) return { mac, host: hostOfMac(model, mac) };
  const host = model.hosts.find(({ address }) => address === client.address);
  return host ? { mac: host.macs[0], host } : { mac: undefined, host: undefined };
}

function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?').slice(0, 100);
}

/** Of the interface that holds the address. Only Linux tells (sysfs); elsewhere Ethernet's is safe. */
async function mtuOf(address: string): Promise<number> {
  const holder = Object.entries(os.networkInterfaces()).find(([, entries]) => entries?.some((entry) => entry.address === address));
  if (!holder) return ETHERNET_MTU;
  const text = await readFile(`/sys/class/net/${holder[0]}/mtu`, 'utf8').catch(() => '');
  return Number.parseInt(text, 10) || ETHERNET_MTU;
}
