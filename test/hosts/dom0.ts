/** dom0 without ssh: the lab's commands behind the shell that `hosts/` talks to, and what tests read of its state. */

import { quote, type Command, type CommandResult, type Dom0Shell, type ExecuteOptions } from '../../src/backend/hosts/shell';
import type { ArrayModel, HostModel } from '../../src/backend/drive/model';
import type { Dom0Context } from '../../src/lab/simulated/dom0/command';
import { fileOf, makeFolders } from '../../src/lab/simulated/dom0/files';
import { placeOf, readNode } from '../../src/lab/simulated/dom0/paths';
import { runLine } from '../../src/lab/simulated/dom0/shell';
import { freshMemory, storageOf, type Memory, type Storage } from '../../src/lab/simulated/dom0/state';
import type { Hardware, HardwareArray } from '../../src/lab/simulated/hardware';

const GIB = 1024 ** 3;

export const ARRAY: ArrayModel = {
  name: 'r0',
  uuid: '3aaa0122:29827cfa:5331ad66:ca767371',
  level: 'raid1',
  members: ['SN-A', 'SN-B'],
  mount: '/srv/r0',
  capacityBytes: 10 * GIB,
  bandwidthBps: 1,
  degraded: 'allow',
};

export const HOST: HostModel = {
  name: 'node1',
  macs: ['52:54:00:aa:00:01'],
  address: '10.77.0.11',
  cpus: 8,
  memoryBytes: 32 * GIB,
  reserve: { cpus: 1, memoryBytes: 2 * GIB },
  arrays: [ARRAY],
  wake: { method: 'wol', port: 9 },
  labels: {},
};

export const DRIVE_ID = '7d0b3b0e-5f0a-4c0e-9d38-2f5b86a3c111';
export const CLAIM = { driveId: DRIVE_ID, host: 'node1' };

/** Never aborted. */
export const CALM = new AbortController().signal;

export interface Machine {
  readonly shell: Dom0Shell;
  readonly storage: Storage;
  memory: Memory;
  /** Every line that was run. */
  readonly lines: string[];
  /** Lines that fail from now on, with what they print to standard error. */
  readonly broken: Map<RegExp, string>;
  uptimeSeconds: number;
  switchedOff: boolean;
  /** Memory is gone, disks stay. */
  reboot(): void;
  write(path: string, content: string): void;
  read(path: string): string | undefined;
  paths(): string[];
}

export function machine(array: Partial<HardwareArray> = {}): Machine {
  const hardware: Hardware = {
    name: HOST.name,
    mac: HOST.macs[0],
    firmware: 'bios',
    cpus: HOST.cpus,
    memoryBytes: HOST.memoryBytes,
    dom0MemoryBytes: HOST.reserve.memoryBytes,
    faults: [],
    arrays: [{ name: 'r0', uuid: ARRAY.uuid, level: 'raid1', members: ARRAY.members, present: ARRAY.members, capacityBytes: ARRAY.capacityBytes, filesystemUuid: 'f0f0f0f0-1111-4222-8333-444444444444', ...array }],
  };
  // The simulated uptime is a minute more than the time since this.
  const now = () => made.uptimeSeconds * 1000;
  const execute = async (command: Command, signal: AbortSignal, options: ExecuteOptions = {}): Promise<CommandResult> => {
    signal.throwIfAborted();
    const line = quote(command);
    made.lines.push(line);
    const failure = [...made.broken].find(([pattern]) => pattern.test(line));
    if (failure !== undefined) return { code: 1, stdout: '', stderr: failure[1] };
    const context: Dom0Context = {
      hardware,
      storage: made.storage,
      memory: made.memory,
      now,
      stdin: typeof options.stdin === 'object' ? options.stdin : chunksOf(options.stdin ?? ''),
      pause: () => Promise.resolve(),
      reachedArrays: () => undefined,
      switchOff: () => (made.switchedOff = true),
      console: () => undefined,
    };
    const result = await runLine(line, context);
    // What the simulated dom0 doesn't know would go unnoticed where a failure is expected.
    if (result.code === 127 || result.stderr.includes('not known to the lab')) throw new Error(`the lab does not know: ${line}`);
    return result;
  };
  const made: Machine = {
    shell: { host: HOST.name, execute },
    storage: storageOf(hardware, new Map([['10.77.0.5:/export/vms', { capacityBytes: GIB, files: new Map(), folders: new Set(['/']) }]])),
    memory: freshMemory('11111111-2222-4333-8444-555555555555', 0),
    lines: [],
    broken: new Map(),
    uptimeSeconds: 0,
    switchedOff: false,
    reboot: () => {
      made.memory = freshMemory('11111111-2222-4333-8444-666666666666', 0);
    },
    write: (path, content) => {
      const place = placeOf(made.memory, path);
      makeFolders(place.filesystem, place.path.slice(0, place.path.lastIndexOf('/')) || '/');
      place.filesystem.files.set(place.path, fileOf(content));
    },
    read: (path) => readNode(made.memory, path)?.head.toString('utf8'),
    paths: () => made.memory.mounts.flatMap(({ target, filesystem }) => [...filesystem.files.keys()].map((path) => `${target === '/' ? '' : target}${path}`)).sort(),
  };
  return made;
}

async function* chunksOf(text: string): AsyncGenerator<Buffer> {
  if (text !== '') yield await Promise.resolve(Buffer.from(text));
}
