/** What a DHCP request is answered, or why not: (model, request, facts) → reply or silence. Pure. */

import type { HostModel, PoolModel } from '../../drive/model';
import { EMPTY_REQUEST, LONGEST_BOOT_FILE, type DhcpMessage } from '../dhcp/codec';
import {
  addressesValue,
  addressOf,
  INFINITE_LEASE,
  IPXE_OPTION,
  messageTypeOf,
  messageTypeValue,
  OPTION,
  textValue,
  uint32Value,
  type MessageType,
} from '../dhcp/options';
import { ANY_ADDRESS, parseSubnet } from '../ipv4';
import { bootFileFor, type BootFile } from './bootFile';
import { ARCHITECTURE_WORDS, describeClient, type Client } from './client';
import { hostOfMac, nameOfHost, type ServerFacts } from './facts';

export interface DhcpFacts extends ServerFacts {
  /** Which of our two ports it came in at; `pxe` is 4011, where firmware asks a proxy for its boot file. */
  readonly port: 'dhcp' | 'pxe';
}

export type DhcpAnswer =
  | {
      readonly kind: 'reply';
      readonly message: DhcpMessage;
      readonly client: Client;
      readonly host: HostModel;
      /** The boot file in it, if any. */
      readonly bootFile?: string;
      readonly sentence: string;
    }
  | {
      readonly kind: 'silence';
      /** `quiet`: somebody else's business; `notable`: something the administrator may want to know. */
      readonly interest: 'quiet' | 'notable';
      readonly mac?: string;
      readonly host?: HostModel;
      readonly sentence: string;
    };

export function answerDhcp(model: PoolModel, request: DhcpMessage, facts: DhcpFacts): DhcpAnswer {
  if (request.op !== 'request') return silence('quiet', 'a DHCP reply of another server was heard; it needs no answer');
  const type = messageTypeOf(request.options);
  if (type === undefined) return silence('quiet', `${request.hardwareAddress} asked by plain BOOTP, which PXEN doesn't answer`);
  const client = describeClient(request);
  if (!client) return silence('quiet', `a request with the hardware address "${request.hardwareAddress}" is not from Ethernet`);
  const host = hostOfMac(model, client.mac);
  if (!host) return unknownMachine(client);
  const exchange: Exchange = { model, request, facts, type, client, host, boot: bootFileFor(client, facts) };
  if (facts.port === 'pxe') return answerPxePort(exchange);
  switch (model.cluster.network.dhcp) {
    case 'off':
      return silence('quiet', `${nameOfHost(host, client.mac)} asked by DHCP, which is off in pxen.yaml`, exchange);
    case 'proxy':
      return answerAsProxy(exchange);
    case 'authoritative':
      return answerAsServer(exchange);
  }
}

interface Exchange {
  readonly model: PoolModel;
  readonly request: DhcpMessage;
  readonly facts: DhcpFacts;
  readonly type: MessageType;
  readonly client: Client;
  readonly host: HostModel;
  readonly boot: BootFile;
}

/** RFC 2131 §4.3: the whole table of what a server does with a client's message. */
function answerAsServer(exchange: Exchange): DhcpAnswer {
  const { request, type, host, client, facts } = exchange;
  const name = nameOfHost(host, client.mac);
  switch (type) {
    case 'discover':
      return lease(exchange, 'offer');
    case 'request':
      return answerRequest(exchange);
    case 'inform':
      return lease(exchange, 'ack');
    case 'decline':
      return silence('notable', `${name} found ${addressOf(request.options, OPTION.requestedAddress) ?? host.address} in use by another machine: look for a second one with this address`, exchange);
    case 'release':
      return silence('quiet', `${name} gave back ${request.clientAddress}; it stays reserved for it`, exchange);
    case 'offer':
    case 'ack':
    case 'nak':
      return silence('quiet', `a message of type ${type} came to ${facts.address} as if from a client`, exchange);
  }
}

/** RFC 2131 §4.3.2: what the client means shows in which of 54, 50 and `ciaddr` are set. */
function answerRequest(exchange: Exchange): DhcpAnswer {
  const { request, host, client, facts } = exchange;
  const name = nameOfHost(host, client.mac);
  const server = addressOf(request.options, OPTION.serverIdentifier);
  if (server !== undefined && server !== facts.address) {
    return silence('notable', `${name} took the offer of another DHCP server, ${server}`, exchange);
  }
  const wanted = addressOf(request.options, OPTION.requestedAddress) ?? request.clientAddress;
  if (wanted === ANY_ADDRESS) return silence('notable', `${name} requested no address`, exchange);
  if (wanted === host.address) return lease(exchange, 'ack');
  return refuse(exchange, `${name} requested ${wanted} and was refused: the drive gives it ${host.address}`, `${wanted} is not yours; ask again`);
}

function refuse(exchange: Exchange, sentence: string, message: string): DhcpAnswer {
  const { request, facts, client, host } = exchange;
  const options = new Map<number, Buffer>([
    [OPTION.messageType, messageTypeValue('nak')],
    [OPTION.serverIdentifier, addressesValue([facts.address])],
    [OPTION.message, textValue(message)],
  ]);
  echo(request, options, [OPTION.clientIdentifier, OPTION.relayAgentInformation]);
  // RFC 2131 §4.3.2: behind a relay the client must get it by broadcast, since it may be on another subnet now.
  const relayed = request.relayAddress !== ANY_ADDRESS;
  return {
    kind: 'reply',
    message: { ...replyTo(request), broadcast: relayed || request.broadcast, clientAddress: ANY_ADDRESS, options },
    client,
    host,
    sentence,
  };
}

function lease(exchange: Exchange, type: 'offer' | 'ack'): DhcpAnswer {
  const { model, request, facts, client, host, boot } = exchange;
  const network = model.cluster.network;
  const subnet = parseSubnet(network.subnet);
  const informed = exchange.type === 'inform';
  const asked = request.options.get(OPTION.parameterRequestList);
  const wants = (code: number) => asked?.includes(code) ?? true;

  const options = new Map<number, Buffer>([
    [OPTION.messageType, messageTypeValue(type)],
    [OPTION.serverIdentifier, addressesValue([facts.address])],
  ]);
  // A host lives in RAM and would lose its network with its lease: it never ends. An INFORM gets none (§4.3.5).
  if (!informed) options.set(OPTION.leaseTime, uint32Value(INFINITE_LEASE));
  options.set(OPTION.subnetMask, addressesValue([subnet.mask]));
  if (network.gateway !== undefined && wants(OPTION.router)) options.set(OPTION.router, addressesValue([network.gateway]));
  if (network.nameservers.length > 0 && wants(OPTION.domainNameServers)) options.set(OPTION.domainNameServers, addressesValue(network.nameservers));
  if (wants(OPTION.hostName)) options.set(OPTION.hostName, textValue(host.name));
  if (wants(OPTION.domainName)) options.set(OPTION.domainName, textValue(network.domain));
  if (wants(OPTION.broadcastAddress)) options.set(OPTION.broadcastAddress, addressesValue([subnet.broadcast]));
  // UEFI HTTP boot takes no offer without this class; plain PXE would take one with it for a proxy's.
  if (client.fetches === 'http') options.set(OPTION.vendorClass, textValue('HTTPClient'));
  // Saves iPXE two seconds of waiting for a proxy that isn't there.
  if (client.kind === 'ipxe') options.set(OPTION.ipxe, Buffer.of(IPXE_OPTION.noProxyDhcp, 1, 1));
  const message = withBootFile({ ...replyTo(request), yourAddress: informed ? ANY_ADDRESS : host.address, options }, exchange);

  const verb = informed ? 'was told its settings' : type === 'offer' ? `is offered ${host.address}` : `gets ${host.address}`;
  return { kind: 'reply', message, client, host, ...bootFileOf(boot), sentence: `${clientWords(exchange)} ${verb}${bootWords(boot)}` };
}

/** Beside another DHCP server: no address, only the boot file, and only to firmware (PXE specification 2.1, §2.2). */
function answerAsProxy(exchange: Exchange): DhcpAnswer {
  const { type, client, host } = exchange;
  const name = nameOfHost(host, client.mac);
  if (client.kind === 'os') return silence('quiet', `${name} asked for an address, which is the other DHCP server's business`, exchange);
  if (type !== 'discover') return silence('quiet', `${name} sent a ${type}, which is the other DHCP server's business`, exchange);
  return proxyReply(exchange, 'offer');
}

/** Port 4011, where firmware that took a proxy's offer asks for its boot file. */
function answerPxePort(exchange: Exchange): DhcpAnswer {
  const { type, client, host } = exchange;
  const name = nameOfHost(host, client.mac);
  if (type !== 'request' && type !== 'inform') return silence('quiet', `${name} sent a ${type} to port 4011, where only requests are answered`, exchange);
  if (client.kind === 'os') return silence('quiet', `${name} asked at port 4011, but isn't PXE firmware`, exchange);
  return proxyReply(exchange, 'ack');
}

function proxyReply(exchange: Exchange, type: 'offer' | 'ack'): DhcpAnswer {
  const { request, facts, client, host, boot } = exchange;
  if (boot.kind !== 'file') {
    const reason = boot.kind === 'refused' ? `: ${boot.reason}` : '';
    return silence('notable', `${nameOfHost(host, client.mac)} gets no boot file${reason}`, exchange);
  }
  const options = new Map<number, Buffer>([
    [OPTION.messageType, messageTypeValue(type)],
    [OPTION.serverIdentifier, addressesValue([facts.address])],
    [OPTION.vendorClass, textValue(client.fetches === 'http' ? 'HTTPClient' : 'PXEClient')],
  ]);
  // Discovery control 8: "use the boot file of this offer, don't ask further". Some UEFI drops a proxy's offer that
  // carries it; they ask at port 4011 instead.
  if (client.kind !== 'uefi') options.set(OPTION.vendorSpecific, Buffer.of(6, 1, 8, OPTION.end));
  const message = withBootFile({ ...replyTo(request), options }, exchange);
  return { kind: 'reply', message, client, host, ...bootFileOf(boot), sentence: `${clientWords(exchange)} ${type === 'offer' ? 'is offered' : 'gets'}${bootWords(boot, '')}` };
}

/** Every boot file goes into `file`, which all firmware reads; option 67 only when asked for or when it is too long. */
function withBootFile(message: DhcpMessage, exchange: Exchange): DhcpMessage {
  const { request, facts, boot } = exchange;
  const options = new Map(message.options);
  const asked = request.options.get(OPTION.parameterRequestList);
  let bootFile = '';
  if (boot.kind === 'file') {
    const fits = boot.file.length <= LONGEST_BOOT_FILE;
    if (fits) bootFile = boot.file;
    if (asked?.includes(OPTION.tftpServerName)) options.set(OPTION.tftpServerName, textValue(facts.address));
    // Some clients read on past the option unless a NUL ends it; EDK2 writes that NUL itself.
    if (!fits || asked?.includes(OPTION.bootFileName)) options.set(OPTION.bootFileName, textValue(`${boot.file}\0`));
  }
  echo(request, options, [OPTION.clientUuid, OPTION.clientIdentifier, OPTION.relayAgentInformation]);
  return { ...message, nextServer: facts.address, bootFile, options };
}

/** RFC 4578 §2.3 (97), RFC 6842 (61), RFC 3046 §2.2 (82, which comes last). */
function echo(request: DhcpMessage, options: Map<number, Buffer>, codes: readonly number[]): void {
  for (const code of codes) {
    const value = request.options.get(code);
    if (value) options.set(code, value);
  }
}

/** The fields a reply takes over (RFC 2131 §4.3.1, table 3). */
function replyTo(request: DhcpMessage): DhcpMessage {
  return {
    ...EMPTY_REQUEST,
    op: 'reply',
    hardwareType: request.hardwareType,
    transactionId: request.transactionId,
    broadcast: request.broadcast,
    clientAddress: messageTypeOf(request.options) === 'discover' ? ANY_ADDRESS : request.clientAddress,
    relayAddress: request.relayAddress,
    hardwareAddress: request.hardwareAddress,
  };
}

function unknownMachine(client: Client): DhcpAnswer {
  const boots = client.kind === 'os' ? 'asked for an address' : `wants to boot (${ARCHITECTURE_WORDS[client.architecture]})`;
  return {
    kind: 'silence',
    interest: client.kind === 'os' ? 'quiet' : 'notable',
    mac: client.mac,
    sentence: `${client.mac} ${boots}, but no host on the drive has this MAC: not answered`,
  };
}

function silence(interest: 'quiet' | 'notable', sentence: string, exchange?: Exchange): DhcpAnswer {
  return { kind: 'silence', interest, sentence, ...(exchange && { mac: exchange.client.mac, host: exchange.host }) };
}

function clientWords({ client, host }: Exchange): string {
  const name = nameOfHost(host, client.mac);
  switch (client.kind) {
    case 'os':
      return name;
    case 'ipxe':
      return `${name}, iPXE on ${ARCHITECTURE_WORDS[client.architecture]},`;
    default:
      return `${name}, ${ARCHITECTURE_WORDS[client.architecture]}${client.fetches === 'http' ? ' HTTP boot' : ''},`;
  }
}

function bootWords(boot: BootFile, joint = ' and'): string {
  switch (boot.kind) {
    case 'file':
      return `${joint} ${boot.words}`;
    case 'refused':
      return `, but no boot file: ${boot.reason}`;
    case 'none':
      return '';
  }
}

function bootFileOf(boot: BootFile): { readonly bootFile?: string } {
  return boot.kind === 'file' ? { bootFile: boot.file } : {};
}
