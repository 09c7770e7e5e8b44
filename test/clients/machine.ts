/** A QEMU machine on the network. */

import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { macOf, type Network } from './network';
import type { Running } from './processes';

export interface MachineOptions {
  readonly host: number;
  /** node`host`'s unless given. */
  readonly mac?: string;
  readonly nic: string;
  readonly firmware: 'bios' | 'uefi';
  /** Further arguments of QEMU. */
  readonly more?: readonly string[];
}

/** A diskless machine that boots from the network; its first serial port is its output. */
export async function powerOn(network: Network, { host, mac = macOf(host), nic, firmware, more = [] }: MachineOptions): Promise<Running> {
  const tap = await network.tap(host);
  const variables = path.join(network.folder, 'vars.fd');
  if (firmware === 'uefi') await copyFile('/usr/share/OVMF/OVMF_VARS_4M.fd', variables);
  // QEMU's cards carry iPXE for UEFI too; without their ROM the firmware's own PXE is tried.
  const rom = firmware === 'uefi' ? ',romfile=' : '';
  const code = ['-drive', 'if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd', '-drive', `if=pflash,format=raw,file=${variables}`];
  return network.start(
    'server', 'qemu-system-x86_64',
    '-machine', 'q35', '-accel', 'tcg,thread=multi', '-m', '512', '-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio',
    // UEFI takes its random numbers for the network from here, where it has any.
    '-device', 'virtio-rng-pci',
    '-netdev', `tap,id=net,ifname=${tap},script=no,downscript=no`, '-device', `${nic},netdev=net,mac=${mac},bootindex=1${rom}`,
    ...(firmware === 'uefi' ? code : []),
    ...more,
  );
}
