/**
 * Brings a VS Code onto machines where the desktop can't be downloaded: the VS Code server that the npm package
 * `code-server` carries, which any Chromium shows. Only the npm registry is asked.
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const VERSION = '4.100.3';
/** Raised when the steps below change, so that an older installation isn't taken for a present one. */
const RECIPE = 2;

const run = promisify(execFile);

/**
 * Folder of the VS Code server, installed on first use below `PXEN_CACHE` (else `~/.cache/pxen`). An installation appears there
 * by one rename, so that an interrupted or a concurrent one never leaves half of it.
 */
export async function installedVsCodeServer(log: (sentence: string) => void): Promise<string> {
  const parent = join(process.env['PXEN_CACHE'] ?? join(homedir(), '.cache', 'pxen'), 'code-server');
  const target = join(parent, `${VERSION}-${RECIPE}-node${process.versions.modules}`);
  if (!existsSync(target)) {
    log(`Installing the VS Code server of code-server ${VERSION} in ${target}; this happens once.`);
    await mkdir(parent, { recursive: true });
    const work = await mkdtemp(join(parent, 'installing-'));
    try {
      await install(work);
      await rename(join(work, 'package', 'lib', 'vscode'), target).catch((error: unknown) => {
        if (!existsSync(target)) throw error;
      });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  return target;
}

async function install(work: string): Promise<void> {
  await npm(['pack', `code-server@${VERSION}`, '--silent'], work);
  const [archive] = (await readdir(work)).filter((name) => name.endsWith('.tgz'));
  if (archive === undefined) throw new Error(`npm pack code-server@${VERSION} left no archive in ${work}.`);
  await run('tar', ['-xzf', archive, 'package/lib/vscode'], { cwd: work });

  const server = join(work, 'package', 'lib', 'vscode');
  await npm(['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], server);
  // The server looks for its modules in an archive that only the desktop's build packs.
  await symlink('node_modules', join(server, 'node_modules.asar'));
  // Of the native modules, those that the tests meet: log files, and the extension host's end when its server has died.
  await npm(['rebuild', '@vscode/spdlog', 'native-watchdog'], server);
  await access(join(server, 'node_modules', '@vscode', 'spdlog', 'build', 'Release', 'spdlog.node'));
  // The package downloads ripgrep from GitHub when installed; Debian's does the same work (finding files in a workspace).
  const ripgrep = '/usr/bin/rg';
  await access(ripgrep).catch(() => {
    throw new Error(`${ripgrep} is missing: VS Code finds files with it. Install it with "apt-get install ripgrep".`);
  });
  const bin = join(server, 'node_modules', '@vscode', 'ripgrep', 'bin');
  await mkdir(bin, { recursive: true });
  await symlink(ripgrep, join(bin, 'rg'));
}

async function npm(words: readonly string[], cwd: string): Promise<void> {
  await run('npm', [...words], { cwd, env: { ...process.env, ...nodeHeaders() }, maxBuffer: 64 << 20 });
}

/** Node's own headers, when they lie beside its executable, spare node-gyp a download from nodejs.org. */
function nodeHeaders(): Record<string, string> {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_version.h')) ? { npm_config_nodedir: prefix } : {};
}
