/**
 * The QEMU lab lives in a network namespace of its own (network_namespaces(7)): its DHCP server and bridge are seen by
 * its machines alone, and the kernel takes all of it away with the last process inside. Root needs no more than that;
 * any other user gets a user namespace around it, where the system allows that.
 */

import { spawn } from 'node:child_process';

/** Tells the process inside that it is inside. */
const MARK = 'PXEN_LAB_NAMESPACE';

export function isInsideLabNamespace(env: Readonly<Record<string, string | undefined>>): boolean {
  return env[MARK] === 'inside';
}

/** What this process was started as. */
export function commandOfThisProcess(): [string, ...string[]] {
  return [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
}

export interface NamespaceRun {
  /** Program and arguments to run inside. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether this process is root. */
  readonly root: boolean;
  /** Ends the process inside (SIGTERM); its exit code is still waited for. */
  readonly signal: AbortSignal;
}

/**
 * Runs the command in a new network namespace with this process's standard streams, and resolves with its exit code.
 * It ends when this process does. Rejects, with what to do, when the namespace can't be made.
 */
export async function runInLabNamespace({ command, env, root, signal }: NamespaceRun): Promise<number> {
  const args = [...(root ? [] : ['--user', '--map-root-user']), '--net', '--', 'setpriv', '--pdeathsig', 'TERM', '--'];
  await probe(args, env);
  const child = spawn('unshare', [...args, ...command], { stdio: 'inherit', env: { ...env, [MARK]: 'inside' } });
  const end = () => void child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, killedBy) => resolve(code ?? (killedBy === 'SIGINT' || killedBy === 'SIGTERM' ? 3 : 1)));
    });
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** So that a refusal of the system isn't taken for one of the command. */
function probe(args: readonly string[], env: NamespaceRun['env']): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('unshare', [...args, 'true'], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...env } });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.on('error', () => reject(new NamespaceError('unshare(1) of util-linux is missing.', 'Install it: apt-get install util-linux')));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new NamespaceError(`This system gives no network namespace: ${said.trim()}.`, 'Run it as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0).'));
    });
  });
}

export class NamespaceError extends Error {
  override readonly name = 'NamespaceError';

  constructor(sentence: string, remedy: string) {
    super(`${sentence} ${remedy}`);
  }
}
