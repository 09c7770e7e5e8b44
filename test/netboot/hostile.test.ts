import dgram from 'node:dgram';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NetworkModel } from '../../src/backend/drive/model';
import { decodeDhcp, encodeDhcp, EMPTY_REQUEST } from '../../src/backend/netboot/dhcp/codec';
import { messageTypeOf, OPTION } from '../../src/backend/netboot/dhcp/options';
import { decodeTftp, encodeTftp } from '../../src/backend/netboot/tftp/codec';
import { type Fixture, IMAGE, startFixture, temporaryFolder } from './bootServerFixture';
import { CLIENTS, MAC, pool, request } from './clients';

const SECRET = 'what nobody may read';

/** Ways to write "one folder up" that some server has fallen for. */
const CLIMBS = [
  '..',
  '%2e%2e',
  '%2E.',
  '%252e%252e',
  '%25252e%25252e',
  '..%00',
  '.%00.',
  '..;',
  '....',
  '%c0%ae%c0%ae',
  '%e0%80%ae%e0%80%ae',
  '%uff0e%uff0e',
  '%ef%bc%8e%ef%bc%8e',
  '%u002e%u002e',
  '..%20',
  '..%0d%0a',
];
const SEPARATORS = ['/', '//', '/./', '\\', '%2f', '%5c', '%252f', '%c0%af', '%u2215'];
const ABSOLUTES = ['/etc/passwd', '//etc/passwd', '%2fetc%2fpasswd', 'C:\\secret', 'C:/secret', 'C%3a%5csecret', '\\\\server\\share\\secret', '//server/share/secret', 'file:///etc/passwd', '/proc/self/environ', 'CON', 'secret::$DATA'];

/** Beside the images, one folder up, and two. */
async function withSecrets(): Promise<Fixture> {
  const fixture = await startFixture();
  for (const up of ['.', '..']) await writeFile(path.join(fixture.imageFolder, up, 'secret'), SECRET);
  return fixture;
}

/** A request line as it is; a client library would tidy it up. Resolves with everything that came back. */
async function rawRequest(port: number, text: string | Buffer, from = '127.0.0.1'): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress: from });
  onTestFinished(() => void socket.destroy());
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => socket.destroy());
  socket.end(text);
  await once(socket, 'close');
  return Buffer.concat(parts).toString('latin1');
}

async function udpPeer(address = '127.0.0.1'): Promise<{ send(bytes: Buffer, port: number): void; next(): Promise<Buffer> }> {
  const socket = dgram.createSocket('udp4').bind(0, address);
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return {
    send: (bytes, port) => socket.send(bytes, port, '127.0.0.1'),
    next: async () => ((await once(socket, 'message')) as [Buffer])[0],
  };
}

const discover = (mac = MAC) => encodeDhcp(request({ type: 'discover', mac, options: CLIENTS.bios })).bytes;

async function offeredAddress({ server }: Fixture): Promise<string | undefined> {
  const client = await udpPeer();
  client.send(discover(), server.ports.dhcp);
  const answer = decodeDhcp(await client.next());
  return 'message' in answer && messageTypeOf(answer.message.options) === 'offer' ? answer.message.yourAddress : undefined;
}

describe('paths that climb', () => {
  it('lead nowhere over HTTP, however they are written', async () => {
    const { server, base } = await withSecrets();
    const climbs = CLIMBS.flatMap((up) => SEPARATORS.flatMap((slash) => [`/images/${up}${slash}secret`, `/images/${IMAGE}/${up}${slash}secret`, `/images/${IMAGE}/${up}${slash}${up}${slash}secret`, `/boot/${up}${slash}images${slash}secret`]));
    const targets = [...climbs, ...ABSOLUTES, ...ABSOLUTES.map((name) => `/images/${IMAGE}/${name}`)];
    // One connection for many: that a target ends it is no matter either.
    const answers = await inTurn(targets, 32, (target) => rawRequest(server.ports.http, Buffer.from(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'latin1')));
    for (const [index, answer] of answers.entries()) {
      expect(answer, targets[index]).not.toMatch(new RegExp(`${SECRET}|root:`));
      expect(answer, targets[index]).toMatch(/^(HTTP\/1\.1 40[0-5] |$)/);
    }
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
  });

  it('lead nowhere over TFTP, however they are written', async () => {
    const { server } = await withSecrets();
    const decoded = (text: string) => [text, text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))];
    const climbs = CLIMBS.flatMap((up) => SEPARATORS.map((slash) => `${up}${slash}secret`));
    const names = [...climbs, ...climbs.map((name) => `52-54-00-aa-00-01/${name}`), ...ABSOLUTES].flatMap(decoded);
    const client = await udpPeer();
    for (const name of new Set(names)) {
      client.send(Buffer.concat([Buffer.of(0, 1), Buffer.from(name, 'latin1'), Buffer.from('\0octet\0')]), server.ports.tftp);
      const packet = decodeTftp(await client.next());
      expect(packet?.kind === 'error' && [1, 2, 4].includes(packet.code), name).toBe(true);
    }
  });
});

describe('datagrams of every size', () => {
  it('are borne by all services, which go on answering', async () => {
    const fixture = await startFixture();
    const { ports } = fixture.server;
    const client = await udpPeer();
    for (const size of [0, 1, 2, 3, 4, 11, 12, 235, 239, 240, 241, 576, 1500, 9000, 65_507]) {
      for (const filling of [0, 1, 0xff]) {
        for (const port of [ports.dhcp, ports.proxyDhcp, ports.tftp, ports.dns]) client.send(Buffer.alloc(size, filling), port);
      }
    }
    expect(await offeredAddress(fixture)).toBe('10.77.0.11');
    expect((await fetch(`${fixture.base}/healthz`)).status).toBe(200);
  });
});

describe('options that lead in a circle', () => {
  it('are read once each: overload within an overloaded field, lengths of nothing, options within options', () => {
    const message = encodeDhcp({ ...EMPTY_REQUEST, hardwareAddress: MAC, options: new Map([[OPTION.messageType, Buffer.of(1)], [OPTION.overload, Buffer.of(3)]]) }).bytes;
    // The boot file and server name fields say again that both hold options.
    for (const offset of [44, 108]) Buffer.of(OPTION.overload, 1, 3, OPTION.relayAgentInformation, 4, 82, 2, 82, 0, OPTION.end).copy(message, offset);
    const decoded = decodeDhcp(message);
    expect('message' in decoded && [...decoded.message.options.keys()]).toEqual([OPTION.messageType, OPTION.relayAgentInformation]);
    expect('message' in decoded && decoded.message.options.get(OPTION.relayAgentInformation)).toHaveLength(8);
  });
});

describe('a flood of machines that do not exist', () => {
  const STRANGERS = 20_000;
  const macOf = (number: number) => `02:00:${[24, 16, 8, 0].map((shift) => ((number >>> shift) & 0xff).toString(16).padStart(2, '0')).join(':')}`;

  it.each<[string, Partial<NetworkModel>]>([
    ['without a range', {}],
    ['that takes the whole range', { range: { from: '10.77.0.100', to: '10.77.0.150', leaseMs: 3_600_000 } }],
  ])('%s costs no host its address, leaves little in memory and on the drive, and is told in a few words', async (_, change) => {
    const model = pool();
    const flooded = { ...model, cluster: { ...model.cluster, network: { ...model.cluster.network, ...change } } };
    const stateFolder = path.join(await temporaryFolder(), 'state');
    let told = 0;
    const tellOf = (sentence: string) => (told += sentence.includes('node1') ? 0 : 1);
    const fixture = await startFixture({ model: () => flooded, stateFolder, onEvent: ({ sentence }) => tellOf(sentence), log: (level, sentence) => (level === 'debug' ? undefined : tellOf(sentence)) });
    const client = await udpPeer();
    const flood = async (from: number) => {
      for (let number = from; number < from + STRANGERS / 2; number += 1) {
        client.send(discover(macOf(number)), fixture.server.ports.dhcp);
        // As many as a socket's buffer holds; then the server must have come to them.
        if (number % 100 === 0) expect(await offeredAddress(fixture)).toBe('10.77.0.11');
      }
    };
    await flood(0);
    const before = heapAfterCollection();
    await flood(STRANGERS / 2);
    expect(heapAfterCollection() - before).toBeLessThan(4 << 20);
    await fixture.server.close();
    const written = await Promise.all(['unknown-machines.json', 'leases.json'].map((file) => readFile(path.join(stateFolder, file), 'utf8').catch(() => '')));
    expect(written.join('').length).toBeLessThan(256 << 10);
    expect(told).toBeLessThan(STRANGERS / 20);
  });
});

describe('connections that are only held', () => {
  it('of one address are bounded, and keep no other address out', async () => {
    const { server } = await startFixture();
    const held = Array.from({ length: 400 }, (_, index) => {
      const socket = net.connect({ port: server.ports.http, host: '127.0.0.1', localAddress: '127.0.0.1' });
      // Half of them say nothing at all, half never end their headers.
      if (index % 2 === 0) socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      socket.on('error', () => socket.destroy());
      onTestFinished(() => void socket.destroy());
      return socket;
    });
    await Promise.all(held.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])));
    const status = await new Promise((resolve, reject) => {
      http.get({ port: server.ports.http, host: '127.0.0.1', localAddress: '127.0.0.2', path: '/healthz' }, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    expect(status).toBe(200);
    const turnedAway = held.filter((socket) => socket.destroyed || socket.readableEnded).length;
    expect(turnedAway).toBeGreaterThan(0);
  });
});

describe('read requests that nobody acknowledges', () => {
  const SILENT = 256;
  const ask = (options: Readonly<Record<string, string>> = {}, file = 'undionly.kpxe') => encodeTftp({ kind: 'read', file, mode: 'octet', options: new Map(Object.entries(options)) });

  it.each([
    ['one address', () => '127.0.0.2'],
    ['one address each', (number: number) => `127.0.2.${number}`],
  ])('and that take every place, from %s, keep a machine waiting for seconds at most, and nobody from hearing that a file isn’t there', async (_, addressOf) => {
    const { server, imageFolder } = await startFixture();
    const silent = await Promise.all(Array.from({ length: SILENT }, (_one, number) => udpPeer(addressOf(number))));
    const answered = silent.map((client) => client.next());
    for (const client of silent) client.send(ask({ timeout: '255', tsize: '0' }), server.ports.tftp);
    await Promise.all(answered);

    const startMs = performance.now();
    const other = await udpPeer();
    other.send(ask({}, 'autoexec.ipxe'), server.ports.tftp);
    expect(decodeTftp(await other.next())).toMatchObject({ kind: 'error', code: 1 });
    expect((await download(server.ports.tftp, ask())).equals(await readFile(path.join(imageFolder, 'undionly.kpxe')))).toBe(true);
    // Nothing was to be waited for but the silent ones' two seconds; before, it was twenty minutes.
    expect(performance.now() - startMs).toBeLessThan(15_000);
  });

  /** In lock step, without options, asking once. */
  async function download(port: number, request: Buffer): Promise<Buffer> {
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    const parts: Buffer[] = [];
    socket.send(request, port, '127.0.0.1');
    for (let isLast = false; !isLast; ) {
      const [bytes, source] = (await once(socket, 'message')) as [Buffer, dgram.RemoteInfo];
      const packet = decodeTftp(bytes);
      if (packet?.kind !== 'data') throw new Error(`not data but ${packet?.kind}`);
      socket.send(encodeTftp({ kind: 'acknowledgement', block: packet.block }), source.port, source.address);
      if (packet.block === parts.length + 1) parts.push(packet.data);
      isLast = packet.data.length < 512;
    }
    return Buffer.concat(parts);
  }
});

function heapAfterCollection(): number {
  v8.setFlagsFromString('--expose-gc');
  (vm.runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

/** So many at once; the results in the order of the items. */
async function inTurn<Item, Result>(items: readonly Item[], atOnce: number, work: (item: Item) => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += atOnce) results.push(...(await Promise.all(items.slice(start, start + atOnce).map(work))));
  return results;
}
