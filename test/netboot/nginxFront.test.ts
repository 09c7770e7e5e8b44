import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { main } from '../../src/backend/cli';
import { servedAddresses, STANDARD_PORTS } from '../../src/backend/netboot/endpoints';
import { nginxConfig, parseFrontLog } from '../../src/backend/netboot/http/nginx';
import type { VerbIo } from '../../src/backend/verbs/io';
import { runBoot } from '../../src/backend/verbs/boot';
import { runServe } from '../../src/backend/verbs/serve';
import { copyExample } from '../support/examples';
import { temporaryFolder } from './bootServerFixture';

async function serve(httpUpstream: string | undefined): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const drive = path.join(await temporaryFolder(), 'drive');
  await copyExample('homelab', drive);
  let [out, err] = ['', ''];
  const io: VerbIo = { out: (text) => void (out += text), err: (text) => void (err += text), interactive: false, env: {}, signal: new AbortController().signal };
  const code = await runServe({ drive, despiteOtherDhcp: false, tftpSinglePort: false, printNginxConfig: true, json: false, ...(httpUpstream !== undefined && { httpUpstream }) }, io);
  return { code, out, err };
}

describe('pxen serve --print-nginx-config', () => {
  it('names the drive’s server, its images and the upstream that was asked for', async () => {
    const { code, out } = await serve('127.0.0.1:8099');
    expect(code).toBe(0);
    expect(out).toContain('listen 10.77.0.1:80;');
    expect(out).toContain('server 127.0.0.1:8099;');
    expect(out).toMatch(/alias "\/.*\/drive\/images\/";/);
    expect(out).toContain('syslog:server=127.0.0.1:8099,');
  });

  it('has an upstream of its own without one', async () => {
    expect((await serve(undefined)).out).toContain('server 127.0.0.1:8080;');
  });

  it.each(['8080', 'localhost:80', '127.0.0.1:', '127.0.0.1:0', '127.0.0.1:70000', '300.0.0.1:80'])('refuses %s in words', async (word) => {
    expect(await serve(word)).toEqual({ code: 2, out: '', err: `${word} is no ADDRESS:PORT. Write for instance --http-upstream 127.0.0.1:8080.\n` });
  });
});

it('pxen boot refuses a wrong upstream as pxen serve does, before it looks at the drive', async () => {
  let err = '';
  const io: VerbIo = { out: () => undefined, err: (text) => void (err += text), interactive: false, env: {}, signal: new AbortController().signal };
  expect(await runBoot({ drive: '/nowhere', stay: false, despiteOtherDhcp: false, tftpSinglePort: false, httpUpstream: '8080', json: false }, io)).toBe(2);
  expect(err).toBe('8080 is no ADDRESS:PORT. Write for instance --http-upstream 127.0.0.1:8080.\n');
});

it('pxen boot and pxen serve offer the same ways to serve', async () => {
  vi.stubGlobal('PXEN_VERSION', 'test');
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(() => {
    written.mockRestore();
    vi.unstubAllGlobals();
  });
  for (const verb of ['serve', 'boot']) {
    written.mockClear();
    expect(await main([verb, '--help'])).toBe(0);
    const help = written.mock.calls.map(([text]) => String(text)).join('');
    for (const option of ['--despite-other-dhcp', '--tftp-single-port', '--http-upstream <ADDRESS:PORT>', '--capture <FILE>']) expect(help).toContain(` ${option} `);
  }
});

it('machines are told of nginx’s port, not of the one behind it', () => {
  const endpoints = { bindAddress: '10.77.0.1', ports: STANDARD_PORTS, httpUpstream: { address: '127.0.0.1', port: 8080 } };
  expect(servedAddresses(endpoints, { ...STANDARD_PORTS, http: 8080, proxyDhcp: 0 })).toEqual({ dhcp: '10.77.0.1:67', tftp: '10.77.0.1:69', http: '10.77.0.1:80', dns: '10.77.0.1:53' });
});

it('a folder with quotes is written so that nginx reads it; one with a dollar sign can’t be', () => {
  const at = { address: '127.0.0.1', port: 80 };
  expect(nginxConfig({ server: at, upstream: at, imagesFolder: '/a "b" \\c' })).toContain('alias "/a \\"b\\" \\\\c/";');
  expect(() => nginxConfig({ server: at, upstream: at, imagesFolder: '/a$b' })).toThrow(/dollar sign/);
});

describe('a line of nginx’s log', () => {
  const line = (entry: object) => `<190>Nov 23 16:00:00 pxen: ${JSON.stringify(entry)}`;
  const sent = { uri: '/images/dom0-1/root.squashfs?mac=52-54-00-AA-00-01', status: 200, sent: 1000, complete: 'OK', range: '' };

  it.each([
    ['a whole file', sent, { image: 'dom0-1', file: 'root.squashfs', mac: '52:54:00:aa:00:01', start: 0, bytesSent: 1000, whole: true }],
    ['the rest of one', { ...sent, status: 206, range: 'bytes 500-1499/1500' }, { image: 'dom0-1', file: 'root.squashfs', mac: '52:54:00:aa:00:01', start: 500, bytesSent: 1000, whole: true }],
    ['who fetched it', { ...sent, address: '10.77.0.11' }, { image: 'dom0-1', file: 'root.squashfs', mac: '52:54:00:aa:00:01', address: '10.77.0.11', start: 0, bytesSent: 1000, whole: true }],
    ['nobody, if it isn’t an address', { ...sent, address: 'the king' }, { image: 'dom0-1', file: 'root.squashfs', mac: '52:54:00:aa:00:01', start: 0, bytesSent: 1000, whole: true }],
    ['one broken off', { ...sent, complete: '' }, { image: 'dom0-1', file: 'root.squashfs', mac: '52:54:00:aa:00:01', start: 0, bytesSent: 1000, whole: false }],
    ['a refusal', { ...sent, status: 404 }, undefined],
    ['a HEAD', { ...sent, sent: 0 }, undefined],
    ['another path', { ...sent, uri: '/images/../x' }, undefined],
  ])('tells of %s', (_what, entry, expected) => {
    expect(parseFrontLog(line(entry))).toEqual(expected);
  });

  it.each(['', 'pxen: {', 'pxen: null', 'pxen: []', '<190>other: {"uri":1}', 'pxen: {"uri":7,"status":200,"sent":1}'])('that is none says nothing: %s', (text) => {
    expect(parseFrontLog(text)).toBeUndefined();
  });
});
