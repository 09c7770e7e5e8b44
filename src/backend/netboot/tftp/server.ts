/** The TFTP server: its sessions over sockets, its files from the drive. */

import { BootFiles } from './files';
import { TftpSessions, type TftpSessionsOptions } from './sessions';
import { openSocketWire, type SocketWireOptions } from './wire';

export interface TftpServerOptions extends TftpSessionsOptions, Pick<SocketWireOptions, 'bindAddress' | 'port' | 'portHelper' | 'singlePort'> {}

export interface TftpServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function startTftpServer(options: TftpServerOptions): Promise<TftpServer> {
  const { bindAddress, port, portHelper, singlePort, onEvent } = options;
  const files = new BootFiles();
  const wire = await openSocketWire({
    bindAddress,
    port,
    portHelper,
    singlePort,
    onRequest: (bytes, peer) => sessions.receive(bytes, peer),
    // An ICMP error for a datagram of ours ends up here; the transfer's own timer deals with it.
    onError: (error) => onEvent({ client: { address: bindAddress, port }, file: '', outcome: { kind: 'failed', reason: error.message }, resent: 0 }),
  });
  const sessions = new TftpSessions(options, wire, (folder, name) => files.read(folder, name));
  return {
    port: wire.port,
    close: async () => {
      await Promise.all([sessions.close(), wire.close()]);
    },
  };
}
