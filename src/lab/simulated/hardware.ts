/** The machines a drive's specs describe, as hardware: what stands in the rack before anything is switched on. Pure. */

import { createHash } from 'node:crypto';
import type { HostModel, NetworkModel, PoolModel, RaidLevel } from '../../backend/drive/model';
import type { Fault, Faults } from './faults';

/** Travels to the lab's process as JSON. */
export interface Rack {
  readonly machines: readonly Hardware[];
  /** Exports of the NFS servers that the drive names. */
  readonly exports: readonly { readonly source: string; readonly capacityBytes: number }[];
  /** Who gives out addresses, as the drive says. When it isn't PXEN, the lab stands in for the other server. */
  readonly dhcp: NetworkModel['dhcp'];
  /** The boot server's address in the pool's network. */
  readonly serverAddress: string;
}

export interface Hardware {
  readonly name: string;
  /** Of the NIC that boots. */
  readonly mac: string;
  readonly firmware: Firmware;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly dom0MemoryBytes: number;
  readonly arrays: readonly HardwareArray[];
  readonly faults: readonly Fault[];
  /** SecureOn password the NIC asks for in its magic packet, `aa:bb:cc:dd:ee:ff`. */
  readonly wakePassword?: string;
}

/**
 * What meets the boot server first: a BIOS or UEFI PXE ROM, a card that carries iPXE, one whose iPXE knows neither HTTP nor
 * Multiboot, or UEFI HTTP boot.
 */
export const FIRMWARES = ['bios', 'uefi', 'bios-ipxe', 'uefi-http', 'bios-old-ipxe'] as const;
export type Firmware = (typeof FIRMWARES)[number];

export interface HardwareArray {
  readonly name: string;
  readonly uuid: string;
  readonly level: RaidLevel;
  /** Serial numbers of every member, and of those that are really in the machine. */
  readonly members: readonly string[];
  readonly present: readonly string[];
  readonly capacityBytes: number;
  readonly filesystemUuid: string;
  /** Drive id on its filesystem, when it is somebody else's. */
  readonly foreignOwner?: string;
}

/** Hosts in the model's order get the firmwares in turn, so that any drive of some hosts takes each path. */
export function rackOf(model: PoolModel, faults: Faults): Rack {
  return {
    machines: model.hosts.map((host, index) => machineOf(host, FIRMWARES[index % FIRMWARES.length] ?? 'bios', faults[host.name] ?? [])),
    exports: model.cluster.storage.map(({ source, capacityBytes }) => ({ source, capacityBytes })),
    dhcp: model.cluster.network.dhcp,
    serverAddress: model.cluster.network.server,
  };
}

function machineOf(host: HostModel, firmware: Firmware, faults: readonly Fault[]): Hardware {
  return {
    name: host.name,
    mac: host.macs[0],
    firmware,
    cpus: host.cpus,
    memoryBytes: host.memoryBytes,
    dom0MemoryBytes: host.reserve.memoryBytes,
    faults,
    arrays: host.arrays.map((array) => {
      const about = faults.flatMap((fault) => ('array' in fault && fault.array === array.name ? [fault.kind] : []));
      return {
        name: array.name,
        uuid: array.uuid,
        level: array.level,
        members: array.members,
        present: about.includes('missing-array') ? [] : about.includes('degraded') ? array.members.slice(0, -1) : array.members,
        capacityBytes: array.capacityBytes,
        filesystemUuid: uuidFrom(`filesystem ${array.uuid}`),
        ...(about.includes('foreign-array') ? { foreignOwner: uuidFrom(`owner of ${array.uuid}`) } : {}),
      };
    }),
    ...(host.wake.method === 'wol' && host.wake.password !== undefined ? { wakePassword: host.wake.password } : {}),
  };
}

/** A stable UUID of version 8 (RFC 9562) for anything of the lab that needs one. */
export function uuidFrom(name: string): string {
  const hex = createHash('sha256').update(`PXEN lab ${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
