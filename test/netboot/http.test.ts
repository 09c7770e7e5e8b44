import { createHash } from 'node:crypto';
import { appendFile, readFile, rm, symlink } from 'node:fs/promises';
import dgram from 'node:dgram';
import net from 'node:net';
import path from 'node:path';
import dns from 'dns-packet';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeTftp } from '../../src/backend/netboot/tftp/codec';
import { readBootWords } from '../../src/backend/image/bootWords';
import { IMAGE, startFixture } from './bootServerFixture';
import { MAC, STRANGER } from './clients';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKt4 node1';
const OTHER_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOther node1';

const tokenIn = (script: string) => /token=([A-Za-z0-9_-]+)/.exec(script)?.[1] ?? '';
const hello = (base: string, body: unknown) => fetch(`${base}/hello`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });

describe('image files', () => {
  it('come whole, with length, type, ranges and the manifest’s sum as ETag', async () => {
    const { base, imageFolder } = await startFixture();
    const response = await fetch(`${base}/images/${IMAGE}/root.squashfs?mac=${MAC}`);
    const body = Buffer.from(await response.arrayBuffer());
    expect(body.equals(await readFile(path.join(imageFolder, 'root.squashfs')))).toBe(true);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      etag: `"${createHash('sha256').update(body).digest('hex')}"`,
      'content-length': String(body.length),
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
    });
  });

  it('are EFI applications by type when they are ones (UEFI HTTP boot)', async () => {
    const { base } = await startFixture();
    const response = await fetch(`${base}/images/${IMAGE}/snponly.efi`, { method: 'HEAD' });
    expect(response.headers.get('content-type')).toBe('application/efi');
    expect(response.headers.get('content-length')).toBe(String(81_920));
    expect(await response.text()).toBe('');
  });

  it.each([
    ['bytes=0-9', 206, 0, 10],
    ['bytes=100-', 206, 100, undefined],
    ['bytes=-7', 206, -7, undefined],
    ['lines=1-2', 200, 0, undefined],
  ] as const)('with Range %s answer %i', async (range, status, from, to) => {
    const { base, imageFolder } = await startFixture();
    const whole = await readFile(path.join(imageFolder, 'vmlinuz'));
    const response = await fetch(`${base}/images/${IMAGE}/vmlinuz`, { headers: { range } });
    expect(response.status).toBe(status);
    expect(Buffer.from(await response.arrayBuffer()).equals(whole.subarray(from, to))).toBe(true);
  });

  it('refuse a range behind the end, and say how long the file is', async () => {
    const { base } = await startFixture();
    const response = await fetch(`${base}/images/${IMAGE}/vmlinuz`, { headers: { range: 'bytes=99999999-' } });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */393216`]);
  });

  it('resume only the same file: a stale If-Range gets all of it, a stale If-Match nothing', async () => {
    const { base, server } = await startFixture();
    const url = `${base}/images/${IMAGE}/vmlinuz`;
    const etag = (await fetch(url, { method: 'HEAD' })).headers.get('etag') ?? '';
    const status = async (headers: Record<string, string>) => (await fetch(url, { headers })).status;
    expect(await status({ range: 'bytes=5-', 'if-range': etag })).toBe(206);
    expect(await status({ range: 'bytes=5-', 'if-range': '"stale"' })).toBe(200);
    expect(await status({ 'if-match': '"stale"' })).toBe(412);
    // fetch adds Cache-Control: no-cache to this one, and then 200 is right.
    expect((await raw(server.ports.http, `GET /images/${IMAGE}/vmlinuz HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${etag}\r\nConnection: close\r\n\r\n`))[0]).toBe(304);
  });

  it('tell how far each host has come, and when it has all of it', async () => {
    const { base, events, ...fixture } = await startFixture();
    await (await fetch(`${base}/images/${IMAGE}/root.squashfs?mac=${MAC}`)).arrayBuffer();
    await fixture.event((one) => one.kind === 'image' && one.bytesSent === one.bytesTotal);
    const progress = events.flatMap((one) => (one.kind === 'image' ? [one.bytesSent] : []));
    expect(progress[0]).toBe(0);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(events.at(-1)).toMatchObject({ host: 'node1', file: 'root.squashfs', sentence: `node1 (${MAC}, from 127.0.0.1) has fetched root.squashfs` });
  });

  it('are refused in words when they differ from the manifest', async () => {
    const { base, imageFolder, events } = await startFixture();
    await appendFile(path.join(imageFolder, 'initrd'), 'more');
    const response = await fetch(`${base}/images/${IMAGE}/initrd?mac=${MAC}`);
    expect([response.status, await response.text()]).toEqual([500, expect.stringMatching(/initrd has 196612 bytes, but the manifest says 196608/)]);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'refused', host: 'node1' }));
  });

  it('are not followed where a link leads', async () => {
    const { base, imageFolder } = await startFixture();
    await rm(path.join(imageFolder, 'initrd'));
    await symlink('/etc/passwd', path.join(imageFolder, 'initrd'));
    expect((await fetch(`${base}/images/${IMAGE}/initrd`)).status).toBe(500);
  });

  it.each([
    '/images/dom0-test/manifest.json',
    '/images/dom0-test/../lab/manifest.json',
    '/images/dom0-test/..%2fmanifest.json',
    '/images/%2e%2e/dom0-test/vmlinuz',
    '/images/..%2f..%2fetc/passwd',
    '/images/dom0-test%00/vmlinuz',
    '/images/dom0-test/vmlinuz%00',
    '/images/dom0-test/%5c..%5cvmlinuz',
    '/images//vmlinuz',
    '/images/dom0-test/',
    '/images/none/vmlinuz',
    '/images/dom0-test/vmlinuz/x',
    '/../../../etc/passwd',
    '/',
    '/metrics/x',
  ])('lead nowhere else: %s', async (target) => {
    const { server } = await startFixture();
    const [status, body] = await raw(server.ports.http, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(status).toBe(404);
    expect(body).not.toMatch(/root:|"sha256"/);
  });

  it.each([
    ['no path', 'GET // HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    ['another method', 'DELETE /images/dom0-test/vmlinuz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 405],
    ['no HTTP at all', 'hello\r\n\r\n', 400],
  ])('a request with %s is refused', async (_what, request, expected) => {
    const { server } = await startFixture();
    expect((await raw(server.ports.http, request))[0]).toBe(expected);
  });
});

describe('boot scripts', () => {
  it('have the token in the initrd’s URL, and the initrd begins with the host’s words', async () => {
    const { base } = await startFixture();
    const script = await (await fetch(`${base}/boot/${MAC}.ipxe`)).text();
    expect(script).toMatch(/^#!ipxe\n/);
    expect(script.split('\n').filter((line) => /^(kernel|module|initrd|boot|chain) ?/.test(line)).every((line) => line.endsWith('|| goto again'))).toBe(true);
    const url = /module --name initrd (\S+)/.exec(script)?.[1] ?? '';
    expect(readBootWords(Buffer.from(await (await fetch(url)).arrayBuffer()))).toMatchObject({ 'pxen.host': 'node1', 'pxen.mac': MAC, 'pxen.token': tokenIn(script), 'pxen.address': '10.77.0.11/24' });
  });

  it('take a MAC with dashes and in capitals', async () => {
    const { base } = await startFixture();
    expect((await fetch(`${base}/boot/52-54-00-AA-00-01.ipxe`)).status).toBe(200);
  });

  it('of a machine that is not on the drive are a menu, never an image or a token', async () => {
    const { base, events } = await startFixture();
    const response = await fetch(`${base}/boot/${STRANGER}.ipxe`);
    expect([response.status, await response.text()]).toEqual([200, expect.stringMatching(/this machine, 52:54:00:ff:ff:ff, is unknown to pool testpool/)]);
    expect((await fetch(`${base}/boot/${STRANGER}.initrd?token=x`)).status).toBe(404);
    expect(events.filter(({ mac }) => mac === STRANGER).map(({ kind, host }) => [kind, host])).toEqual([['script', undefined], ['refused', undefined]]);
  });

  it('asked for twice name the same unspent token, so that a retry voids nothing', async () => {
    const { base } = await startFixture();
    const get = async () => tokenIn(await (await fetch(`${base}/boot/${MAC}.ipxe`)).text());
    expect(await get()).toBe(await get());
  });

  it('asked for by HEAD begin no boot', async () => {
    const { base, records } = await startFixture();
    expect((await fetch(`${base}/boot/${MAC}.ipxe`, { method: 'HEAD' })).status).toBe(200);
    expect(records.size).toBe(0);
  });

  it('without a built image show the reason on the machine’s screen and ask again', async () => {
    const { base } = await startFixture({ image: () => 'none' });
    const response = await fetch(`${base}/boot/${MAC}.ipxe`);
    const script = await response.text();
    expect(script).toMatch(/^#!ipxe\necho PXEN: There is no boot image in /);
    expect(script).toContain(`chain --replace ${base}/boot/${MAC}.ipxe`);
  });
});

describe('hello', () => {
  const booted = async () => {
    const fixture = await startFixture();
    return { ...fixture, token: tokenIn(await (await fetch(`${fixture.base}/boot/${MAC}.ipxe`)).text()) };
  };

  it('pins the host’s keys and gives it its name and who may log in', async () => {
    const { base, token, records, events } = await booted();
    const response = await hello(base, { mac: MAC, token, hostKeys: [KEY] });
    expect([response.status, await response.json()]).toEqual([200, { hostname: 'node1', authorizedKeys: ['ssh-ed25519 AAAA pool'] }]);
    expect(records.get('node1')).toMatchObject({ mac: MAC, hello: { hostKeys: [KEY], address: '10.77.0.11' } });
    expect(JSON.stringify([...records])).not.toContain(token);
    expect(events.at(-1)).toMatchObject({ kind: 'hello', host: 'node1', hostKeys: [KEY] });
  });

  it('may be said again when the answer was lost, but not with other keys', async () => {
    const { base, token } = await booted();
    const status = async (key: string) => (await hello(base, { mac: MAC, token, hostKeys: [key] })).status;
    expect([await status(KEY), await status(KEY), await status(OTHER_KEY)]).toEqual([200, 200, 403]);
  });

  it.each([
    ['another machine’s token', { mac: '52:54:00:aa:00:02' }, 403],
    ['a stranger’s MAC', { mac: STRANGER }, 403],
    ['a wrong token', { token: 'x'.repeat(32) }, 403],
    ['no token', { token: '' }, 403],
    ['no keys', { hostKeys: [] }, 400],
    ['a key with a line end in it', { hostKeys: [`${KEY}\n${OTHER_KEY}`] }, 400],
    ['a key that is none', { hostKeys: ['command="x" ssh-ed25519 AAAA'] }, 400],
  ])('is refused with %s', async (_what, change, status) => {
    const { base, token, records } = await booted();
    const response = await hello(base, { mac: MAC, token, hostKeys: [KEY], ...change });
    expect([response.status, (await response.text()).length > 10]).toEqual([status, true]);
    expect(records.get('node1')?.hello).toBeUndefined();
  });

  it('is refused when it is not JSON, or far too long', async () => {
    const { base } = await startFixture();
    expect((await hello(base, 'mac=1')).status).toBe(400);
    expect((await hello(base, 'x'.repeat(100_000))).status).toBe(413);
  });

  it('gets a 503 to retry when the drive can’t be written', async () => {
    const { base, logs } = await startFixture({ tokens: { issue: () => Promise.reject(new Error('the drive is gone')), redeem: () => Promise.reject(new Error('the drive is gone')) } });
    const response = await hello(base, { mac: MAC, token: 'x', hostKeys: [KEY] });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    expect(logs).toContainEqual(expect.stringContaining('the drive is gone'));
  });
});

it('the boot server’s health can be asked for', async () => {
  const { base } = await startFixture();
  expect(await (await fetch(`${base}/healthz`)).text()).toBe('ok\n');
});

it('metrics count each protocol’s requests, bytes and refusals, as Prometheus reads them', async () => {
  const { base, server } = await startFixture();
  await (await fetch(`${base}/images/${IMAGE}/xen`)).arrayBuffer();
  await fetch(`${base}/nothing`);
  const text = await metricsWhen(base, /pxen_http_image_downloads 0/);
  for (const line of [
    'pxen_http_image_bytes_total 262144',
    'pxen_http_requests_total{route="images",status="200"} 1',
    'pxen_http_requests_total{route="other",status="404"} 1',
    'pxen_http_image_downloads_waiting 0',
    'pxen_tftp_transfers_running 0',
    'pxen_tftp_requests_waiting 0',
    'pxen_tftp_resent_packets_total 0',
  ]) expect(text).toContain(`${line}\n`);

  const udp = dgram.createSocket('udp4');
  onTestFinished(() => void udp.close());
  const answered = () => new Promise((resolve) => udp.once('message', resolve));
  udp.send(encodeTftp({ kind: 'read', file: '../x', mode: 'octet', options: new Map() }), server.ports.tftp, '127.0.0.1');
  await answered();
  udp.send(dns.encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'node1.test.internal' }] }), server.ports.dns, '127.0.0.1');
  await answered();
  expect(await metricsWhen(base, /pxen_dns/)).toMatch(/pxen_tftp_transfers_total\{outcome="refused"\} 1[\s\S]*pxen_dns_queries_total\{answer="NOERROR"\} 1/);
});

async function metricsWhen(base: string, line: RegExp): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    const text = await (await fetch(`${base}/metrics`)).text();
    if (line.test(text) || attempt === 200) return text;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Status and body of a request that no well-behaved client would send. */
function raw(port: number, request: string): Promise<readonly [number, string]> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request));
    let answer = '';
    socket.on('data', (data) => (answer += data.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve([Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]), answer]));
  });
}
