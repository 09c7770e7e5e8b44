/** How each firmware and each iPXE introduces itself. Numbers from RFC 4578, RFC 5970 and what real ones send. */

import type { ImageFile } from '../../../backend/image/manifest';
import type { Firmware } from '../hardware';

export type Platform = 'pcbios' | 'efi';

export interface PxeClient {
  readonly platform: Platform;
  readonly architecture: number;
  readonly vendorClass: string;
  readonly fetches: 'tftp' | 'http';
  /** The boot loader that does for it. */
  readonly loader: ImageFile;
  readonly ipxeFeatures?: readonly number[];
  /** How long it waits for an answer each time. */
  readonly retriesMs: readonly number[];
}

export interface IpxeBuild {
  readonly version: string;
  readonly features: readonly ('http' | 'multiboot' | 'efi')[];
  readonly client: PxeClient;
}

/** Real ROMs wait 4, 8, 16 and 32 s, iPXE 1, 2, 4 and 8 s. */
const ROM_RETRIES_MS = [400, 800, 1600, 3200];
const IPXE_RETRIES_MS = [200, 400, 800, 1600];

const BIOS_ROM: PxeClient = { platform: 'pcbios', architecture: 0, vendorClass: 'PXEClient:Arch:00000:UNDI:002001', fetches: 'tftp', loader: 'undionly.kpxe', retriesMs: ROM_RETRIES_MS };
const UEFI_PXE: PxeClient = { platform: 'efi', architecture: 7, vendorClass: 'PXEClient:Arch:00007:UNDI:003016', fetches: 'tftp', loader: 'snponly.efi', retriesMs: ROM_RETRIES_MS };
const UEFI_HTTP: PxeClient = { ...UEFI_PXE, architecture: 16, vendorClass: 'HTTPClient:Arch:00016:UNDI:003001', fetches: 'http' };

/** Sub-options of 175 (ipxe.org/howto/dhcpd). */
const FEATURE = { http: 19, multiboot: 25, pxe: 33, efi: 36 } as const;

function ipxe(rom: PxeClient, version: string, features: IpxeBuild['features']): IpxeBuild {
  return {
    version,
    features,
    client: { ...rom, fetches: 'tftp', ipxeFeatures: [FEATURE.pxe, ...features.map((feature) => FEATURE[feature])], retriesMs: IPXE_RETRIES_MS },
  };
}

/** The iPXE that the image carries. */
export const IPXE_OF_IMAGE: Readonly<Record<Platform, IpxeBuild>> = {
  pcbios: ipxe(BIOS_ROM, '1.21.1+', ['http', 'multiboot']),
  efi: ipxe(UEFI_PXE, '1.21.1+', ['http', 'efi']),
};

export interface FirmwareTraits {
  readonly screen: string;
  readonly platform: Platform;
  readonly client: PxeClient;
  /** In the card's ROM already. */
  readonly ipxe?: IpxeBuild;
}

export const FIRMWARE_TRAITS: Readonly<Record<Firmware, FirmwareTraits>> = {
  bios: { screen: 'Intel UNDI, PXE-2.1', platform: 'pcbios', client: BIOS_ROM },
  uefi: { screen: '>>Start PXE over IPv4.', platform: 'efi', client: UEFI_PXE },
  'uefi-http': { screen: '>>Start HTTP Boot over IPv4.', platform: 'efi', client: UEFI_HTTP },
  'bios-ipxe': { screen: 'iPXE (PCI 00:03.0)', platform: 'pcbios', client: BIOS_ROM, ipxe: ipxe(BIOS_ROM, '1.0.0+', ['http', 'multiboot']) },
  'bios-old-ipxe': { screen: 'gPXE (PCI 00:03.0)', platform: 'pcbios', client: BIOS_ROM, ipxe: ipxe(BIOS_ROM, '1.0.0', []) },
};
