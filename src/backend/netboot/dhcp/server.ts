/** The sockets of DHCP: hears requests, sends what `answerDhcp` decided. Decides nothing itself. */

import type dgram from 'node:dgram';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { replyDestination } from '../answers/destination';
import { silence, type DhcpAnswer } from '../answers/exchange';
import { nameOfHost } from '../answers/facts';
import { delay, type Clock, type Random } from '../../system';
import type { NetbootEndpoints } from '../endpoints';
import { hearOnly } from '../interfaceBinding';
import { LIMITED_BROADCAST } from '../ipv4';
import type { PortHelper } from '../portHelper/ask';
import { closeUdp, onDatagram, openUdp, portOf } from '../sockets';
import type { Beside } from './beside';
import { decodeDhcp, encodeDhcp, type DhcpMessage } from './codec';
import type { Settle } from './lending';
import { addressOf, messageTypeOf, OPTION, uint16Of } from './options';
import { openLookout, type Lookout } from './otherServers';

export interface DhcpServerOptions {
  readonly bindAddress: string;
  /** Its name, where there is one: what comes in elsewhere is then not heard. */
  readonly interface?: string | undefined;
  readonly portHelper?: PortHelper | undefined;
  /** `pxe` is 4011. */
  readonly ports: { readonly dhcp: number; readonly pxe: number };
  readonly replies: NetbootEndpoints['dhcpReplies'];
  readonly answer: (request: DhcpMessage, port: 'dhcp' | 'pxe') => DhcpAnswer;
  /** Carries out what an answer does to the range. */
  readonly settle: Settle;
  /** What other DHCP servers on the network mean for us. They are looked for only with `rfc2131`. */
  readonly beside: Beside;
  /**
   * Opens the services that machines are sent to; called once, while other DHCP servers are waited for. No machine is answered before it has
   * resolved, and none at all if it rejects.
   */
  readonly openOthers: () => Promise<void>;
  /** How long they have to show themselves before machines are answered. */
  readonly waitForOthersMs?: number | undefined;
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
 * How long the first look for other servers keeps machines waiting, unless told otherwise. Those that answer an INFORM do so in a few
 * milliseconds; for the others the look goes on while we serve. The requests that come meanwhile are answered after it.
 */
const WAIT_FOR_OTHERS_MS = 50;
const MOST_KEPT_WAITING = 1024;
const FINDING_OUT_MS = 1_000;

/**
 * With `rfc2131` two sockets share port 67: the one on the interface's address sends everything and hears unicasts
 * (limited broadcasts from it leave by that interface, where one on 0.0.0.0 would follow the default route), the one on
 * 255.255.255.255 hears broadcasts and nothing else. With `to-source` one socket does. Rejects with an
 * `OtherDhcpServerError` when there is another server that forbids to serve, and as `openOthers` does.
 */
export async function startDhcpServer(options: DhcpServerOptions): Promise<DhcpServer> {
  const { beside, clock } = options;
  const sockets: dgram.Socket[] = [];
  let lookout: Lookout | undefined;
  let others: ReturnType<typeof lookForOthers> | undefined;
  let isClosed = false;
  let stopWatching: () => void = () => undefined;
  let waiting: (() => void)[] | undefined = [];
  const answerWaiting = () => {
    const kept = waiting ?? [];
    waiting = undefined;
    for (const take of kept) take();
  };
  const open = async (service: string, address: string, port: number) => {
    const socket = await openUdp(service, { address, port, interface: options.interface, helper: options.portHelper }, (error) => options.onTrouble(`${service}: ${error.message}`));
    sockets.push(socket);
    return socket;
  };
  const close = async () => {
    isClosed = true;
    stopWatching();
    lookout?.close();
    await Promise.all(sockets.map(closeUdp));
  };
  /** The drive says something else: as at the start, nobody is answered before the others had their time. */
  const lookAgain = async () => {
    if (!others) return;
    waiting = [];
    try {
      others.lookout.again();
      await others.hadTheirTime();
      // Finding out who they are reads the drive, which may be slow to answer when it is pulled; a failure is told where it happens.
      await Promise.race([others.found().catch(() => undefined), delay(clock, FINDING_OUT_MS)]);
    } finally {
      answerWaiting();
    }
  };
  // Made once: a copy of the options for each packet costs as much as deciding on it.
  const answering = { ...options, isClosed: () => isClosed };
  const serve = (hears: dgram.Socket, sends: dgram.Socket, port: 'dhcp' | 'pxe') => {
    onDatagram(hears, (bytes, source) => {
      const decoded = decodeDhcp(bytes);
      if ('problem' in decoded || lookout?.take(decoded.message, source.address) === true) return;
      if (waiting === undefined && beside.isOutdated) void lookAgain();
      if (beside.shouldBeAlone && isForAnother(decoded.message, options.bindAddress)) lookout?.soon();
      const take = () => answerTo(decoded.message, source, sends, port, answering);
      if (waiting === undefined) take();
      else if (waiting.length < MOST_KEPT_WAITING) waiting.push(take);
    });
  };
  try {
    const main = await open('DHCP', options.bindAddress, options.ports.dhcp);
    const pxe = await open('The PXE boot service', options.bindAddress, options.ports.pxe);
    serve(main, main, 'dhcp');
    serve(pxe, pxe, 'pxe');
    if (options.replies === 'rfc2131') {
      main.setBroadcast(true);
      const broadcasts = await open('DHCP', LIMITED_BROADCAST, portOf(main));
      const hear = async () => {
        if (options.interface !== undefined) {
          const at = [{ address: LIMITED_BROADCAST, port: portOf(main) }, { address: options.bindAddress, port: portOf(main) }, { address: options.bindAddress, port: portOf(pxe) }];
          stopWatching = await hearOnly({ at, name: options.interface, clock, onTrouble: options.onTrouble });
        }
        serve(broadcasts, main, 'dhcp');
      };
      others = lookForOthers(main, options);
      lookout = others.lookout;
      const preparing = [hear(), others.hadTheirTime(), options.openOthers()];
      // What has begun ends before anything is closed.
      await Promise.allSettled(preparing);
      await Promise.all(preparing);
      await others.found();
    } else {
      await options.openOthers();
    }
    beside.begin();
    answerWaiting();
    return { ports: { dhcp: portOf(main), pxe: portOf(pxe) }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A machine takes the offer of another server: there is one, if it wasn't heard of before. */
function isForAnother(message: DhcpMessage, address: string): boolean {
  const server = messageTypeOf(message.options) === 'request' ? addressOf(message.options, OPTION.serverIdentifier) : undefined;
  return server !== undefined && server !== address;
}

/**
 * `hadTheirTime` resolves when the first of a look was heard, or none was in time; the look goes on. `found` resolves when it is known who those
 * are that were heard so far.
 */
function lookForOthers(main: dgram.Socket, { bindAddress, beside, waitForOthersMs = WAIT_FOR_OTHERS_MS, clock, random, onTrouble }: DhcpServerOptions): { readonly lookout: Lookout; readonly hadTheirTime: () => Promise<void>; readonly found: () => Promise<void> } {
  let finding = Promise.resolve();
  let firstIsHeard: () => void = () => undefined;
  const lookout = openLookout({
    address: bindAddress,
    send: (bytes, address) => main.send(bytes, portOf(main), address, (error) => {
      if (error) onTrouble(`other DHCP servers can't be looked for: ${error.message}`);
    }),
    onLook: () => beside.lookBegins(),
    onFound: (server, sender) => {
      finding = Promise.all([finding.catch(() => undefined), beside.found(server, sender)]).then(() => undefined);
      finding.catch((error: unknown) => onTrouble(`what another DHCP server, ${server}, means can't be told: ${String(error)}`));
      firstIsHeard();
    },
    onNone: () => beside.none(),
    nextLookMs: () => beside.nextLookMs(),
    clock,
    random,
  });
  const hadTheirTime = async () => {
    const heard = new Promise<void>((resolve) => (firstIsHeard = resolve));
    // What has come while the thread was busy is still read.
    await Promise.race([heard, delay(clock, waitForOthersMs).then(() => nextTurn())]);
  };
  return { lookout, hadTheirTime, found: () => finding };
}

function answerTo(request: DhcpMessage, source: dgram.RemoteInfo, socket: dgram.Socket, port: 'dhcp' | 'pxe', options: DhcpServerOptions & { readonly isClosed: () => boolean }): void {
  const { beside, onAnswer, onTrouble } = options;
  const decide = () => options.answer(request, port);
  const send = (answer: DhcpAnswer) => {
    // An address of the range is looked at for a moment before it is lent, and the server may have ended meanwhile.
    if (options.isClosed()) return;
    if (answer.kind === 'silence') {
      onAnswer(answer);
      return;
    }
    const reply = encodeDhcp(answer.message, uint16Of(request.options, OPTION.maximumMessageSize));
    if (reply.omitted.length > 0) {
      onTrouble(`${answer.client.mac} takes only small DHCP messages: options ${reply.omitted.join(', ')} were left out of its answer`);
    }
    const destination = port === 'pxe' || options.replies === 'to-source' ? source : replyDestination(answer.message);
    socket.send(reply.bytes, destination.port, destination.address, (error) => {
      if (error) onTrouble(`an answer to ${answer.client.mac} couldn't be sent to ${destination.address}: ${error.message}`);
      else onAnswer(answer);
    });
  };
  const answer = decide();
  const why = beside.silentBecause;
  if (why !== undefined) {
    const { client, host } = answer;
    const who = host === undefined ? request.hardwareAddress : nameOfHost(host, request.hardwareAddress);
    onAnswer({ ...silence(answer.kind === 'reply' ? 'notable' : 'quiet', `${who} asked by DHCP and got no answer: ${why}`), ...(client && { client }), ...(host && { host }) });
    return;
  }
  if (answer.lease === undefined) send(answer);
  else void options.settle(answer, decide).then(send, (error: unknown) => onTrouble(`${request.hardwareAddress} got no address of the range: ${String(error)}`));
}
