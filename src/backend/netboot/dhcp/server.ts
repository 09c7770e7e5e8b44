/** The sockets of DHCP: hears requests, sends what `answerDhcp` decided. Decides nothing itself. */

import type dgram from 'node:dgram';
import { replyDestination } from '../answers/destination';
import type { DhcpAnswer } from '../answers/dhcp';
import type { Clock, Random } from '../../system';
import type { NetbootEndpoints } from '../endpoints';
import { LIMITED_BROADCAST } from '../ipv4';
import { closeUdp, onDatagram, openUdp, portOf } from '../sockets';
import { decodeDhcp, encodeDhcp, type DhcpMessage } from './codec';
import { OPTION, uint16Of } from './options';
import { openLookout, type Lookout, type OtherServers } from './otherServers';

export interface DhcpServerOptions {
  readonly bindAddress: string;
  /** `pxe` is 4011. */
  readonly ports: { readonly dhcp: number; readonly pxe: number };
  readonly replies: NetbootEndpoints['dhcpReplies'];
  readonly answer: (request: DhcpMessage, port: 'dhcp' | 'pxe') => DhcpAnswer;
  /** Another DHCP server was found on the network, or none was. Only with `rfc2131`. */
  readonly onOtherServers: (result: OtherServers) => void;
  readonly clock: Clock;
  readonly random: Random;
  /** Called after the reply has left, or at once for silence. */
  readonly onAnswer: (answer: DhcpAnswer) => void;
  /** A socket that failed, a packet that couldn't be sent, an answer that didn't fit; in words. */
  readonly onTrouble: (sentence: string) => void;
}

export interface DhcpServer {
  readonly ports: { readonly dhcp: number; readonly pxe: number };
  close(): Promise<void>;
}

/**
 * With `rfc2131` two sockets share port 67: the one on the interface's address sends everything and hears unicasts
 * (limited broadcasts from it leave by that interface, where one on 0.0.0.0 would follow the default route), the one on
 * 255.255.255.255 hears broadcasts and nothing else. With `to-source` one socket does.
 */
export async function startDhcpServer(options: DhcpServerOptions): Promise<DhcpServer> {
  const sockets: dgram.Socket[] = [];
  let lookout: Lookout | undefined;
  const open = async (service: string, address: string, port: number) => {
    const socket = await openUdp(service, { address, port }, (error) => options.onTrouble(`${service}: ${error.message}`));
    sockets.push(socket);
    return socket;
  };
  const close = async () => {
    lookout?.close();
    await Promise.all(sockets.map(closeUdp));
  };
  try {
    const main = await open('DHCP', options.bindAddress, options.ports.dhcp);
    const pxe = await open('The PXE boot service', options.bindAddress, options.ports.pxe);
    const take = (message: DhcpMessage) => lookout?.take(message) ?? false;
    serve(main, main, 'dhcp', options, take);
    serve(pxe, pxe, 'pxe', options, take);
    if (options.replies === 'rfc2131') {
      main.setBroadcast(true);
      const broadcasts = await open('DHCP', LIMITED_BROADCAST, portOf(main));
      serve(broadcasts, main, 'dhcp', options, take);
      lookout = openLookout({
        address: options.bindAddress,
        send: (bytes, address) => main.send(bytes, portOf(main), address, (error) => {
          if (error) options.onTrouble(`other DHCP servers can't be looked for: ${error.message}`);
        }),
        onResult: options.onOtherServers,
        clock: options.clock,
        random: options.random,
      });
    }
    return { ports: { dhcp: portOf(main), pxe: portOf(pxe) }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function serve(hears: dgram.Socket, sends: dgram.Socket, port: 'dhcp' | 'pxe', options: DhcpServerOptions, isOurs: (message: DhcpMessage) => boolean): void {
  onDatagram(hears, (bytes, source) => {
    const decoded = decodeDhcp(bytes);
    if ('problem' in decoded || isOurs(decoded.message)) return;
    const answer = options.answer(decoded.message, port);
    if (answer.kind === 'silence') {
      options.onAnswer(answer);
      return;
    }
    const reply = encodeDhcp(answer.message, uint16Of(decoded.message.options, OPTION.maximumMessageSize));
    if (reply.omitted.length > 0) {
      options.onTrouble(`${answer.client.mac} takes only small DHCP messages: options ${reply.omitted.join(', ')} were left out of its answer`);
    }
    const destination = port === 'pxe' || options.replies === 'to-source' ? source : replyDestination(answer.message);
    sends.send(reply.bytes, destination.port, destination.address, (error) => {
      if (error) options.onTrouble(`an answer to ${answer.client.mac} couldn't be sent to ${destination.address}: ${error.message}`);
      else options.onAnswer(answer);
    });
  });
}
