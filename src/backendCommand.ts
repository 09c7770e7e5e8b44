/** The commands that start the backend. Pure. */

export interface BackendCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env: Readonly<Record<string, string>>;
}

export interface CommandOptions {
  /** Absolute path of dist/backend.js. */
  readonly script: string;
  /** Node's executable, or Electron's. */
  readonly execPath: string;
  /** Whether it may ask for the password when a port is kept for root. */
  readonly askForPassword: boolean;
  /** Whether it goes on when its input closes. */
  readonly stay: boolean;
}

/** The backend runs as the user, always. What needs root, opening a few ports, it gets through a helper of its own (pkexec). */
export function backendCommand({ script, execPath, askForPassword, stay }: CommandOptions): BackendCommand {
  const flags = [...(stay ? ['--stay'] : []), ...(askForPassword ? ['--ask-for-password'] : [])];
  return { file: execPath, args: [script, ...flags], env: { ELECTRON_RUN_AS_NODE: '1' } };
}

/** What to type where no dialog can ask for the password: there it asks through sudo. For a shell, hence quoted. */
export function terminalCommand({ execPath, script }: Pick<CommandOptions, 'execPath' | 'script'>, drive: string): string {
  return ['env', 'ELECTRON_RUN_AS_NODE=1', ...[execPath, script, 'boot', '--stay', drive].map(quoted)].join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
