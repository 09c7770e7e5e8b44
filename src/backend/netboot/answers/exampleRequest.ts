/** The DISCOVER that a kind of firmware sends, for asking what it would be told. Pure. */

import { EMPTY_REQUEST, type DhcpMessage } from '../dhcp/codec';
import { IPXE_OPTION, messageTypeValue, OPTION, textValue } from '../dhcp/options';

export const FIRMWARE_KINDS = ['bios', 'uefi', 'http', 'os'] as const;

/** `http` is UEFI HTTP boot; `os` an operating system that wants only an address. */
export type FirmwareKind = (typeof FIRMWARE_KINDS)[number];

/** RFC 4578's architecture types. */
const ARCHITECTURE = { bios: 0, uefi: 7, http: 16 } as const;

export function requestOf(mac: string, firmware: FirmwareKind, ipxe: boolean): DhcpMessage {
  const options = new Map<number, Buffer>([[OPTION.messageType, messageTypeValue('discover')]]);
  if (firmware !== 'os') {
    const architecture = ARCHITECTURE[firmware];
    options.set(OPTION.vendorClass, textValue(`${firmware === 'http' && !ipxe ? 'HTTPClient' : 'PXEClient'}:Arch:${String(architecture).padStart(5, '0')}:UNDI:003016`));
    options.set(OPTION.clientArchitecture, Buffer.of(architecture >> 8, architecture & 0xff));
  }
  if (ipxe) {
    options.set(OPTION.userClass, textValue('iPXE'));
    options.set(OPTION.ipxe, Buffer.of(IPXE_OPTION.http, 1, 1, IPXE_OPTION.multiboot, 1, 1));
  }
  return { ...EMPTY_REQUEST, hardwareAddress: mac, options };
}
