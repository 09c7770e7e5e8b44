/** The DHCP replies there are: a lease or settings, a refusal, a proxy's boot file. Pure. */

import type { NetworkModel } from '../../drive/model';
import type { BootFile } from './bootFile';
import { LONGEST_BOOT_FILE, type DhcpMessage } from '../dhcp/codec';
import { addressesValue, INFINITE_LEASE, IPXE_OPTION, messageTypeOf, messageTypeValue, OPTION, textValue, uint32Value } from '../dhcp/options';
import { ANY_ADDRESS, parseSubnet } from '../ipv4';
import { bootWords, clientWords, silence, type DhcpAnswer, type DhcpReply, type Exchange } from './exchange';

/** What a machine is given: an address for a time, or for ever, or nothing but the settings (RFC 2131 §4.3.5). */
export type Grant = { readonly address: string; readonly seconds: number } | 'settings-only';

/** RFC 2131 §4.3.1, table 3. */
export function leaseReply(exchange: Exchange, type: 'offer' | 'ack', grant: Grant): DhcpReply {
  const { model, request, facts, client, host, boot } = exchange;
  const network = model.cluster.network;
  const settings = settingsOf(network);
  const asked = request.options.get(OPTION.parameterRequestList);
  const wants = (code: number) => asked?.includes(code) ?? true;

  const options = new Map<number, Buffer>([
    [OPTION.messageType, messageTypeValue(type)],
    [OPTION.serverIdentifier, addressesValue([facts.address])],
  ]);
  if (grant !== 'settings-only') options.set(OPTION.leaseTime, uint32Value(grant.seconds));
  options.set(OPTION.subnetMask, settings.mask);
  if (settings.router && wants(OPTION.router)) options.set(OPTION.router, settings.router);
  if (settings.nameServers && wants(OPTION.domainNameServers)) options.set(OPTION.domainNameServers, settings.nameServers);
  if (host !== undefined && wants(OPTION.hostName)) options.set(OPTION.hostName, textValue(host.name));
  if (wants(OPTION.domainName)) options.set(OPTION.domainName, settings.domain);
  if (wants(OPTION.broadcastAddress)) options.set(OPTION.broadcastAddress, settings.broadcast);
  // UEFI HTTP boot takes no offer without this class; plain PXE would take one with it for a proxy's.
  if (client.fetches === 'http') options.set(OPTION.vendorClass, textValue('HTTPClient'));
  // Saves iPXE two seconds of waiting for a proxy that isn't there.
  if (client.kind === 'ipxe') options.set(OPTION.ipxe, Buffer.of(IPXE_OPTION.noProxyDhcp, 1, 1));
  const yourAddress = grant === 'settings-only' ? ANY_ADDRESS : grant.address;
  const message = replyWithBootFile(exchange, options, yourAddress);
  return { kind: 'reply', message, client, host, bootFile: bootFileOf(boot), sentence: `${clientWords(exchange)} ${grantWords(type, grant)}${bootWords(boot)}` };
}

interface NetworkSettings {
  readonly mask: Buffer;
  readonly broadcast: Buffer;
  readonly domain: Buffer;
  readonly router: Buffer | undefined;
  readonly nameServers: Buffer | undefined;
}

function settingsOf(network: NetworkModel): NetworkSettings {
  let settings = SETTINGS.get(network);
  if (!settings) {
    const { mask, broadcast } = parseSubnet(network.subnet);
    settings = {
      mask: addressesValue([mask]),
      broadcast: addressesValue([broadcast]),
      domain: textValue(network.domain),
      router: network.gateway === undefined ? undefined : addressesValue([network.gateway]),
      nameServers: network.nameservers.length === 0 ? undefined : addressesValue(network.nameservers),
    };
    SETTINGS.set(network, settings);
  }
  return settings;
}

/** The same values for every machine. A model never changes, so this is only a memory of what follows from it. */
const SETTINGS = new WeakMap<NetworkModel, NetworkSettings>();

function grantWords(type: 'offer' | 'ack', grant: Grant): string {
  if (grant === 'settings-only') return 'was told its settings';
  const time = grant.seconds === INFINITE_LEASE ? '' : ` for ${Math.round(grant.seconds / 60)} minutes`;
  return `${type === 'offer' ? 'is offered' : 'gets'} ${grant.address}${time}`;
}

/** A NAK. `message` is for whoever looks at the packet. */
export function refusal(exchange: Exchange, sentence: string, message: string): DhcpReply {
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
    message: { ...replyTo(request, { options }), broadcast: relayed || request.broadcast, clientAddress: ANY_ADDRESS },
    client,
    host,
    sentence,
  };
}

/** No address, only the boot file (PXE specification 2.1, §2.2). */
export function proxyReply(exchange: Exchange, type: 'offer' | 'ack'): DhcpAnswer {
  const { facts, client, host, boot, name } = exchange;
  if (boot.kind !== 'file') {
    const reason = boot.kind === 'refused' ? `: ${boot.reason}` : '';
    return silence('notable', `${name} gets no boot file${reason}`, exchange);
  }
  const options = new Map<number, Buffer>([
    [OPTION.messageType, messageTypeValue(type)],
    [OPTION.serverIdentifier, addressesValue([facts.address])],
    [OPTION.vendorClass, textValue(client.fetches === 'http' ? 'HTTPClient' : 'PXEClient')],
  ]);
  // Discovery control 8: "use the boot file of this offer, don't ask further". Some UEFI drops a proxy's offer that
  // carries it; they ask at port 4011 instead.
  if (client.kind !== 'uefi') options.set(OPTION.vendorSpecific, Buffer.of(6, 1, 8, OPTION.end));
  const message = replyWithBootFile(exchange, options, ANY_ADDRESS);
  return { kind: 'reply', message, client, host, bootFile: boot.file, sentence: `${clientWords(exchange)} ${type === 'offer' ? 'is offered' : 'gets'}${bootWords(boot, '')}` };
}

/** Every boot file goes into `file`, which all firmware reads; option 67 only when asked for or when it is too long. */
function replyWithBootFile({ request, facts, boot }: Exchange, options: Map<number, Buffer>, yourAddress: string): DhcpMessage {
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
  return replyTo(request, { yourAddress, nextServer: facts.address, bootFile, options });
}

/** RFC 4578 §2.3 (97), RFC 6842 (61), RFC 3046 §2.2 (82, which comes last). */
function echo(request: DhcpMessage, options: Map<number, Buffer>, codes: readonly number[]): void {
  for (const code of codes) {
    const value = request.options.get(code);
    if (value) options.set(code, value);
  }
}

interface ReplyFields {
  readonly yourAddress?: string;
  readonly nextServer?: string;
  readonly bootFile?: string;
  readonly options: DhcpMessage['options'];
}

/**
 * The fields a reply takes over (RFC 2131 §4.3.1, table 3), and its own. Written out in one piece: spread together
 * from several objects, it cost noticeable processor time for each packet.
 */
function replyTo(request: DhcpMessage, { yourAddress = ANY_ADDRESS, nextServer = ANY_ADDRESS, bootFile = '', options }: ReplyFields): DhcpMessage {
  return {
    op: 'reply',
    hardwareType: request.hardwareType,
    hops: 0,
    transactionId: request.transactionId,
    seconds: 0,
    broadcast: request.broadcast,
    clientAddress: messageTypeOf(request.options) === 'discover' ? ANY_ADDRESS : request.clientAddress,
    yourAddress,
    nextServer,
    relayAddress: request.relayAddress,
    hardwareAddress: request.hardwareAddress,
    serverName: '',
    bootFile,
    options,
  };
}

function bootFileOf(boot: BootFile): string | undefined {
  return boot.kind === 'file' ? boot.file : undefined;
}
