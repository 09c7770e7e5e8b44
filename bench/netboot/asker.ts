/** A small DHCP client that takes times, in a process of its own so that it can be in another namespace. */

import dgram from 'node:dgram';
import { once } from 'node:events';
import { decodeDhcp, EMPTY_REQUEST, encodeDhcp } from '../../src/backend/netboot/dhcp/codec';
import { type MessageType, messageTypeValue, OPTION, textValue } from '../../src/backend/netboot/dhcp/options';

export type Asking =
  /** Discovers as a relay until it is answered; prints when, in nanoseconds of the system's monotonic clock. */
  | { readonly for: 'first-answer'; readonly server: string; readonly from: string; readonly mac: string }
  /** Asks the PXE boot service again and again; prints the milliseconds each answer took, -1 for none within a second. */
  | { readonly for: 'proxy-times'; readonly server: string; readonly from: string; readonly mac: string; readonly seconds: number };

const EVERY_MS = 5;
const PAUSE_MS = 20;
const LOST_MS = 1000;
const DHCP_PORT = 67;
const PXE_PORT = 4011;
const PXE_CLIENT = [
  [OPTION.vendorClass, textValue('PXEClient:Arch:00000:UNDI:002001')],
  [OPTION.clientArchitecture, Buffer.of(0, 0)],
] as const;

export async function askIfAsked(): Promise<boolean> {
  const [word, json] = process.argv.slice(2);
  if (word !== 'ask' || json === undefined) return false;
  const asking = JSON.parse(json) as Asking;
  process.stdout.write(asking.for === 'first-answer' ? await firstAnswer(asking) : (await proxyTimes(asking)).join(' '));
  return true;
}

async function firstAnswer({ server, from, mac }: Asking): Promise<string> {
  const socket = await bound(from, DHCP_PORT);
  const request = message('discover', mac, { relayAddress: from });
  // Until the server has opened its port, each request is refused; that is what is waited out.
  socket.on('error', () => undefined);
  process.stderr.write('asking\n');
  const timer = setInterval(() => socket.send(request, DHCP_PORT, server), EVERY_MS);
  const [bytes] = (await once(socket, 'message')) as [Buffer];
  const at = process.hrtime.bigint();
  clearInterval(timer);
  socket.close();
  const answer = decodeDhcp(bytes);
  if ('problem' in answer) throw new Error(answer.problem);
  return String(at);
}

async function proxyTimes({ server, from, mac, seconds }: Extract<Asking, { for: 'proxy-times' }>): Promise<readonly number[]> {
  const times: number[] = [];
  const socket = await bound(from, 0);
  const request = message('request', mac, { clientAddress: from });
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const start = performance.now();
    const waiting = new AbortController();
    const lost = setTimeout(() => waiting.abort(), LOST_MS);
    socket.send(request, PXE_PORT, server);
    times.push(await once(socket, 'message', { signal: waiting.signal }).then(() => performance.now() - start, () => -1));
    clearTimeout(lost);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  socket.close();
  return times;
}

function message(type: MessageType, mac: string, fields: { readonly relayAddress?: string; readonly clientAddress?: string }): Buffer {
  const options = new Map<number, Buffer>([[OPTION.messageType, messageTypeValue(type)], ...PXE_CLIENT]);
  return encodeDhcp({ ...EMPTY_REQUEST, transactionId: 1, hardwareAddress: mac, ...fields, options }).bytes;
}

async function bound(address: string, port: number): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}
