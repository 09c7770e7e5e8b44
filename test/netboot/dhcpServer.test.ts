/** The sockets of DHCP beside another server, which the test plays. */

import dgram from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NetworkModel } from '../../src/backend/drive/model';
import { answerDhcp } from '../../src/backend/netboot/answers/dhcp';
import { Beside } from '../../src/backend/netboot/dhcp/beside';
import { EMPTY_REQUEST, encodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { addressesValue, messageTypeValue, OPTION } from '../../src/backend/netboot/dhcp/options';
import { PROBE_MAC } from '../../src/backend/netboot/dhcp/otherServers';
import { startDhcpServer } from '../../src/backend/netboot/dhcp/server';
import type { FindNeighbour } from '../../src/backend/netboot/neighbours';
import { closeUdp, portOf } from '../../src/backend/netboot/sockets';
import { delay, systemClock, type Clock } from '../../src/backend/system';
import { MAC, pool, request } from './clients';

const SERVER = '127.0.0.1';

async function socketOf(address = SERVER, port = 0): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

async function world(first: NetworkModel['dhcp'], more: { readonly waitForOthersMs?: number; readonly openOthers?: () => Promise<void>; readonly clock?: Clock; readonly findNeighbour?: FindNeighbour } = {}) {
  const probe = await socketOf();
  const port = portOf(probe);
  await closeUdp(probe);
  const others = await socketOf();
  onTestFinished(() => closeUdp(others));
  let mode = first;
  const logs: string[] = [];
  const told: string[] = [];
  let looks = 0;
  const send = (message: DhcpMessage) => others.send(encodeDhcp(message).bytes, port, SERVER);
  const { findNeighbour = () => Promise.resolve(undefined), ...overrides } = more;
  const start = () =>
    startDhcpServer({
      bindAddress: SERVER,
      ports: { dhcp: port, pxe: 0 },
      replies: 'rfc2131',
      answer: (asked, at) => answerDhcp(pool(mode), asked, { address: SERVER, httpPort: 80, image: 'dom0-1', port: at }),
      settle: (answer) => Promise.resolve(answer),
      beside: new Beside({ mode: () => mode, despite: false, placeOfDhcp: () => Promise.resolve('pxen.yaml:7'), findNeighbour, log: (level, sentence) => void logs.push(`${level}: ${sentence}`) }),
      openOthers: () => Promise.resolve(),
      clock: systemClock,
      ...overrides,
      random: (size) => {
        looks += 1;
        return Buffer.alloc(size, looks);
      },
      onAnswer: (answer) => told.push(`${'interest' in answer ? answer.interest : answer.kind}: ${answer.sentence}`),
      onTrouble: () => undefined,
    });
  /** What another server answers to the look that is under way. */
  const offer = () =>
    send({ ...EMPTY_REQUEST, op: 'reply', transactionId: looks * 0x01010101, relayAddress: SERVER, hardwareAddress: PROBE_MAC, yourAddress: '10.77.0.200', options: new Map([[OPTION.messageType, messageTypeValue('offer')], [OPTION.serverIdentifier, addressesValue(['10.77.0.254'])]]) });
  const take = (from: string) => send(request({ type: 'request', mac: MAC, options: [[OPTION.serverIdentifier, addressesValue([from])], [OPTION.requestedAddress, addressesValue(['10.77.0.11'])]] }));
  return { start, offer, take, ask: () => send(request({ type: 'discover', mac: MAC })), edit: (edited: NetworkModel['dhcp']) => (mode = edited), looks: () => looks, logs, told };
}

it('a machine that asks before all that it would be sent to is open, is answered then', async () => {
  let open: () => void = () => undefined;
  const { start, ask, looks, told } = await world('authoritative', { openOthers: () => new Promise((resolve) => (open = resolve)) });
  const started = start();
  await expect.poll(looks).toBe(1);
  ask();
  // Longer than other servers are waited for.
  await delay(systemClock, 300);
  expect(told).toEqual([]);
  open();
  const server = await started;
  onTestFinished(() => server.close());
  await expect.poll(() => told).toEqual([expect.stringMatching(/^reply: node1 /)]);
});

describe('beside another DHCP server', () => {
  it('one that is heard in time ends the start, however long it takes to find out who it is', async () => {
    let timeIsOver: () => void = () => undefined;
    const clock: Clock = { now: () => systemClock.now(), after: (ms, callback) => (ms === 60_000 ? ((timeIsOver = callback), () => undefined) : systemClock.after(ms, callback)) };
    let isAsked = false;
    let tell: (mac: undefined) => void = () => undefined;
    const findNeighbour = () => {
      isAsked = true;
      return new Promise<undefined>((resolve) => (tell = resolve));
    };
    const { start, offer, looks } = await world('authoritative', { waitForOthersMs: 60_000, clock, findNeighbour });
    const failure = start().then((server) => server.close().then(() => 'it serves'), (error: unknown) => (error as Error).message);
    await expect.poll(looks).toBe(1);
    offer();
    await expect.poll(() => isAsked).toBe(true);
    timeIsOver();
    // A start that doesn't wait for it would be over.
    expect(await Promise.race([failure, delay(systemClock, 50).then(() => 'it waits')])).toBe('it waits');
    tell(undefined);
    expect(await failure).toMatch(/^Another DHCP server, 10\.77\.0\.254 .* in pxen\.yaml:7 write "dhcp: proxy"/);
  });

  it('one whose answer came while the thread was busy is heard in time', async () => {
    const openOthers = async () => {
      // After an immediate come timers, and only then what was received.
      await new Promise<void>((resolve) => setImmediate(resolve));
      offer();
      // With which it is sent.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      for (const end = performance.now() + 100; performance.now() < end; );
    };
    const { start, offer } = await world('authoritative', { waitForOthersMs: 50, openOthers });
    const failure = start().then((server) => server.close().then(() => 'it serves'), (error: unknown) => (error as Error).message);
    expect(await failure).toMatch(/^Another DHCP server, 10\.77\.0\.254 /);
  });

  it('whoever wakes machines waits for those that ping an address before they offer it', async () => {
    const { start, offer, looks } = await world('authoritative', { waitForOthersMs: 60_000 });
    const failure = start().then((server) => server.close().then(() => 'it serves'), (error: unknown) => (error as Error).message);
    await expect.poll(looks).toBe(1);
    // Longer than the others are waited for otherwise.
    await delay(systemClock, 300);
    offer();
    expect(await failure).toMatch(/^Another DHCP server, 10\.77\.0\.254 /);
  });

  it('edited from proxy to authoritative it looks again with the next request, and tells why hosts get no answer', async () => {
    const { start, ask, offer, edit, looks, logs, told } = await world('proxy');
    const server = await start();
    onTestFinished(() => server.close());
    edit('authoritative');
    told.splice(0);
    ask();
    await expect.poll(looks).toBe(2);
    offer();
    // Not even the request that had us look.
    await expect.poll(() => told).toEqual([`notable: node1 (${MAC}) asked by DHCP and got no answer: another DHCP server is on the network`]);
    await expect.poll(() => logs).toContainEqual(expect.stringMatching(/^error: .*PXEN answers no DHCP until it is gone/));
    ask();
    await expect.poll(() => told).toHaveLength(2);
  });

  it('edited from proxy to authoritative, with nobody else there, it answers the request that had it look', async () => {
    const { start, ask, edit, looks, told } = await world('proxy');
    const server = await start();
    onTestFinished(() => server.close());
    edit('authoritative');
    ask();
    await expect.poll(() => told).toEqual([expect.stringMatching(/^reply: node1 .* is offered 10\.77\.0\.11/)]);
    expect(looks()).toBe(2);
  });

  it('a machine that takes another server’s offer has it look at once, but not again within a minute', async () => {
    let passedMs = 0;
    const clock: Clock = { now: () => systemClock.now() + passedMs, after: (ms, callback) => systemClock.after(ms, callback) };
    const { start, ask, take, looks, told } = await world('authoritative', { clock });
    const server = await start();
    onTestFinished(() => server.close());
    take('10.77.0.254');
    ask();
    await expect.poll(() => told).toContainEqual(expect.stringMatching(/^reply: /));
    expect(looks()).toBe(1);
    passedMs = 60_000;
    const replies = () => told.filter((line) => line.startsWith('reply: '));
    take(SERVER);
    await expect.poll(replies).toHaveLength(2);
    expect(looks()).toBe(1);
    take('10.77.0.254');
    take('10.77.0.254');
    ask();
    await expect.poll(replies).toHaveLength(3);
    expect(looks()).toBe(2);
  });
});
