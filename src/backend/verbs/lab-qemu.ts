/** `pxen lab --qemu`: the same boot as `pxen boot`, against QEMU machines that run the real image under real Xen. */

import os from 'node:os';
import path from 'node:path';
import { qemuLabAssetsFolder, startQemuLab } from '../../lab/qemu/environment';
import { NamespaceError, commandOfThisProcess, isInsideLabNamespace, runInLabNamespace } from '../../lab/qemu/namespace';
import type { Log } from '../system';
import { bootPool } from './bootPool';
import { EXIT, type VerbIo } from './io';

export interface QemuLabVerbOptions {
  readonly drive: string;
  readonly stay: boolean;
  readonly json: boolean;
}

/** Runs this program again in a network namespace, where the lab is. Exits as `pxen boot`. */
export async function runQemuLab(options: QemuLabVerbOptions, io: VerbIo): Promise<number> {
  if (!isInsideLabNamespace(io.env)) {
    try {
      return await runInLabNamespace({ command: commandOfThisProcess(), env: io.env, root: process.getuid?.() === 0, signal: io.signal });
    } catch (error) {
      if (!(error instanceof NamespaceError)) throw error;
      io.err(`${error.message}\n`);
      return EXIT.usage;
    }
  }
  const log: Log = (_level, sentence) => io.err(`${sentence}\n`);
  return bootPool(
    (_target, root, model) =>
      startQemuLab({ model, root, cacheFolder: path.join(cacheFolder(io.env), 'qemu-lab'), assetsFolder: qemuLabAssetsFolder(__dirname), log, signal: io.signal }),
    { ...options, target: 'qemu' },
    io,
  );
}

/** `$PXEN_CACHE`, or where the XDG Base Directory Specification says. */
function cacheFolder(env: VerbIo['env']): string {
  return env['PXEN_CACHE'] ?? path.join(env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'pxen');
}
