/** The services that DHCP sends machines to: HTTP, TFTP and DNS, and what is counted and told of them. */

import { readFile } from 'node:fs/promises';
import { LOADERS } from './answers/bootFile';
import { answerDns } from './answers/dns';
import { createLocalNetworks } from './dns/localNetworks';
import { type DnsServer, startDnsServer } from './dns/server';
import { createDnsTeller } from './dns/teller';
import { STANDARD_PORTS, type NetbootEndpoints } from './endpoints';
import { loadDownloads } from './http/images';
import { type HttpServer, startHttpServer } from './http/server';
import { inSubnet, parseSubnet } from './ipv4';
import { watchLink } from './linkWatch';
import { machineInterfaces } from './machineInterfaces';
import { createMetrics, type NetbootMetrics } from './metrics';
import type { PortHelper } from './portHelper/ask';
import type { BootServerOptions } from './server';
import { startTftpServer, type TftpServer } from './tftp/server';
import { createTftpTeller } from './tftp/teller';

/** RFC 7440 lets a client ask for 65535 blocks in flight; the buffers of a switch take far fewer. */
const LARGEST_WINDOW = 16;
/** IP, UDP and TFTP headers. */
const TFTP_OVERHEAD = 20 + 8 + 4;
const ETHERNET_MTU = 1500;
/** In lock step these are so many packets under way: a third of a second of a 10 Mbit/s line, nothing to a faster one. */
const CONCURRENT_TRANSFERS = 256;

export interface ServicesOptions extends BootServerOptions {
  readonly portHelper?: PortHelper;
  readonly onTrouble: (sentence: string) => void;
  /** Whether a sentence wasn't told a moment ago. */
  readonly firstTime: (sentence: string) => boolean;
}

export interface Services {
  readonly http: HttpServer;
  readonly tftp: TftpServer;
  readonly dns: DnsServer;
  readonly metrics: NetbootMetrics;
  /** Resolves when what only downloads need is loaded as well. */
  readonly loaded: Promise<unknown>;
  close(): Promise<void>;
}

/** Rejects with a `ListenError` in words, having closed what was open already. */
export async function openServices(options: ServicesOptions): Promise<Services> {
  const { onTrouble } = options;
  const metrics = createMetrics();
  const open: { close(): Promise<void> }[] = [];
  const opened = <Service extends { close(): Promise<void> }>(service: Service): Service => {
    open.push(service);
    return service;
  };
  const close = async () => {
    for (const service of open.splice(0).reverse()) await service.close();
  };
  try {
    const http = opened(await startHttpServer({ ...options, ...httpPlace(options.endpoints), onlyServer: isOnlyServer(options), metrics }));
    const tftp = opened(await startTftp(options, metrics));
    const dns = opened(await startDns(options, metrics, onTrouble));
    const { interface: name } = options.endpoints;
    if (name !== undefined) opened(watchLink({ name, clock: options.clock, log: options.log }));
    const loaded = loadDownloads();
    // Who awaits it sees the rejection.
    loaded.catch(() => undefined);
    return { http, tftp, dns, metrics, loaded, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startTftp(options: ServicesOptions, metrics: NetbootMetrics): Promise<TftpServer> {
  const { endpoints, portHelper } = options;
  const { bindAddress } = endpoints;
  const tell = createTftpTeller(options);
  return startTftpServer({
    bindAddress,
    port: endpoints.ports.tftp,
    portHelper,
    files: () => ({ folder: `${options.imagesFolder}/${options.image()}`, names: Object.values(LOADERS) }),
    limits: { largestBlock: (await mtuOf(bindAddress)) - TFTP_OVERHEAD, largestWindow: LARGEST_WINDOW },
    concurrency: CONCURRENT_TRANSFERS,
    singlePort: endpoints.tftpSinglePort ?? false,
    clock: options.clock,
    onEvent: (event) => {
      metrics.tftp.inc({ outcome: event.outcome.kind });
      metrics.tftpResent.inc(event.resent);
      if (event.outcome.kind === 'sent') metrics.tftpBytes.inc(event.outcome.bytes);
      tell(event);
    },
    onLoad: ({ running, waiting }) => {
      metrics.tftpRunning.set(running);
      metrics.tftpWaiting.set(waiting);
    },
  });
}

function startDns(options: ServicesOptions, metrics: NetbootMetrics, onTrouble: (sentence: string) => void): Promise<DnsServer> {
  const { endpoints, portHelper, model, clock, random } = options;
  const { bindAddress } = endpoints;
  const tell = createDnsTeller(options);
  const isOnInterface = createLocalNetworks(clock);
  return startDnsServer({
    bindAddress,
    port: endpoints.ports.dns,
    portHelper,
    answer: (question) => answerDns(model(), question, bindAddress),
    isLocal: (address) => isOnInterface(address) || inSubnet(address, parseSubnet(model().cluster.network.subnet)),
    forwarders: () => model().cluster.network.forwarders ?? [],
    forwarderPort: STANDARD_PORTS.dns,
    onAnswer: (exchange) => {
      metrics.dns.inc({ answer: exchange.outcome.code });
      tell(exchange);
    },
    onTrouble,
    clock,
    random,
  });
}

/** Whom machines have their addresses from, if the drive says so. A lab's machines are all at one address. */
function isOnlyServer({ despiteOtherDhcp, endpoints }: ServicesOptions): boolean {
  return despiteOtherDhcp !== true && endpoints.dhcpReplies === 'rfc2131';
}

/** Behind nginx, HTTP listens elsewhere than machines are told. */
function httpPlace({ bindAddress, ports, httpUpstream }: NetbootEndpoints) {
  if (!httpUpstream) return { bindAddress, port: ports.http };
  return { bindAddress: httpUpstream.address, port: httpUpstream.port, front: { publicAddress: bindAddress, publicPort: ports.http } };
}

/** Of the interface that holds the address. Only Linux tells (sysfs); elsewhere Ethernet's is safe. */
async function mtuOf(address: string): Promise<number> {
  const holder = Object.entries(machineInterfaces()).find(([, entries]) => entries?.some((entry) => entry.address === address));
  if (!holder) return ETHERNET_MTU;
  const text = await readFile(`/sys/class/net/${holder[0]}/mtu`, 'utf8').catch(() => '');
  return Number.parseInt(text, 10) || ETHERNET_MTU;
}
