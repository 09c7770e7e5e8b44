import http from 'node:http';
import { expect, it } from 'vitest';
import type { PoolModel } from '../../src/backend/drive/model';
import { IMAGE, startFixture, type Fixture } from './bootServerFixture';
import { MAC, pool } from './clients';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKt4 node1';
const OTHER_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOther node1';
const NODE1 = '127.0.0.11';
const NODE2 = '127.0.0.12';
const BYSTANDER = '127.0.0.90';

/** The pool's network is loopback's, all of whose addresses this machine has. */
function poolHere(dhcp: 'authoritative' | 'proxy' = 'authoritative'): PoolModel {
  const model = pool(dhcp);
  const network = { ...model.cluster.network, subnet: '127.0.0.0/8', server: '127.0.0.1' };
  return { ...model, cluster: { ...model.cluster, network }, hosts: model.hosts.map((host) => ({ ...host, address: host.address.replace('10.77', '127.0') })) };
}

/** Of a pool of real machines, each of which has its address from us. */
const REAL = { bindAddress: '127.0.0.1', ports: { dhcp: 0, proxyDhcp: 0, tftp: 0, http: 0, dns: 0 }, dhcpReplies: 'rfc2131' } as const;

interface Request {
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: http.OutgoingHttpHeaders;
}

function ask({ server }: Fixture, from: string, { path, body, headers = {} }: Request): Promise<{ readonly status: number | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: server.ports.http, localAddress: from, path, headers, method: body === undefined ? 'GET' : 'POST', agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(parts).toString('latin1') }));
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const script = async (fixture: Fixture, from: string) => (await ask(fixture, from, { path: `/boot/${MAC}.ipxe` })).text;
const tokenIn = (text: string) => /[?]token=([A-Za-z0-9_-]+)(?= |$)/m.exec(text)?.[1] ?? '';
const hello = (token: string, key = KEY): Request => ({ path: '/hello', body: { mac: MAC, token, hostKeys: [key] } });

it('a host’s script shown to another machine of the network has no token, issues none, and leads a machine back to DHCP', async () => {
  const fixture = await startFixture({ endpoints: REAL, model: () => poolHere() });
  const shown = await script(fixture, BYSTANDER);
  expect(shown).toMatch(/^#!ipxe\n# Asked for from 127\.0\.0\.90, and node1 has the address 127\.0\.0\.11: shown without the token\n/);
  expect(shown).toContain(`dhcp && chain --replace ${fixture.base}/boot/${MAC}.ipxe || goto readdress`);
  expect(shown).toContain('/vmlinuz?mac=52-54-00-aa-00-01');
  expect(tokenIn(shown)).toBe('');
  expect(fixture.records.size).toBe(0);
  expect(fixture.events).toEqual([{ kind: 'script', mac: MAC, sentence: `127.0.0.90 asked for the boot script of node1 (${MAC}) and was shown it without its token: node1 has the address 127.0.0.11` }]);

  const url = new URL(/module --name initrd (\S+)/.exec(shown)?.[1] ?? '');
  expect((await ask(fixture, BYSTANDER, { path: `${url.pathname}${url.search}` })).status).toBe(400);
});

it('a host’s hello is taken from its own address only, and refused from others of the network, which are named', async () => {
  const fixture = await startFixture({ endpoints: REAL, model: () => poolHere() });
  const token = tokenIn(await script(fixture, NODE1));
  expect(token).toMatch(/^.{32}$/);
  for (const from of [BYSTANDER, NODE2]) {
    const { status, text } = await ask(fixture, from, hello(token, OTHER_KEY));
    expect([status, text]).toEqual([403, 'Refused: node1 has the address 127.0.0.11.\n']);
    expect(fixture.events.at(-1)).toEqual({ kind: 'refused', mac: MAC, host: 'node1', sentence: `a hello in the name of node1 (${MAC}) from ${from} was refused: node1 has the address 127.0.0.11` });
  }
  expect(fixture.records.get('node1')?.hello).toBeUndefined();
  expect((await ask(fixture, NODE1, hello(token))).status).toBe(200);
  expect(fixture.events.at(-1)).toMatchObject({ kind: 'hello', host: 'node1', address: NODE1, sentence: `node1 (${MAC}) said hello; its ssh host key is pinned for this boot` });
});

it.each([
  ['beside another DHCP server', { endpoints: REAL, model: () => poolHere('proxy') }],
  ['despite another DHCP server', { endpoints: REAL, model: () => poolHere(), despiteOtherDhcp: true }],
  ['in a lab, all of whose machines are at one address,', { model: () => poolHere() }],
])('%s a host is believed from any address, which is named', async (_where, options) => {
  const fixture = await startFixture(options);
  const token = tokenIn(await script(fixture, BYSTANDER));
  expect(fixture.events.at(-1)).toMatchObject({ kind: 'script', host: 'node1', sentence: `node1 (${MAC}, from 127.0.0.90) got its boot script for ${IMAGE}` });
  expect((await ask(fixture, BYSTANDER, hello(token))).status).toBe(200);
  expect(fixture.events.at(-1)).toMatchObject({ kind: 'hello', host: 'node1', address: BYSTANDER, sentence: `node1 (${MAC}, from 127.0.0.90) said hello; its ssh host key is pinned for this boot` });
});

it('a host that boots with an address it had before the drive was edited is led to DHCP, and gets its token at the new one', async () => {
  let model = poolHere();
  const fixture = await startFixture({ endpoints: REAL, model: () => model });
  model = { ...model, hosts: model.hosts.map((host) => (host.name === 'node1' ? { ...host, address: '127.0.0.21' } : host)) };
  expect(tokenIn(await script(fixture, NODE1))).toBe('');
  const token = tokenIn(await script(fixture, '127.0.0.21'));
  expect((await ask(fixture, NODE1, hello(token))).status).toBe(403);
  expect((await ask(fixture, '127.0.0.21', hello(token))).status).toBe(200);
});

it('what a host’s address downloads is its download, whether it says its MAC or not; what others download in its name is theirs', async () => {
  const fixture = await startFixture({ endpoints: REAL, model: () => poolHere() });
  const told = async (from: string, query: string) => {
    const seen = fixture.events.length;
    await ask(fixture, from, { path: `/images/${IMAGE}/snponly.efi${query}` });
    await fixture.event((event) => fixture.events.indexOf(event) >= seen && event.kind === 'image' && event.bytesSent === event.bytesTotal);
    const { kind, host, mac, sentence } = fixture.events.at(-1)!;
    return [kind, host, mac, sentence];
  };
  expect(await told(NODE1, '')).toEqual(['image', 'node1', MAC, `node1 (${MAC}) has fetched snponly.efi`]);
  expect(await told(BYSTANDER, '')).toEqual(['image', undefined, undefined, '127.0.0.90 has fetched snponly.efi']);
  expect(await told(BYSTANDER, `?mac=${MAC}`)).toEqual(['image', undefined, undefined, `127.0.0.90, in the name of node1 (${MAC}), has fetched snponly.efi`]);
  expect(await told(NODE2, `?mac=${MAC}`)).toEqual(['image', undefined, undefined, `node2 (127.0.0.12), in the name of node1 (${MAC}), has fetched snponly.efi`]);
});

it('behind nginx the address is the one it tells; nobody else who reaches the port is believed another', async () => {
  const endpoints = { bindAddress: '127.0.0.1', ports: { dhcp: 0, proxyDhcp: 0, tftp: 0, http: 80, dns: 0 }, httpUpstream: { address: '127.0.0.1', port: 0 }, dhcpReplies: 'rfc2131' } as const;
  const fixture = await startFixture({ endpoints, model: () => poolHere() });
  const as = (address: string) => ({ path: `/boot/${MAC}.ipxe`, headers: { 'X-Real-IP': address } });
  expect(tokenIn((await ask(fixture, '127.0.0.1', as(BYSTANDER))).text)).toBe('');
  expect(tokenIn((await ask(fixture, BYSTANDER, as(NODE1))).text)).toBe('');
  expect(tokenIn((await ask(fixture, '127.0.0.1', as('${NODE1}; echo'))).text)).toBe('');
  const token = tokenIn((await ask(fixture, '127.0.0.1', as(NODE1))).text);
  expect(token).toMatch(/^.{32}$/);
  // An initrd with its words is sent by the boot server itself, and counted once.
  const initrd = { ...as(NODE1), path: `/boot/${MAC}.initrd?token=${token}` };
  await ask(fixture, '127.0.0.1', { ...initrd, headers: { ...initrd.headers, 'X-Pxen-Front': 'accel' } });
  await fixture.event((event) => event.kind === 'image' && event.sentence === `node1 (${MAC}) has fetched initrd`);
  expect((await ask(fixture, '127.0.0.1', { path: '/metrics' })).text).toContain('pxen_http_image_downloads 0\n');
});
