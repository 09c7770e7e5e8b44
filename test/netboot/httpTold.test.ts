import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/backend/system';
import { IMAGE, startFixture } from './bootServerFixture';
import { aHost } from '../pool/models';
import { MAC, pool, STRANGER } from './clients';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKt4 node1';
const NAME = `node1 (${MAC}, from 127.0.0.1)`;

/** A boot server for which no time passes unless it is told to. */
async function stopped(overrides: Parameters<typeof startFixture>[0] = {}) {
  let now = Date.UTC(2026, 0, 1);
  const fixture = await startFixture({ ...overrides, clock: { ...systemClock, now: () => now } });
  return {
    ...fixture,
    pass: (ms: number) => (now += ms),
    get: async (path: string, init?: RequestInit) => {
      const response = await fetch(`${fixture.base}${path}`, init);
      return { status: response.status, text: await response.text() };
    },
    hello: async (body: object) => (await fetch(`${fixture.base}/hello`, { method: 'POST', body: JSON.stringify(body) })).status,
    sentences: () => fixture.events.map(({ sentence }) => sentence),
  };
}

const tokenIn = (script: string) => /token=([A-Za-z0-9_-]+)/.exec(script)?.[1] ?? '';

/** Fewer at once than one address may have connections. */
async function many(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < count; start += 50) await Promise.all(Array.from({ length: Math.min(50, count - start) }, (_, index) => act(start + index)));
}

describe('every HTTP exchange is told: who asked, for what, and what came of it', () => {
  it.each([
    ['a path that leads nowhere', '/foo?token=secret', 'refused', '127.0.0.1 was refused GET /foo over HTTP (404): There is nothing here'],
    ['an image that isn’t there', '/images/none/xen', 'refused', /^127\.0\.0\.1 was refused GET \/images\/none\/xen over HTTP \(404\): There is no boot image in /],
    ['a file that no image has', `/images/${IMAGE}/shadow?mac=${MAC}`, 'refused', `${NAME} was refused GET /images/${IMAGE}/shadow over HTTP (404): No boot image has such a file`],
    ['a script by no MAC', '/boot/node1.ipxe', 'refused', /^127\.0\.0\.1 was refused GET \/boot\/node1\.ipxe over HTTP \(404\): Boot scripts are named after a MAC/],
    ['Xen’s configuration', `/boot/${MAC}.cfg`, 'script', `${NAME} got Xen's configuration file`],
    ['an initrd without its token', `/boot/${MAC}.initrd`, 'refused', /^node1 .* was refused GET \/boot\/.*\.initrd over HTTP \(400\): The token is missing/],
    ['a stranger’s script', `/boot/${STRANGER}.ipxe`, 'script', `${STRANGER} asked for a boot script and got the menu for unknown machines at 127.0.0.1: no host on the drive has this MAC`],
  ])('%s', async (_what, path, kind, sentence) => {
    const { get, events } = await stopped();
    await get(path);
    expect(events).toEqual([expect.objectContaining({ kind, sentence: typeof sentence === 'string' ? sentence : (expect.stringMatching(sentence) as string) })]);
  });

  it('a method that isn’t for the path, and a hello that can’t be read', async () => {
    const { get, base, sentences } = await stopped();
    await get('/metrics', { method: 'DELETE' });
    await fetch(`${base}/hello`, { method: 'POST', body: 'mac=1' });
    expect(sentences()).toEqual(['127.0.0.1 was refused DELETE /metrics over HTTP (405): DELETE is not for this path', '127.0.0.1 was refused POST /hello over HTTP (400): The body is not JSON']);
  });

  it('a range behind the end of a file', async () => {
    const { get, sentences } = await stopped();
    expect((await get(`/images/${IMAGE}/xen?mac=${MAC}`, { headers: { range: 'bytes=99999999-' } })).status).toBe(416);
    expect(sentences()).toEqual([`${NAME} was refused GET /images/${IMAGE}/xen over HTTP (416): Range Not Satisfiable`]);
  });

  it('a download by nobody known, at its begin and its end', async () => {
    const { get, events, ...fixture } = await stopped();
    await get(`/images/${IMAGE}/root.squashfs`);
    await fixture.event((one) => one.kind === 'image' && one.bytesSent === one.bytesTotal);
    expect(events.map(({ kind, host, sentence }) => [kind, host, sentence])).toEqual([
      ['image', undefined, '127.0.0.1 is fetching root.squashfs: 0 of 800001 bytes'],
      ['image', undefined, '127.0.0.1 has fetched root.squashfs'],
    ]);
  });

  it('a HEAD, and a look at health and metrics, only to those who look closely', async () => {
    const { get, events, logs } = await stopped();
    await get(`/boot/${MAC}.ipxe`, { method: 'HEAD' });
    await get(`/images/${IMAGE}/xen`, { method: 'HEAD' });
    for (let time = 0; time < 3; time += 1) for (const path of ['/healthz', '/metrics']) await get(path);
    expect(events).toEqual([]);
    expect(logs).toEqual([
      `debug: ${NAME} asked whether there is a boot script for it`,
      'debug: 127.0.0.1 asked what xen is',
      'debug: 127.0.0.1 asked whether the boot server is well',
      'debug: 127.0.0.1 asked for the metrics',
    ]);
  });
});

describe('a flood of HTTP requests', () => {
  it('for one host’s script is told every five seconds, as often as iPXE asks by itself', async () => {
    const { get, pass, events } = await stopped();
    await many(300, () => get(`/boot/${MAC}.ipxe`));
    pass(4_999);
    await get(`/boot/${MAC}.ipxe`);
    expect(events).toHaveLength(1);
    pass(1);
    await get(`/boot/${MAC}.ipxe`);
    expect(events).toHaveLength(2);
  });

  it('takes no boot from the pool: a host that boots again is heard at once', async () => {
    const { get, hello, events } = await stopped();
    const boot = async () => {
      const token = tokenIn((await get(`/boot/${MAC}.ipxe`)).text);
      // Its answer may be lost.
      for (let time = 0; time < 3; time += 1) expect(await hello({ mac: MAC, token, hostKeys: [KEY] })).toBe(200);
    };
    for (let time = 0; time < 3; time += 1) await boot();
    expect(events.map(({ kind, host }) => [kind, host])).toEqual(Array.from({ length: 3 }, () => [['script', 'node1'], ['hello', 'node1']]).flat());
  });

  it('of false hellos is told once for each host, and of those in no host’s name a few', async () => {
    const { hello, events, logs } = await stopped();
    const macs = [MAC, '52:54:00:aa:00:02'];
    await many(200, (index) => hello({ mac: macs[index % 2], token: `x${index}`, hostKeys: [KEY] }));
    expect(events.map(({ kind, host }) => [kind, host]).sort()).toEqual([['refused', 'node1'], ['refused', 'node2']]);
    await many(200, (index) => hello({ mac: `02:00:00:00:00:${index.toString(16)}`, token: 'x', hostKeys: [KEY] }));
    expect(events).toHaveLength(2 + 64);
    expect(logs.filter((line) => line.startsWith('warn: Very much is asked over HTTP'))).toHaveLength(1);
  });

  it('for paths that lead nowhere is told in a burst and then once a second, and keeps no host from being told of', async () => {
    const { get, pass, events } = await stopped();
    await many(500, (index) => get(`/none/${index}`));
    expect(events).toHaveLength(64);
    pass(10_000);
    await many(500, (index) => get(`/none/${500 + index}`));
    expect(events).toHaveLength(74);
    await get(`/boot/${MAC}.ipxe`);
    expect(events.at(-1)).toMatchObject({ kind: 'script', host: 'node1' });
  });

  it('of parts of an image in one host’s name is told no further than a boot’s worth, and takes nothing from what others do', async () => {
    const { get, events, ...fixture } = await stopped({ model: () => pool('authoritative', [aHost('node1'), aHost('node2')]) });
    await many(400, (index) => get(`/images/${IMAGE}/xen?mac=${MAC}`, { headers: { range: `bytes=${index * 7}-${index * 7 + 2}` } }));
    await get(`/images/${IMAGE}/xen?mac=52:54:00:aa:00:02`);
    await fixture.event((one) => one.kind === 'image' && one.host === 'node2' && one.bytesSent === one.bytesTotal);
    expect(events.filter(({ host }) => host === 'node1')).toHaveLength(256);
  });

  it('against a drive that can’t be written is told once', async () => {
    const gone = () => Promise.reject(new Error('the drive is gone'));
    const { get, logs } = await stopped({ tokens: { issue: gone, redeem: gone } });
    await many(50, () => get(`/boot/${MAC}.ipxe`));
    expect(logs).toEqual([`error: HTTP GET /boot/${MAC}.ipxe: the drive is gone`]);
  });
});
