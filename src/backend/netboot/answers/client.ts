/** Who is asking: what a DHCP request tells of the machine's firmware. Pure. */

import type { DhcpMessage } from '../dhcp/codec';
import { architecturesOf, IPXE_OPTION, OPTION, subOptionsOf, textOf, type DhcpOptions } from '../dhcp/options';

export type Architecture = 'bios' | 'ia32' | 'x64' | 'arm32' | 'arm64' | 'raspberry';

export interface Client {
  readonly mac: string;
  /** `bios` and `uefi` are PXE or HTTP firmware; `os` is anything that only wants an address. */
  readonly kind: 'bios' | 'uefi' | 'ipxe' | 'os';
  readonly architecture: Architecture;
  /** How it fetches its boot file: UEFI HTTP boot wants a URL, everything else a TFTP name. */
  readonly fetches: 'tftp' | 'http';
  /** Of iPXE only: what this build can do, as it says itself. */
  readonly features: { readonly http: boolean; readonly multiboot: boolean };
  /** Option 60, fit to be shown anywhere; empty when it said none. */
  readonly vendorClass: string;
}

/**
 * IANA's processor architecture types (RFC 5970, RFC 4578 with erratum 4624: 7 and 9 are both met for x64).
 * Clients may list several; the first that is known counts.
 */
const ARCHITECTURES: Readonly<Record<number, { readonly architecture: Architecture; readonly uefi: boolean; readonly http: boolean }>> = {
  0: { architecture: 'bios', uefi: false, http: false },
  6: { architecture: 'ia32', uefi: true, http: false },
  7: { architecture: 'x64', uefi: true, http: false },
  9: { architecture: 'x64', uefi: true, http: false },
  10: { architecture: 'arm32', uefi: true, http: false },
  11: { architecture: 'arm64', uefi: true, http: false },
  15: { architecture: 'ia32', uefi: true, http: true },
  16: { architecture: 'x64', uefi: true, http: true },
  18: { architecture: 'arm32', uefi: true, http: true },
  19: { architecture: 'arm64', uefi: true, http: true },
  41: { architecture: 'raspberry', uefi: false, http: false },
};

const BIOS = { architecture: 'bios', uefi: false, http: false } as const;

/** What names the machine in every sentence. */
export const ARCHITECTURE_WORDS: Readonly<Record<Architecture, string>> = {
  bios: 'BIOS',
  ia32: '32-bit x86 UEFI',
  x64: 'x64 UEFI',
  arm32: '32-bit ARM UEFI',
  arm64: 'arm64 UEFI',
  raspberry: 'Raspberry Pi',
};

/** Undefined when the hardware address isn't a MAC: the pool knows its machines by nothing else. */
export function describeClient(message: DhcpMessage): Client | undefined {
  if (message.hardwareType !== 1 || message.hardwareAddress.length !== 17) return undefined;
  const known = architecturesOf(message.options).flatMap((number) => ARCHITECTURES[number] ?? []);
  const first = known[0] ?? BIOS;
  const vendorClass = textOf(message.options, OPTION.vendorClass) ?? '';
  const ipxe = isIpxe(message.options);
  const http = !ipxe && vendorClass.startsWith('HTTPClient');
  const pxe = !ipxe && vendorClass.startsWith('PXEClient');
  return {
    mac: message.hardwareAddress,
    kind: ipxe ? 'ipxe' : http || (pxe && first.uefi) ? 'uefi' : pxe ? 'bios' : 'os',
    architecture: first.architecture,
    fetches: http ? 'http' : 'tftp',
    features: ipxe ? ipxeFeatures(message.options) : NO_FEATURES,
    vendorClass: plainText(vendorClass),
  };
}

const NO_FEATURES: Client['features'] = { http: false, multiboot: false };

/** Whoever sends a packet chooses its words: what can mean something to a terminal, to YAML or to iPXE is taken out. */
function plainText(text: string): string {
  return text.replace(/[^A-Za-z0-9 .:_/-]/g, '?').slice(0, LONGEST_PLAIN_TEXT);
}

const LONGEST_PLAIN_TEXT = 64;

/** iPXE sends the bare string; a client that follows RFC 3004 puts a length octet before it. */
function isIpxe(options: DhcpOptions): boolean {
  const userClass = textOf(options, OPTION.userClass) ?? '';
  return userClass === 'iPXE' || userClass === '\u0004iPXE';
}

function ipxeFeatures(options: DhcpOptions): Client['features'] {
  const encapsulated = options.get(OPTION.ipxe);
  // A build that lists no features is taken to have the usual ones: its own error then says what it lacks.
  if (!encapsulated) return { http: true, multiboot: true };
  const features = subOptionsOf(encapsulated);
  const has = (code: number) => features.get(code)?.at(0) === 1;
  return { http: has(IPXE_OPTION.http), multiboot: has(IPXE_OPTION.multiboot) };
}
