/** The commands that start the backend, with the privileges it needs. Pure. */

export interface BackendCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly elevated: boolean;
}

export interface CommandOptions {
  /** Absolute path of dist/backend.js. */
  readonly script: string;
  /** Node's executable, or Electron's. */
  readonly execPath: string;
  readonly platform: NodeJS.Platform;
  /** Effective user id; absent on Windows. */
  readonly uid: number | undefined;
  /** Whether it will bind the ports of DHCP, TFTP, HTTP and DNS, all below 1024. */
  readonly lowPorts: boolean;
  /** Whether pkexec may be asked for what the user lacks. */
  readonly elevate: boolean;
  /** Whether it goes on when its input closes. */
  readonly stay: boolean;
}

/**
 * How to start the backend. Linux alone keeps low ports for root; macOS and Windows give them to everyone. pkexec cleans the
 * environment (pkexec(1)), so that Electron is told through env(1) to run as Node.
 */
export function backendCommand(options: CommandOptions): BackendCommand {
  const elevated = options.elevate && options.lowPorts && options.platform === 'linux' && options.uid !== 0;
  const words = [options.script, ...(options.stay ? ['--stay'] : [])];
  const asNode = { ELECTRON_RUN_AS_NODE: '1' };
  return elevated
    ? { file: 'pkexec', args: ['env', 'ELECTRON_RUN_AS_NODE=1', options.execPath, ...words], env: {}, elevated }
    : { file: options.execPath, args: words, env: asNode, elevated };
}

/** What to type where no dialog can ask for the password. For a shell, hence quoted. */
export function sudoCommand({ execPath, script }: Pick<CommandOptions, 'execPath' | 'script'>, drive: string): string {
  return ['sudo', 'env', 'ELECTRON_RUN_AS_NODE=1', ...[execPath, script, 'boot', '--stay', drive].map(quoted)].join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
