import { execFile, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';
import { rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeTftp, encodeTftp, type TftpPacket } from '../../src/backend/netboot/tftp/codec';
import { startTftpServer } from '../../src/backend/netboot/tftp/server';
import type { TftpEvent } from '../../src/backend/netboot/tftp/sessions';
import { systemClock } from '../../src/backend/system';
import { startFixture, temporaryFolder } from './bootServerFixture';
import { openLossyRelay } from './lossyRelay';

interface NpmTftp {
  createClient(options: { host: string; port: number; blockSize?: number; windowSize?: number }): { get(remote: string, local: string, done: (error?: Error) => void): void };
}
const npmTftp = createRequire(import.meta.url)('tftp') as NpmTftp;

/** A socket that sends packets and gives the next one that arrives, with the port it came from. */
async function peer() {
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  onTestFinished(() => void socket.close());
  const arrived: { packet: TftpPacket; port: number }[] = [];
  let wake: () => void = () => undefined;
  socket.on('message', (bytes, { port }) => {
    const packet = decodeTftp(bytes);
    if (packet) arrived.push({ packet, port });
    wake();
  });
  return {
    send: (packet: TftpPacket | Buffer, port: number) => socket.send(Buffer.isBuffer(packet) ? packet : encodeTftp(packet), port, '127.0.0.1'),
    next: async () => {
      while (arrived.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return arrived.shift()!;
    },
    /** What has come and not been taken. */
    arrived,
  };
}

const read = (file: string, options: Readonly<Record<string, string>> = {}, mode = 'octet'): TftpPacket => ({ kind: 'read', file, mode, options: new Map(Object.entries(options)) });

describe('the npm package tftp as client', () => {
  it.each([
    { blockSize: 512, windowSize: 1 },
    { blockSize: 1428, windowSize: 1 },
    { blockSize: 1428, windowSize: 8 },
  ])('fetches a boot loader byte for byte with %j', async (options) => {
    const { server, imageFolder, ...fixture } = await startFixture();
    const local = path.join(await temporaryFolder(), 'fetched');
    const client = npmTftp.createClient({ host: '127.0.0.1', port: server.ports.tftp, ...options });
    await new Promise<void>((resolve, reject) => client.get('52-54-00-aa-00-01/snponly.efi', local, (error) => (error ? reject(error) : resolve())));
    expect(readFileSync(local).equals(readFileSync(path.join(imageFolder, 'snponly.efi')))).toBe(true);
    expect(await fixture.event(({ kind }) => kind === 'bootloader')).toMatchObject({ mac: '52:54:00:aa:00:01', host: 'node1', file: 'snponly.efi' });
  });
});

const hasCurl = spawnSync('curl', ['--version'], { encoding: 'latin1' }).status === 0;

describe.skipIf(!hasCurl)('curl as client (skipped where there is no curl)', () => {
  it('fetches a boot loader byte for byte over a line that loses every 61st datagram', async () => {
    const { server, imageFolder } = await startFixture();
    const relay = await openLossyRelay(server.ports.tftp, (number) => number % 61 === 0);
    const local = path.join(await temporaryFolder(), 'fetched');
    // Its options would ask us to wait six seconds before sending anything again.
    await promisify(execFile)('curl', ['-sS', '--tftp-no-options', '-o', local, `tftp://127.0.0.1:${relay.port}/undionly.kpxe`]);
    expect(readFileSync(local).equals(readFileSync(path.join(imageFolder, 'undionly.kpxe')))).toBe(true);
    expect(relay.lost()).toBeGreaterThan(2);
  });
});

describe('what is refused', () => {
  it('what belongs to no transfer gets no answer, which a client would take for that to its next request', async () => {
    const { server } = await startFixture();
    const client = await peer();
    client.send({ kind: 'acknowledgement', block: 3 }, server.ports.tftp);
    client.send({ kind: 'data', block: 1, data: Buffer.alloc(3) }, server.ports.tftp);
    client.send(read('autoexec.ipxe'), server.ports.tftp);
    expect((await client.next()).packet).toMatchObject({ kind: 'error', code: 1 });
  });

  it.each([
    ['autoexec.ipxe', read('autoexec.ipxe'), 1, 'file not found'],
    ['a name that climbs', read('../../etc/passwd'), 2, 'climbs'],
    ['the manifest', read('manifest.json'), 1, 'file not found'],
    ['the root image, which is for HTTP', read('root.squashfs'), 1, 'file not found'],
    ['text mode, which would change the file', read('undionly.kpxe', {}, 'netascii'), 4, 'octet'],
    ['writing', { kind: 'write', file: 'undionly.kpxe', mode: 'octet', options: new Map() }, 2, 'read only'],
  ] as const)('%s', async (_what, packet, code, message) => {
    const { server } = await startFixture();
    const client = await peer();
    client.send(packet, server.ports.tftp);
    expect((await client.next()).packet).toEqual({ kind: 'error', code, message: expect.stringContaining(message) as string });
  });

  it('a symbolic link in the place of a boot loader', async () => {
    const { server, imageFolder } = await startFixture();
    const elsewhere = path.join(await temporaryFolder(), 'secret');
    await writeFile(elsewhere, 'secret');
    await rm(path.join(imageFolder, 'undionly.kpxe'));
    await symlink(elsewhere, path.join(imageFolder, 'undionly.kpxe'));
    const client = await peer();
    client.send(read('undionly.kpxe'), server.ports.tftp);
    expect((await client.next()).packet).toMatchObject({ kind: 'error', code: 1 });
  });
});

describe('transfer ids (RFC 1350 §4)', () => {
  it('packets from another port neither end a transfer nor move it on', async () => {
    const { server } = await startFixture();
    const [client, stranger] = [await peer(), await peer()];
    client.send(read('undionly.kpxe', { timeout: '1' }), server.ports.tftp);
    const { packet, port } = await client.next();
    expect(packet.kind).toBe('options');
    stranger.send({ kind: 'error', code: 0, message: 'stop' }, port);
    stranger.send({ kind: 'acknowledgement', block: 0 }, port);
    client.send({ kind: 'acknowledgement', block: 0 }, port);
    expect((await client.next()).packet).toMatchObject({ kind: 'data', block: 1 });
    stranger.send({ kind: 'acknowledgement', block: 1 }, port);
    client.send({ kind: 'acknowledgement', block: 1 }, port);
    expect((await client.next()).packet).toMatchObject({ kind: 'data', block: 2 });
    expect(stranger.arrived).toEqual([]);
  });

  it('a request repeated before the first answer arrived begins no second transfer', async () => {
    const { server } = await startFixture();
    const client = await peer();
    client.send(read('undionly.kpxe'), server.ports.tftp);
    client.send(read('undionly.kpxe'), server.ports.tftp);
    const first = await client.next();
    client.send({ kind: 'acknowledgement', block: 1 }, first.port);
    const second = await client.next();
    expect([second.packet.kind === 'data' && second.packet.block, second.port]).toEqual([2, first.port]);
  });

  it('datagrams of no length and of no sense do no harm', async () => {
    const { server } = await startFixture();
    const client = await peer();
    client.send(read('undionly.kpxe'), server.ports.tftp);
    const { port } = await client.next();
    for (const bytes of [Buffer.alloc(0), Buffer.of(0), Buffer.of(0, 9, 0, 0), Buffer.from('hello world')]) {
      client.send(bytes, port);
      client.send(bytes, server.ports.tftp);
    }
    client.send({ kind: 'acknowledgement', block: 1 }, port);
    expect((await client.next()).packet).toMatchObject({ kind: 'data', block: 2 });
  });
});

describe('on a single port', () => {
  it('every packet of every transfer comes from it, and transfers are told apart by their client', async () => {
    const { server } = await startFixture({ tftpSinglePort: true });
    const clients = [await peer(), await peer(), await peer()];
    for (const client of clients) client.send(read('undionly.kpxe', { blksize: '1024' }), server.ports.tftp);
    for (const client of clients) {
      expect(await client.next()).toMatchObject({ packet: { kind: 'options' }, port: server.ports.tftp });
      client.send({ kind: 'acknowledgement', block: 0 }, server.ports.tftp);
    }
    for (const block of [1, 2, 3]) {
      for (const client of clients) {
        expect(await client.next()).toMatchObject({ packet: { kind: 'data', block }, port: server.ports.tftp });
        client.send({ kind: 'acknowledgement', block }, server.ports.tftp);
      }
    }
  });

  it('another address or port neither ends a transfer nor moves it on', async () => {
    const { server } = await startFixture({ tftpSinglePort: true });
    const [client, stranger] = [await peer(), await peer()];
    client.send(read('undionly.kpxe'), server.ports.tftp);
    expect((await client.next()).packet).toMatchObject({ kind: 'data', block: 1 });
    stranger.send({ kind: 'error', code: 0, message: 'stop' }, server.ports.tftp);
    stranger.send({ kind: 'acknowledgement', block: 1 }, server.ports.tftp);
    stranger.send(read('ipxe.efi'), server.ports.tftp);
    // The first that it hears.
    expect((await stranger.next()).packet).toMatchObject({ kind: 'data', block: 1 });
    client.send({ kind: 'acknowledgement', block: 1 }, server.ports.tftp);
    expect((await client.next()).packet).toMatchObject({ kind: 'data', block: 2 });
  });

  it('the npm package tftp fetches a boot loader byte for byte', async () => {
    const { server, imageFolder } = await startFixture({ tftpSinglePort: true });
    const local = path.join(await temporaryFolder(), 'fetched');
    const client = npmTftp.createClient({ host: '127.0.0.1', port: server.ports.tftp, blockSize: 1428, windowSize: 4 });
    await new Promise<void>((resolve, reject) => client.get('snponly.efi', local, (error) => (error ? reject(error) : resolve())));
    expect(readFileSync(local).equals(readFileSync(path.join(imageFolder, 'snponly.efi')))).toBe(true);
  });
});

it('a file that was replaced is served anew at once', async () => {
  const { server, imageFolder } = await startFixture();
  const client = await peer();
  for (const text of ['first', 'second']) {
    await writeFile(path.join(imageFolder, 'undionly.kpxe'), text);
    client.send(read('undionly.kpxe'), server.ports.tftp);
    const { packet, port } = await client.next();
    expect(packet.kind === 'data' && packet.data.toString()).toBe(text);
    client.send({ kind: 'acknowledgement', block: 1 }, port);
  }
});

describe('more clients than transfers at once', () => {
  const start = async (concurrency: number, clock = systemClock) => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'undionly.kpxe'), Buffer.alloc(3000, 'x'));
    const events: TftpEvent[] = [];
    const server = await startTftpServer({
      bindAddress: '127.0.0.1',
      port: 0,
      files: () => ({ folder, names: ['undionly.kpxe'] }),
      limits: { largestBlock: 1468, largestWindow: 16 },
      concurrency,
      clock,
      singlePort: false,
      onEvent: (event) => events.push(event),
      onLoad: () => undefined,
    });
    onTestFinished(() => server.close());
    return { server, events };
  };

  it('wait for their first packet, and all get the whole file', async () => {
    const { server, events } = await start(2);
    const clients = await Promise.all(Array.from({ length: 12 }, peer));
    for (const client of clients) client.send(read('undionly.kpxe'), server.port);
    await Promise.all(clients.map(async (client) => {
      for (let block = 1; block <= 6; block += 1) {
        const { packet, port } = await client.next();
        expect(packet).toMatchObject({ kind: 'data', block });
        client.send({ kind: 'acknowledgement', block }, port);
      }
    }));
    // The last acknowledgement and the event cross on their way.
    while (events.length < 12) await new Promise((resolve) => setImmediate(resolve));
    expect(events.every(({ outcome }) => outcome.kind === 'sent')).toBe(true);
  });

  it('one that waits is not begun with while all places are taken', async () => {
    // Time stands still: on a busy machine the first could seem silent.
    const { server } = await start(1, { ...systemClock, now: () => 0 });
    const [first, second] = [await peer(), await peer()];
    first.send(read('undionly.kpxe'), server.port);
    const { port } = await first.next();
    second.send(read('undionly.kpxe'), server.port);
    for (let block = 1; block <= 6; block += 1) {
      expect(second.arrived).toEqual([]);
      first.send({ kind: 'acknowledgement', block }, port);
      if (block < 6) await first.next();
    }
    expect((await second.next()).packet).toMatchObject({ kind: 'data', block: 1 });
  });
});
