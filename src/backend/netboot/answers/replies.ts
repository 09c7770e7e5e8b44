/** The DHCP replies there are: a lease or settings, a refusal, a proxy's boot file. Pure. */

import { EMPTY_REQUEST, LONGEST_BOOT_FILE, type DhcpMessage } from '../dhcp/codec';
import { addressesValue, INFINITE_LEASE, IPXE_OPTION, messageTypeOf, messageTypeValue, OPTION, textValue, uint32Value } from '../dhcp/options';
import { ANY_ADDRESS, parseSubnet } from '../ipv4';
import { bootWords, clientWords, hostOf, silence, type DhcpAnswer, type DhcpReply, type Exchange } from './exchange';

/** What a machine is given: an address for a time, or for ever, or nothing but the settings (RFC 2131 §4.3.5). */
export type Grant = { readonly address: string; readonly seconds: number } | 'settings-only';

/** RFC 2131 §4.3.1, table 3. */
export function leaseReply(exchange: Exchange, type: 'offer' | 'ack', grant: Grant): DhcpReply {
  const { model, request, facts, client, host, boot } = exchange;
  const network = model.cluster.network;
  const subnet = parseSubnet(network.subnet);
  const asked = request.options.get(OPTION.parameterRequestList);
  const wants = (code: number) => asked?.includes(code) ?? true;

  const options = new Map<number, Buffer>([
    [OPTION.messageType, messageTypeValue(type)],
    [OPTION.serverIdentifier, addressesValue([facts.address])],
  ]);
  if (grant !== 'settings-only') options.set(OPTION.leaseTime, uint32Value(grant.seconds));
  options.set(OPTION.subnetMask, addressesValue([subnet.mask]));
  if (network.gateway !== undefined && wants(OPTION.router)) options.set(OPTION.router, addressesValue([network.gateway]));
  if (network.nameservers.length > 0 && wants(OPTION.domainNameServers)) options.set(OPTION.domainNameServers, addressesValue(network.nameservers));
  if (host !== undefined && wants(OPTION.hostName)) options.set(OPTION.hostName, textValue(host.name));
  if (wants(OPTION.domainName)) options.set(OPTION.domainName, textValue(network.domain));
  if (wants(OPTION.broadcastAddress)) options.set(OPTION.broadcastAddress, addressesValue([subnet.broadcast]));
  // UEFI HTTP boot takes no offer without this class; plain PXE would take one with it for a proxy's.
  if (client.fetches === 'http') options.set(OPTION.vendorClass, textValue('HTTPClient'));
  // Saves iPXE two seconds of waiting for a proxy that isn't there.
  if (client.kind === 'ipxe') options.set(OPTION.ipxe, Buffer.of(IPXE_OPTION.noProxyDhcp, 1, 1));
  const yourAddress = grant === 'settings-only' ? ANY_ADDRESS : grant.address;
  const message = withBootFile({ ...replyTo(request), yourAddress, options }, exchange);
  return { kind: 'reply', message, client, ...hostOf(exchange), ...bootFileOf(exchange), sentence: `${clientWords(exchange)} ${grantWords(type, grant)}${bootWords(boot)}` };
}

function grantWords(type: 'offer' | 'ack', grant: Grant): string {
  if (grant === 'settings-only') return 'was told its settings';
  const time = grant.seconds === INFINITE_LEASE ? '' : ` for ${Math.round(grant.seconds / 60)} minutes`;
  return `${type === 'offer' ? 'is offered' : 'gets'} ${grant.address}${time}`;
}

/** A NAK. `message` is for whoever looks at the packet. */
export function refusal(exchange: Exchange, sentence: string, message: string): DhcpReply {
  const { request, facts, client } = exchange;
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
    ...hostOf(exchange),
    sentence,
  };
}

/** No address, only the boot file (PXE specification 2.1, §2.2). */
export function proxyReply(exchange: Exchange, type: 'offer' | 'ack'): DhcpAnswer {
  const { request, facts, client, boot, name } = exchange;
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
  const message = withBootFile({ ...replyTo(request), options }, exchange);
  return { kind: 'reply', message, client, ...hostOf(exchange), ...bootFileOf(exchange), sentence: `${clientWords(exchange)} ${type === 'offer' ? 'is offered' : 'gets'}${bootWords(boot, '')}` };
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

function bootFileOf({ boot }: Exchange): { readonly bootFile?: string } {
  return boot.kind === 'file' ? { bootFile: boot.file } : {};
}
