/** How machines are served: what `serve` and `boot` are told alike. */

import { parseIpv4 } from '../netboot/ipv4';
import type { ListenAddress } from '../netboot/sockets';
import type { VerbIo } from './io';

export interface ServingOptions {
  /** Serve addresses although another DHCP server answers on the network. */
  readonly despiteOtherDhcp: boolean;
  /** All TFTP transfers from port 69. */
  readonly tftpSinglePort: boolean;
  /** `ADDRESS:PORT` where nginx asks; it has the HTTP port then. */
  readonly httpUpstream?: string;
  /** A new file that every datagram is written to, for tcpdump and Wireshark. */
  readonly capture?: string | undefined;
}

/** `'wrong'` when it is no address and port; that was told then. */
export function readUpstream(word: string | undefined, io: VerbIo): ListenAddress | undefined | 'wrong' {
  if (word === undefined) return undefined;
  const [, address = '', digits = ''] = /^([\d.]+):(\d{1,5})$/.exec(word) ?? [];
  const port = Number(digits);
  if (parseIpv4(address) !== undefined && port >= 1 && port <= 65_535) return { address, port };
  io.err(`${word} is no ADDRESS:PORT. Write for instance --http-upstream 127.0.0.1:8080.\n`);
  return 'wrong';
}
