/** Making a VM's disk: a raw file that gets its name only when it is complete. An existing one is never touched. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { CreateDisk } from './control';
import { HostError } from './errors';
import { makeFolder, syncFolder, writeFileAtomically } from './files';
import { requireMounted } from './mounts';
import { diskFile, diskRecordFile, vmFolder } from './records';
import { commandFailed, DISK_SILENCE_MS, must, type Command, type Dom0Shell, type ExecuteOptions } from './shell';

const NO_ROOM = 'See df on the host: the array may be full.';
const CHUNK_BYTES = 1024 * 1024;

/**
 * Order of writing: the disk under a temporary name, synced; its record; last the disk's own name, by a hard link, which
 * fails when that name exists (link(2)). An interruption leaves no disk, and the next try begins anew.
 */
export async function createDisk(shell: Dom0Shell, request: CreateDisk, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  const { mount, record } = request;
  const path = diskFile(mount, record);
  const part = `${path}.part`;
  const tried = `make disk ${record.disk} of VM ${record.vm}`;
  const run = (command: Command, remedy: string, options: ExecuteOptions = {}) => must(shell, { silenceMs: DISK_SILENCE_MS, ...options, command, tried, remedy }, signal);

  await requireMounted(shell, mount, tried, signal);
  await makeFolder(shell, vmFolder(mount, record.vm), signal);
  await refuseExisting(shell, path, signal);
  await run(['rm', '--force', part], NO_ROOM);
  if (request.sourceFile !== undefined) await copyGolden(shell, request, request.sourceFile, part, onProgress, signal);
  await reserve(shell, part, record.sizeBytes, signal);
  await run(['sync', part], NO_ROOM);
  await writeFileAtomically(shell, diskRecordFile(mount, record), `${JSON.stringify(record)}\n`, signal);
  await run(['ln', '--no-target-directory', part, path], 'A disk of that name appeared meanwhile: see which other backend works on this pool.');
  await run(['rm', part], NO_ROOM);
  await syncFolder(shell, vmFolder(mount, record.vm), signal);
}

async function refuseExisting(shell: Dom0Shell, path: string, signal: AbortSignal): Promise<void> {
  const result = await shell.execute(['test', '-e', path], signal);
  if (result.code !== 0) return;
  throw new HostError({
    kind: 'refused',
    host: shell.host,
    tried: `make ${path}`,
    said: 'a disk of that name is there already',
    remedy: 'PXEN never overwrites a disk. If it is not wanted any more, rename it by hand.',
  });
}

/** Takes the whole size at once, so that a guest never runs out of room; a filesystem without fallocate(2) gets a sparse file. */
async function reserve(shell: Dom0Shell, part: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
  const tried = `reserve ${sizeBytes} bytes for ${part}`;
  const step = { command: ['fallocate', '--length', String(sizeBytes), part], silenceMs: DISK_SILENCE_MS, tried, remedy: NO_ROOM } as const;
  const result = await shell.execute(step.command, signal, step);
  if (result.code === 0) return;
  if (!/not supported/i.test(result.stderr)) throw commandFailed(shell, step, result);
  await must(shell, { command: ['truncate', `--size=${sizeBytes}`, part], tried, remedy: NO_ROOM }, signal);
}

async function copyGolden(shell: Dom0Shell, request: CreateDisk, sourceFile: string, part: string, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  const format = await imageFormat(shell.host, sourceFile);
  if (format === 'raw') {
    await send(shell, sourceFile, part, onProgress, signal);
    refuseLarger(shell, request, Number(await must(shell, { command: ['stat', '--format=%s', part], tried: `ask the size of ${part}`, remedy: NO_ROOM }, signal)));
    return;
  }
  const packed = `${part}.qcow2`;
  const tried = `unpack ${basename(sourceFile)} for VM ${request.record.vm}`;
  await send(shell, sourceFile, packed, onProgress, signal);
  const info = await must(shell, { command: ['qemu-img', 'info', '--output=json', packed], tried, remedy: 'Look at the image with qemu-img check.' }, signal);
  refuseLarger(shell, request, (JSON.parse(info) as { readonly 'virtual-size': number })['virtual-size']);
  await must(
    shell,
    { command: ['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', packed, part], tried, silenceMs: 60 * 60_000, remedy: NO_ROOM },
    signal,
  );
  await must(shell, { command: ['rm', packed], tried, remedy: NO_ROOM }, signal);
}

function refuseLarger(shell: Dom0Shell, request: CreateDisk, sourceBytes: number): void {
  if (sourceBytes <= request.record.sizeBytes) return;
  throw new HostError({
    kind: 'refused',
    host: shell.host,
    tried: `make disk ${request.record.disk} of VM ${request.record.vm}`,
    said: `its source holds ${sourceBytes} bytes, and the disk has ${request.record.sizeBytes}`,
    remedy: 'Give the disk a larger size in the VM’s spec.',
  });
}

/** Streams a file of this machine to the host and compares the sums of what was read here and what lies there. */
async function send(shell: Dom0Shell, sourceFile: string, path: string, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  const tried = `copy ${basename(sourceFile)} to ${path}`;
  const hash = createHash('sha256');
  let sent = 0;
  async function* read(): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(sourceFile, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
      sent += chunk.length;
      onProgress(sent);
    }
  }
  // iflag=fullblock: a pipe hands over less than a block at a time (dd(1)).
  await must(
    shell,
    { command: ['dd', `of=${path}`, 'bs=1M', 'iflag=fullblock', 'conv=fsync', 'status=none'], stdin: read(), silenceMs: DISK_SILENCE_MS, tried, remedy: NO_ROOM },
    signal,
  );
  const printed = await must(shell, { command: ['sha256sum', path], silenceMs: DISK_SILENCE_MS, tried: `read ${path} back`, remedy: 'Look at the host’s kernel log.' }, signal);
  const expected = hash.digest('hex');
  if (printed.startsWith(expected)) return;
  throw new HostError({
    kind: 'command',
    host: shell.host,
    tried,
    said: `what arrived has sha256 ${printed.slice(0, 64)}, and ${expected} was sent`,
    remedy: 'Try again; if it happens twice, test the host’s memory and disks.',
  });
}

/** By the magic number, not by the name. */
async function imageFormat(host: string, sourceFile: string): Promise<'raw' | 'qcow2'> {
  try {
    const file = await open(sourceFile);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
      return bytesRead === 4 && buffer.equals(Buffer.from('QFI\xfb', 'latin1')) ? 'qcow2' : 'raw';
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new HostError(
      {
        kind: 'refused',
        host,
        tried: `read the golden image ${sourceFile}`,
        said: error instanceof Error ? error.message : String(error),
        remedy: 'Put the image at that place of the drive, or correct the disk’s source in the spec.',
      },
      { cause: error },
    );
  }
}
