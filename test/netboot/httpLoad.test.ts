import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeImageFiles, MANIFEST_NAME } from '../../src/backend/image/manifest';
import { createBoundedServer } from '../../src/backend/netboot/http/connections';
import { systemClock, type Clock } from '../../src/backend/system';
import { IMAGE, startFixture, type Fixture } from './bootServerFixture';
import { MAC } from './clients';

const ROOT_BYTES = 24 << 20;
const AT_ONCE = 16;
const TARGET = `/images/${IMAGE}/root.squashfs`;

/** A clock whose waits end when time is told to pass; what is read on it is the system’s, for nobody waits by that. */
function impatientClock(): { readonly clock: Clock; readonly pass: (ms: number) => void } {
  let time = 0;
  const timers = new Map<() => void, number>();
  return {
    clock: {
      now: () => systemClock.now(),
      after: (delayMs, run) => {
        timers.set(run, time + delayMs);
        return () => void timers.delete(run);
      },
    },
    pass: (ms) => {
      const end = time + ms;
      for (;;) {
        const [next] = [...timers].sort(([, a], [, b]) => a - b);
        if (!next || next[1] > end) break;
        const [run, at] = next;
        timers.delete(run);
        time = at;
        run();
      }
      time = end;
    },
  };
}

/** A boot server whose root image is large enough to wait for. */
async function startWithLargeRoot(clock: Clock = systemClock): Promise<Fixture & { readonly root: Buffer }> {
  const fixture = await startFixture({ clock });
  const root = Buffer.from(Uint32Array.from({ length: ROOT_BYTES / 4 }, (_, index) => index).buffer);
  await writeFile(path.join(fixture.imageFolder, 'root.squashfs'), root);
  await writeFile(path.join(fixture.imageFolder, MANIFEST_NAME), JSON.stringify({ name: IMAGE, created: '2026-11-01T12:00:00.000Z', versions: {}, files: await describeImageFiles(fixture.imageFolder) }));
  return { ...fixture, root };
}

const metric = async ({ base }: Fixture, line: RegExp) => {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const text = await (await fetch(`${base}/metrics`)).text();
    if (line.test(text)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`/metrics never said ${String(line)}`);
};

/** Asks, reads the beginning, and then nothing more. */
async function stuckClient(port: number, target = TARGET): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  return socket;
}

describe('more downloads of a large file than are sent at once', () => {
  it('wait for their turn, and all get the whole file', async () => {
    const { base, root, ...fixture } = await startWithLargeRoot();
    const bodies = await Promise.all(Array.from({ length: AT_ONCE + 8 }, async () => Buffer.from(await (await fetch(`${base}${TARGET}?mac=${MAC}`)).arrayBuffer())));
    expect(bodies.every((body) => body.equals(root))).toBe(true);
    expect(fixture.events.map(({ sentence }) => sentence)).toContain(`node1 (${MAC}, from 127.0.0.1) waits for its turn to fetch root.squashfs: ${AT_ONCE} others are being sent one`);
  }, 60_000);

  it('wait without a limit of the server’s that ends a boot; small files and scripts don’t wait at all', async () => {
    const fixture = await startWithLargeRoot();
    const { base, server } = fixture;
    const stuck = await Promise.all(Array.from({ length: AT_ONCE }, () => stuckClient(server.ports.http)));
    const waiting = fetch(`${base}${TARGET}`);
    await metric(fixture, /pxen_http_image_downloads_waiting 1/);
    expect((await fetch(`${base}/images/${IMAGE}/snponly.efi`)).status).toBe(200);
    expect((await fetch(`${base}${TARGET}`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${base}/boot/${MAC}.ipxe`)).status).toBe(200);
    stuck[0]?.destroy();
    expect((await (await waiting).arrayBuffer()).byteLength).toBe(ROOT_BYTES);
  });

  it('get a 503 with Retry-After before busybox’s wget in the initrd gives up by itself', async () => {
    const { clock, pass } = impatientClock();
    const fixture = await startWithLargeRoot(clock);
    await Promise.all(Array.from({ length: AT_ONCE }, () => stuckClient(fixture.server.ports.http)));
    const refused = fetch(`${fixture.base}${TARGET}?mac=${MAC}`, { headers: { 'user-agent': 'Wget' } });
    await metric(fixture, /pxen_http_image_downloads_waiting 1/);
    pass(14_000);
    const response = await refused;
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    expect(fixture.events).toContainEqual(expect.objectContaining({ kind: 'refused', host: 'node1', sentence: `node1 (${MAC}, from 127.0.0.1) was told to ask again for root.squashfs: its turn did not come in time` }));
    await metric(fixture, /pxen_http_refused_total\{reason="busy"\} 1/);
  });

  it('go on when the clients before them take nothing; such a client is cut off in the end, in words', async () => {
    const { clock, pass } = impatientClock();
    const fixture = await startWithLargeRoot(clock);
    const stuck = await Promise.all(Array.from({ length: AT_ONCE }, () => stuckClient(fixture.server.ports.http, `${TARGET}?mac=${MAC}`)));
    const waiting = fetch(`${fixture.base}${TARGET}`);
    await metric(fixture, /pxen_http_image_downloads_waiting 1/);
    // What is slow is noticed up to a quarter later.
    pass(15_000 * 1.25);
    expect((await (await waiting).arrayBuffer()).byteLength).toBe(ROOT_BYTES);
    const closed = Promise.all(stuck.map((socket) => new Promise((resolve) => socket.resume().once('close', resolve))));
    pass(60_000 * 1.25);
    await closed;
    await metric(fixture, new RegExp(`pxen_http_refused_total\\{reason="stalled"\\} ${AT_ONCE}`));
    expect(fixture.events).toContainEqual(expect.objectContaining({ kind: 'refused', sentence: `node1 (${MAC}, from 127.0.0.1) was cut off from root.squashfs: the client took less than 520192 bytes in 60 seconds` }));
  });
});

describe('connections', () => {
  it('of one address are limited, and the others are served on', async () => {
    const fixture = await startFixture();
    const open = await Promise.all(Array.from({ length: 250 }, () => stuckOpen(fixture.server.ports.http)));
    const more = Array.from({ length: 20 }, () => net.connect(fixture.server.ports.http, '127.0.0.1'));
    onTestFinished(() => more.forEach((socket) => socket.destroy()));
    await Promise.race(more.map((socket) => new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve))));
    for (const socket of [...open, ...more]) socket.destroy();
    await metric(fixture, /pxen_http_refused_total\{reason="connections-of-one"\} [1-9]/);
  });

  it('that bring their request a byte at a time are closed with 408', async () => {
    const server = createBoundedServer({ anyNumberOfOne: false, requestLimitMs: 200, onRefused: () => undefined });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as net.AddressInfo;
    const socket = await stuckOpen(port);
    const text: string[] = [];
    socket.on('data', (part) => text.push(part.toString('latin1')));
    const drip = setInterval(() => socket.write('x'), 20);
    onTestFinished(() => clearInterval(drip));
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text.join('')).toMatch(/^HTTP\/1\.1 408 /);
  });
});

async function stuckOpen(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

describe('an answer about a file', () => {
  it('has the image’s date, whatever the copy’s, and holds no empty header', async () => {
    const { base } = await startWithLargeRoot();
    const response = await fetch(`${base}/images/${IMAGE}/xen`);
    expect(response.headers.get('last-modified')).toBe('Sun, 01 Nov 2026 12:00:00 GMT');
    expect([...response.headers].filter(([, value]) => value === '')).toEqual([]);
    await response.body?.cancel();
  });

  it('comes on a connection that was used before', async () => {
    const { server } = await startFixture();
    const socket = await stuckOpen(server.ports.http);
    const received: Buffer[] = [];
    socket.on('data', (part) => received.push(part));
    for (let time = 1; time <= 3; time += 1) {
      socket.write(`GET /images/${IMAGE}/undionly.kpxe HTTP/1.1\r\nHost: x\r\n\r\n`);
      while (Buffer.concat(received).length < time * 65_536) await new Promise((resolve) => socket.once('data', resolve));
    }
    expect(Buffer.concat(received).toString('latin1').match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
  });
});
