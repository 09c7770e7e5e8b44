/** The command that starts the port helper as root. Pure. */

export interface HelperCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/** `pkexec` asks in a window, `sudo` on the terminal. */
export type WayToRoot = 'pkexec' | 'sudo';

const WORDS: Readonly<Record<WayToRoot, readonly string[]>> = {
  pkexec: [],
  sudo: ['--prompt=The ports of DHCP, TFTP, HTTP and DNS are kept for root; nothing else of PXEN runs as root. Password of %p: ', '--'],
};

/**
 * Both clean the environment and close every descriptor but the standard ones (pkexec(1), sudo(8)). So the channel is standard
 * input, and env(1) says so in the words of Node, and tells Electron to run as Node.
 */
export function helperCommand(way: WayToRoot, { execPath, script }: { readonly execPath: string; readonly script: string }): HelperCommand {
  return { file: way, args: [...WORDS[way], 'env', 'ELECTRON_RUN_AS_NODE=1', 'NODE_CHANNEL_FD=0', 'NODE_CHANNEL_SERIALIZATION_MODE=json', execPath, script] };
}
