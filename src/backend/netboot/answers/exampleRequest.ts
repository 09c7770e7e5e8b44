/** The DISCOVER that a kind of firmware sends, for asking what it would be told. Pure. */

import { EMPTY_REQUEST, type DhcpMessage } from '../dhcp/codec';
import { IPXE_OPTION, messageTypeValue, OPTION, textValue, type MessageType } from '../dhcp/options';

export const FIRMWARE_KINDS = ['bios', 'uefi', 'http', 'arm64', 'arm64-http', 'os'] as const;

/** `http` is UEFI HTTP boot; `os` an operating system that wants only an address. */
export type FirmwareKind = (typeof FIRMWARE_KINDS)[number];

/** RFC 4578's architecture types. */
const ARCHITECTURE = { bios: 0, uefi: 7, http: 16, arm64: 11, 'arm64-http': 19 } as const;

/** What firmware asks for: the usual options, in the order in which EDK2 lists them. */
const PARAMETERS = Buffer.of(1, 3, 6, 12, 15, 28, 43, 51, 54, 60, 66, 67, 97);

/** `type` other than `discover` is what a proxy is asked at port 4011. */
export function requestOf(mac: string, firmware: FirmwareKind, ipxe: boolean, type: MessageType = 'discover'): DhcpMessage {
  const options = new Map<number, Buffer>([
    [OPTION.messageType, messageTypeValue(type)],
    [OPTION.parameterRequestList, PARAMETERS],
  ]);
  if (firmware !== 'os') {
    const architecture = ARCHITECTURE[firmware];
    const isHttp = firmware === 'http' || firmware === 'arm64-http';
    options.set(OPTION.vendorClass, textValue(`${isHttp && !ipxe ? 'HTTPClient' : 'PXEClient'}:Arch:${String(architecture).padStart(5, '0')}:UNDI:003016`));
    options.set(OPTION.clientArchitecture, Buffer.of(architecture >> 8, architecture & 0xff));
  }
  if (ipxe) {
    options.set(OPTION.userClass, textValue('iPXE'));
    options.set(OPTION.ipxe, Buffer.of(IPXE_OPTION.http, 1, 1, IPXE_OPTION.multiboot, 1, 1));
  }
  return { ...EMPTY_REQUEST, hardwareAddress: mac, options };
}
