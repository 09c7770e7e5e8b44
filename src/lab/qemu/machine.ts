/** One QEMU machine: a host's hardware as its spec describes it. It is on while QEMU runs, and off when QEMU has ended. */

import { spawn, type ChildProcess } from 'node:child_process';
import { copyFile, open } from 'node:fs/promises';
import path from 'node:path';
import type { HostModel } from '../../backend/drive/model';
import type { Log } from '../../backend/system';

export type Firmware = 'bios' | 'uefi';

export interface MachineOptions {
  readonly host: HostModel;
  readonly tap: string;
  /** In the order they are plugged in. */
  readonly disks: readonly { readonly serial: string; readonly file: string }[];
  /** Gets `<host>-console.log`, `<host>-qemu.log` and the firmware's variables. */
  readonly folder: string;
  readonly log: Log;
}

/** Label of a host's spec that chooses its firmware; BIOS without one. */
export const FIRMWARE_LABEL = 'firmware';

const UEFI_CODE = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const UEFI_VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.fd';

/** The machine's controller takes six disks; each further six get a controller of their own. */
const DISKS_PER_CONTROLLER = 6;
const MIB = 1 << 20;

export class QemuMachine {
  private process: ChildProcess | undefined;
  private turningOn: Promise<void> | undefined;

  constructor(private readonly options: MachineOptions) {}

  get isOn(): boolean {
    return this.process !== undefined || this.turningOn !== undefined;
  }

  /** Where the serial line's output goes, over all of the machine's boots. */
  get consoleFile(): string {
    return path.join(this.options.folder, `${this.options.host.name}-console.log`);
  }

  /** Pushes the power button; nothing happens when it is on. Rejects when QEMU can't be started. */
  async turnOn(): Promise<void> {
    if (this.isOn) return;
    this.turningOn = this.launch();
    try {
      await this.turningOn;
    } finally {
      this.turningOn = undefined;
    }
  }

  /** Pulls the plug. Resolves when the machine is off. */
  async cutPower(): Promise<void> {
    await this.turningOn;
    this.process?.kill('SIGKILL');
    await this.off();
  }

  /** Resolves when the machine is off: at once, or when it ends. */
  off(): Promise<void> {
    const { process } = this;
    if (process === undefined) return Promise.resolve();
    return new Promise((resolve) => process.once('exit', () => resolve()));
  }

  private async launch(): Promise<void> {
    const { host, folder, log } = this.options;
    if (firmwareOf(host) === 'uefi') await copyFile(UEFI_VARIABLES, this.variablesFile);
    const output = await open(path.join(folder, `${host.name}-qemu.log`), 'a');
    try {
      // The machine ends with this process, however that ends.
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...this.arguments()], { stdio: ['ignore', output.fd, output.fd] });
      await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      this.process = child;
      log('info', `${host.name} is on (${firmwareOf(host).toUpperCase()})`);
      child.once('exit', (code, killedBy) => {
        this.process = undefined;
        if (code === 0 || killedBy === 'SIGKILL') log('info', `${host.name} is off`);
        else log('error', `${host.name}: QEMU ended with ${code === null ? (killedBy ?? '?') : `code ${code}`}; see ${path.join(folder, `${host.name}-qemu.log`)}`);
      });
    } finally {
      await output.close();
    }
  }

  private get variablesFile(): string {
    return path.join(this.options.folder, `${this.options.host.name}-uefi.fd`);
  }

  private arguments(): string[] {
    const { host, tap } = this.options;
    return [
      ...['-name', host.name, '-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'std'],
      ...MACHINE,
      ...['-smp', String(host.cpus), '-m', String(Math.floor(host.memoryBytes / MIB))],
      ...['-chardev', `file,id=console,append=on,path=${escaped(this.consoleFile)}`, '-serial', 'chardev:console'],
      ...['-netdev', `tap,id=net,ifname=${tap},script=no,downscript=no`],
      // BIOS boots by the iPXE in the card's ROM; OVMF has a driver and a PXE client of its own.
      ...['-device', `virtio-net-pci,netdev=net,mac=${host.macs[0]},bootindex=1${firmwareOf(host) === 'uefi' ? ',romfile=' : ''}`],
      ...(firmwareOf(host) === 'uefi'
        ? ['-drive', `if=pflash,format=raw,readonly=on,file=${UEFI_CODE}`, '-drive', `if=pflash,format=raw,file=${escaped(this.variablesFile)}`]
        : []),
      ...diskArguments(this.options.disks),
    ];
  }
}

/**
 * What field trials found to boot Xen under software emulation (Debian's QEMU 7.2). With one thread a CPU, machines use all
 * of this computer's cores.
 */
export const MACHINE = ['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'Nehalem'] as const;

/** SATA disks: the serial numbers show in dom0 as a real disk's do. */
export function diskArguments(disks: MachineOptions['disks']): string[] {
  return disks.flatMap(({ serial, file }, index) => {
    const controller = Math.floor(index / DISKS_PER_CONTROLLER);
    const port = index % DISKS_PER_CONTROLLER;
    return [
      ...(controller > 0 && port === 0 ? ['-device', `ahci,id=ahci${controller}`] : []),
      ...['-drive', `if=none,id=disk${index},format=raw,cache=unsafe,file=${escaped(file)}`],
      ...['-device', `ide-hd,drive=disk${index},serial=${serial},bus=${controller === 0 ? 'ide' : `ahci${controller}`}.${port}`],
    ];
  });
}

export function firmwareOf(host: HostModel): Firmware {
  return host.labels[FIRMWARE_LABEL] === 'uefi' ? 'uefi' : 'bios';
}

/** QEMU takes a doubled comma for one that belongs to the value. */
function escaped(file: string): string {
  return file.replaceAll(',', ',,');
}
