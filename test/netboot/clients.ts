/** DHCP requests as real clients send them, and the text form of an answer that the goldens hold. */

import type { HostModel, PoolModel } from '../../src/backend/drive/model';
import type { DhcpAnswer } from '../../src/backend/netboot/answers/dhcp';
import { replyDestination } from '../../src/backend/netboot/answers/destination';
import { EMPTY_REQUEST, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { messageTypeOf, messageTypeValue, OPTION, textValue, type MessageType } from '../../src/backend/netboot/dhcp/options';
import { ipv4Bytes } from '../../src/backend/netboot/ipv4';
import { aHost, aModel } from '../pool/models';

export const MAC = '52:54:00:aa:00:01';
export const STRANGER = '52:54:00:ff:ff:ff';

/** node1 and node2, with a gateway and a name server. */
export function pool(dhcp: 'authoritative' | 'proxy' | 'off' = 'authoritative', hosts: readonly HostModel[] = [aHost('node1'), aHost('node2')]): PoolModel {
  const model = aModel(hosts, []);
  return { ...model, cluster: { ...model.cluster, network: { ...model.cluster.network, dhcp, gateway: '10.77.0.254', nameservers: ['10.77.0.1', '9.9.9.9'] } } };
}

export interface RequestOptions {
  readonly type: MessageType;
  readonly mac?: string;
  readonly fields?: Partial<DhcpMessage>;
  readonly options?: readonly (readonly [number, Buffer])[];
}

export function request({ type, mac = MAC, fields = {}, options = [] }: RequestOptions): DhcpMessage {
  return { ...EMPTY_REQUEST, transactionId: 0x1234abcd, hardwareAddress: mac, ...fields, options: new Map([[OPTION.messageType, messageTypeValue(type)], ...options]) };
}

export const address = (text: string): Buffer => ipv4Bytes(text);

const uuid = Buffer.from('0011223344556677889900aabbccddeeff', 'hex');
const architecture = (...numbers: readonly number[]) => Buffer.concat(numbers.map((number) => Buffer.of(number >> 8, number & 0xff)));
const pxeParameters = Buffer.of(1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 43, 54, 60, 66, 67, 97, 128);

/** What each kind of client adds to its messages. */
export const CLIENTS = {
  bios: [
    [OPTION.vendorClass, textValue('PXEClient:Arch:00000:UNDI:002001')],
    [OPTION.clientArchitecture, architecture(0)],
    [OPTION.clientUuid, uuid],
    [OPTION.parameterRequestList, pxeParameters],
    [OPTION.maximumMessageSize, Buffer.of(0x04, 0xec)],
  ],
  uefi: [
    [OPTION.vendorClass, textValue('PXEClient:Arch:00007:UNDI:003000')],
    [OPTION.clientArchitecture, architecture(7)],
    [OPTION.clientUuid, uuid],
    [OPTION.parameterRequestList, pxeParameters],
  ],
  'uefi-9': [
    [OPTION.vendorClass, textValue('PXEClient:Arch:00009:UNDI:003000')],
    [OPTION.clientArchitecture, architecture(9)],
  ],
  'uefi-http': [
    [OPTION.vendorClass, textValue('HTTPClient:Arch:00016:UNDI:003001')],
    [OPTION.clientArchitecture, architecture(16)],
    [OPTION.parameterRequestList, pxeParameters],
  ],
  arm64: [
    [OPTION.vendorClass, textValue('PXEClient:Arch:00011:UNDI:003000')],
    [OPTION.clientArchitecture, architecture(11)],
  ],
  'ipxe-bios': [
    [OPTION.vendorClass, textValue('PXEClient:Arch:00000:UNDI:002001')],
    [OPTION.clientArchitecture, architecture(0)],
    [OPTION.userClass, textValue('iPXE')],
    [OPTION.ipxe, Buffer.of(19, 1, 1, 25, 1, 1, 33, 1, 1)],
  ],
  'ipxe-uefi': [
    [OPTION.vendorClass, textValue('PXEClient:Arch:00007:UNDI:003010')],
    [OPTION.clientArchitecture, architecture(7)],
    [OPTION.userClass, textValue('iPXE')],
    [OPTION.ipxe, Buffer.of(19, 1, 1, 36, 1, 1)],
  ],
  'ipxe-without-multiboot': [
    [OPTION.vendorClass, textValue('PXEClient:Arch:00000:UNDI:002001')],
    [OPTION.clientArchitecture, architecture(0)],
    [OPTION.userClass, textValue('iPXE')],
    [OPTION.ipxe, Buffer.of(19, 1, 1, 33, 1, 1)],
  ],
  linux: [
    [OPTION.vendorClass, textValue('udhcp 1.35.0')],
    [OPTION.parameterRequestList, Buffer.of(1, 3, 6, 12, 15, 28)],
    [OPTION.clientIdentifier, Buffer.from('01525400aa0001', 'hex')],
  ],
} as const satisfies Record<string, readonly (readonly [number, Buffer])[]>;

/** An answer as a person reads it: the sentence, where it goes, the fields that say something, the options by name. */
export function answerText(answer: DhcpAnswer): string {
  if (answer.kind === 'silence') return `silence (${answer.interest}): ${answer.sentence}\n`;
  const { message } = answer;
  const { address: to, port } = replyDestination(message);
  const fields = { yiaddr: message.yourAddress, ciaddr: message.clientAddress, siaddr: message.nextServer, giaddr: message.relayAddress, file: message.bootFile };
  return [
    answer.sentence,
    `${messageTypeOf(message.options) ?? 'untyped'} to ${to}:${port}${message.broadcast ? ' (broadcast flag)' : ''}`,
    ...Object.entries(fields).flatMap(([name, value]) => (value === '' || value === '0.0.0.0' ? [] : [`  ${name} ${value}`])),
    ...[...message.options].map(([code, value]) => `  ${code} ${NAMES.get(code) ?? '?'}: ${valueText(value)}`),
    '',
  ].join('\n');
}

const NAMES = new Map<number, string>(Object.entries(OPTION).map(([name, code]) => [code, name]));

function valueText(value: Buffer): string {
  const text = value.toString('latin1').replace(/\0$/, '\\0');
  return value.length > 1 && /^[ -~]+$/.test(text) ? `"${text}"` : value.toString('hex');
}
