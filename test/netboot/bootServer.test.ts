import dgram from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeDhcp, encodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { messageTypeOf } from '../../src/backend/netboot/dhcp/options';
import { createRepeatFilter } from '../../src/backend/netboot/repeats';
import { onDatagram } from '../../src/backend/netboot/sockets';
import { startFixture } from './bootServerFixture';
import { CLIENTS, pool, request, STRANGER } from './clients';

const LOOPBACK = { bindAddress: '127.0.0.1', dhcpReplies: 'to-source' } as const;

async function ask(port: number, message: DhcpMessage): Promise<DhcpMessage> {
  const socket = dgram.createSocket('udp4');
  try {
    socket.send(encodeDhcp(message).bytes, port, '127.0.0.1');
    const bytes = await new Promise<Buffer>((resolve) => socket.once('message', resolve));
    const decoded = decodeDhcp(bytes);
    if ('problem' in decoded) throw new Error(decoded.problem);
    return decoded.message;
  } finally {
    socket.close();
  }
}

describe('the boot server', () => {
  it('takes a machine from its first packet to its boot script', async () => {
    const { server, events } = await startFixture();
    const offer = await ask(server.ports.dhcp, request({ type: 'discover', options: CLIENTS['ipxe-bios'] }));
    expect([messageTypeOf(offer.options), offer.yourAddress]).toEqual(['offer', '10.77.0.11']);
    expect((await fetch(offer.bootFile)).status).toBe(200);
    expect(events.map(({ kind, host }) => [kind, host])).toEqual([['dhcp', 'node1'], ['script', 'node1']]);
  });

  it('answers at port 4011 too', async () => {
    const { server } = await startFixture({ model: () => pool('proxy') });
    const answer = await ask(server.ports.proxyDhcp, request({ type: 'request', options: CLIENTS.uefi }));
    expect([messageTypeOf(answer.options), answer.bootFile]).toEqual(['ack', '52-54-00-aa-00-01/snponly.efi']);
  });

  it('obeys an edited drive at the next packet', async () => {
    let model = pool();
    const { server } = await startFixture({ model: () => model });
    expect((await ask(server.ports.dhcp, request({ type: 'discover' }))).yourAddress).toBe('10.77.0.11');
    model = { ...model, hosts: model.hosts.map((host) => ({ ...host, address: host.address.replace(/1(\d)$/, '5$1') })) };
    expect((await ask(server.ports.dhcp, request({ type: 'discover' }))).yourAddress).toBe('10.77.0.51');
  });

  it('tells of a stranger once, not with each of its packets', async () => {
    const { server, events } = await startFixture();
    const socket = dgram.createSocket('udp4');
    onTestFinished(() => void socket.close());
    for (let time = 0; time < 5; time += 1) socket.send(encodeDhcp(request({ type: 'discover', mac: STRANGER, options: CLIENTS.bios })).bytes, server.ports.dhcp, '127.0.0.1');
    await ask(server.ports.dhcp, request({ type: 'discover' }));
    expect(events.filter(({ mac }) => mac === STRANGER)).toHaveLength(1);
  });

  it('tells who asked for which name', async () => {
    const { server, logs } = await startFixture();
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${server.ports.dns}`]);
    expect(await resolver.resolve4('node2.test.internal')).toEqual(['10.77.0.12']);
    expect(logs).toEqual(['debug: 127.0.0.1 asked by DNS for A of node2.test.internal and got 10.77.0.12']);
  });

  it('opens no DHCP port when DHCP is off', async () => {
    const { server } = await startFixture({ model: () => pool('off') });
    expect(server.ports).toMatchObject({ dhcp: 0, proxyDhcp: 0, http: expect.any(Number) as number });
  });

  it('two servers of one drive give the same answers but for who gives them', async () => {
    const replies = await Promise.all([await startFixture(), await startFixture()].map(async ({ server }) => {
      const reply = await ask(server.ports.dhcp, request({ type: 'discover', options: CLIENTS.bios }));
      return encodeDhcp(reply).bytes.toString('hex');
    }));
    expect(replies[0]).toBe(replies[1]);
  });
});

describe('a start that fails', () => {
  it('says which port is taken and by whom, and leaves nothing open', async () => {
    const taken = dgram.createSocket('udp4');
    onTestFinished(() => void taken.close());
    await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve));
    const proxyDhcp = taken.address().port;
    const ports = { dhcp: await freeUdpPort(), tftp: 0, http: 0, dns: 0 };
    const start = startFixture({ endpoints: { ...LOOPBACK, ports: { ...ports, proxyDhcp } } });
    const owner = process.platform === 'linux' ? `taken by \\S+ \\(pid ${process.pid}\\)` : 'taken by another process';
    await expect(start).rejects.toThrow(new RegExp(`The PXE boot service needs UDP port ${proxyDhcp} on 127\\.0\\.0\\.1, which is ${owner}\\.`));
    const { server } = await startFixture({ endpoints: { ...LOOPBACK, ports: { ...ports, proxyDhcp: 0 } } });
    expect(server.ports.dhcp).toBe(ports.dhcp);
  });

  it('because somebody else has the drive leaves no service behind', async () => {
    const ports = { dhcp: await freeUdpPort(), proxyDhcp: 0, tftp: 0, http: await freeTcpPort(), dns: 0 };
    const mayServe = Promise.reject(new Error('another has the drive'));
    mayServe.catch(() => undefined);
    await expect(startFixture({ endpoints: { ...LOOPBACK, ports }, mayServe })).rejects.toThrow('another has the drive');
    const { server } = await startFixture({ endpoints: { ...LOOPBACK, ports } });
    expect(server.ports).toMatchObject({ dhcp: ports.dhcp, http: ports.http });
  });

  it('because something else than DHCP could not be opened leaves neither DHCP nor HTTP behind', async () => {
    const taken = dgram.createSocket('udp4');
    onTestFinished(() => void taken.close());
    await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve));
    const ports = { dhcp: await freeUdpPort(), proxyDhcp: 0, http: await freeTcpPort(), dns: 0 };
    const start = startFixture({ endpoints: { ...LOOPBACK, ports: { ...ports, tftp: taken.address().port } } });
    await expect(start).rejects.toThrow(/^TFTP needs UDP port /);
    const { server } = await startFixture({ endpoints: { ...LOOPBACK, ports: { ...ports, tftp: 0 } } });
    expect(server.ports).toMatchObject({ dhcp: ports.dhcp, http: ports.http });
  });

  it('for want of the address says so', async () => {
    const start = startFixture({ endpoints: { bindAddress: '192.0.2.99', dhcpReplies: 'to-source', ports: { dhcp: 0, proxyDhcp: 0, tftp: 0, http: 0, dns: 0 } } });
    await expect(start).rejects.toThrow(/no interface of this machine has this address/);
  });
});

it('a datagram from port 0, which can’t be answered, is passed over', () => {
  const socket = dgram.createSocket('udp4');
  onTestFinished(() => void socket.close());
  const ports: number[] = [];
  onDatagram(socket, (_bytes, source) => ports.push(source.port));
  for (const port of [0, 68]) socket.emit('message', Buffer.alloc(1), { address: '127.0.0.1', family: 'IPv4', port, size: 1 });
  expect(ports).toEqual([68]);
});

it('a sentence is repeated only after a minute', () => {
  let now = 0;
  const filter = createRepeatFilter({ now: () => now, after: () => () => undefined });
  const said = [0, 1000, 59_000, 60_000, 61_000].map((time) => {
    now = time;
    return filter('x');
  });
  expect(said).toEqual([true, false, false, true, false]);
});

async function freeUdpPort(): Promise<number> {
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

async function freeTcpPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
