import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { EMPTY_REQUEST, encodeDhcp } from '../../src/backend/netboot/dhcp/codec';
import { messageTypeValue, OPTION } from '../../src/backend/netboot/dhcp/options';
import { withLibvirtNetwork } from './libvirt';
import { macOf, openNetwork, SERVER } from './network';
import { hook, udhcpc } from './udhcpc';

describe('DHCP clients', () => {
  it('udhcpc gets its address for ever, with and without the broadcast flag', async () => {
    const network = await openNetwork();
    await network.serve();
    for (const [host, flags] of [[1, []], [2, ['-B']]] as const) {
      const client = await network.client(host);
      const { script, environment } = await hook(network, `udhcpc${host}`);
      const { code, output } = await udhcpc(network, client, script, ...flags);
      expect(code, output).toBe(0);
      expect(await environment()).toMatchObject({ EVENT: 'bound', ip: `10.77.0.1${host}`, mask: '24', router: '10.77.0.254', dns: SERVER, domain: 'clients.internal', hostname: `node${host}`, lease: '4294967295', serverid: SERVER });
    }
  });

  it('dhclient gets its address, and after a restart confirms it', async () => {
    const network = await openNetwork();
    const server = await network.serve();
    const client = await network.client(1);
    const { script, environment } = await hook(network, 'dhclient');
    const leases = path.join(network.folder, 'leases');
    const dhclient = async () => {
      const { code, output } = await network.run(client, 'dhclient', '-1', '-v', '-sf', script, '-lf', leases, '-pf', path.join(network.folder, 'pid'), '-cf', '/dev/null', 'eth0');
      expect(code, output).toBe(0);
      await network.run(client, 'dhclient', '-x', '-sf', '/bin/true', '-lf', leases, '-pf', path.join(network.folder, 'pid'), 'eth0');
    };
    await dhclient();
    expect(await environment()).toMatchObject({ new_ip_address: '10.77.0.11', new_subnet_mask: '255.255.255.0', new_dhcp_lease_time: '4294967295' });
    const offers = () => server.lines.filter((line) => line.includes('is offered')).length;
    const before = offers();
    await dhclient();
    expect(await environment()).toMatchObject({ new_ip_address: '10.77.0.11' });
    // RFC 2131 §3.2: the second time it starts with a REQUEST, so it is acknowledged without an offer.
    expect([before > 0, offers()]).toEqual([true, before]);
  });

  it('a machine that is not on the drive is left to others', async () => {
    const network = await openNetwork();
    await network.serve();
    const client = await network.client(9, '52:54:00:ff:ff:ff');
    const { script } = await hook(network, 'stranger');
    expect((await udhcpc(network, client, script, '-t', '2')).output).toMatch(/no lease, failing/);
    const remembered = path.join(network.drive, 'state', 'unknown-machines.json');
    await expect.poll(() => readFile(remembered, 'utf8').catch(() => ''), { timeout: 10_000 }).toMatch(/"52:54:00:ff:ff:ff": \{[^}]*"vendorClass": "udhcp/);
  });

  it('an address of another network is refused at once, and the right one follows', async () => {
    const network = await openNetwork();
    const server = await network.serve();
    const client = await network.client(1);
    const { script, environment } = await hook(network, 'moved');
    const leases = path.join(network.folder, 'leases');
    await writeFile(leases, 'lease {\n interface "eth0";\n fixed-address 192.168.77.5;\n option subnet-mask 255.255.255.0;\n option dhcp-lease-time 4294967295;\n option dhcp-message-type 5;\n option dhcp-server-identifier 192.168.77.1;\n renew 0 2036/01/01 00:00:00;\n rebind 0 2036/01/01 00:00:00;\n expire 0 2036/01/01 00:00:00;\n}\n');
    const { code, output } = await network.run(client, 'dhclient', '-1', '-v', '-sf', script, '-lf', leases, '-pf', path.join(network.folder, 'pid'), '-cf', '/dev/null', 'eth0');
    await network.run(client, 'dhclient', '-x', '-sf', '/bin/true', '-lf', leases, '-pf', path.join(network.folder, 'pid'), 'eth0');
    expect([code, output]).toEqual([0, expect.stringContaining('DHCPNAK')]);
    expect(await environment()).toMatchObject({ new_ip_address: '10.77.0.11' });
    await server.line(/requested 192\.168\.77\.5 and was refused: the drive gives it 10\.77\.0\.11/);
  });

  it('nmap sees one server on the network, and what it offers to a host of the drive', async () => {
    const network = await openNetwork();
    await network.serve();
    const client = await network.client(1);
    await network.run(client, 'ip', 'address', 'add', '10.77.0.200/24', 'dev', 'eth0');
    const { output } = await network.run(client, 'nmap', '--script', 'broadcast-dhcp-discover', '--script-args', 'broadcast-dhcp-discover.mac=52:54:00:aa:00:01', '-e', 'eth0');
    expect(output).toMatch(/IP Offered: 10\.77\.0\.11/);
    expect(output).toMatch(/Server Identifier: 10\.77\.0\.1\b/);
    expect(output).toMatch(/IP Address Lease Time: infinite|IP Address Lease Time: \d+d/);
  });
});

it('only what comes in on the pool’s interface is answered, and a DHCP server of another one is left alone', async () => {
  const network = await openNetwork();
  const guest = await withLibvirtNetwork(network);
  const server = await network.serve();
  const host = await network.client(1);
  const ours = await hook(network, 'ours');
  expect((await udhcpc(network, host, ours.script)).code).toBe(0);
  expect(await ours.environment()).toMatchObject({ ip: '10.77.0.11', serverid: '10.77.0.1' });
  const theirs = await hook(network, 'theirs');
  expect((await udhcpc(network, guest, theirs.script)).code).toBe(0);
  expect(await theirs.environment()).toMatchObject({ serverid: '192.168.122.1' });
  // Sent to the boot server's own address, in the name of a host and of a relay: it comes in by the other interface.
  const relayed = { ...EMPTY_REQUEST, transactionId: 7, hardwareAddress: macOf(2), relayAddress: '192.168.122.50', options: new Map([[OPTION.messageType, messageTypeValue('discover')]]) };
  const ask = "const [bytes, to] = process.argv.slice(1); const s = require('dgram').createSocket('udp4'); s.on('message', () => { console.log('answered'); s.close(); }); s.bind(67, '0.0.0.0', () => { s.send(Buffer.from(bytes, 'hex'), 67, to); s.send(Buffer.from(bytes, 'hex'), 4011, to); }); setTimeout(() => s.close(), 1000);";
  await network.run('server', 'sysctl', '-q', 'net.ipv4.ip_forward=1');
  expect((await network.run(guest, process.execPath, '-e', ask, encodeDhcp(relayed).bytes.toString('hex'), SERVER)).output).toBe('');
  expect(server.lines.filter((line) => line.includes(macOf(2)))).toEqual([]);
  // The same from the pool's own network is answered.
  await network.run(host, 'ip', 'address', 'add', '10.77.0.50/24', 'dev', 'eth0');
  expect((await network.run(host, process.execPath, '-e', ask, encodeDhcp({ ...relayed, relayAddress: '10.77.0.50' }).bytes.toString('hex'), SERVER)).output).toMatch(/answered/);
});

it('a start while the switch is still off is told of, and machines are answered once it is on', async () => {
  const network = await openNetwork();
  await network.run('server', 'ip', 'link', 'set', 'keep', 'down');
  await expect.poll(async () => (await network.run('server', 'ip', 'link', 'show', 'br0')).output).toContain('NO-CARRIER');
  const server = network.start('server', process.execPath, inject('pxen'), 'serve', network.drive, '--json');
  await server.line(/The link of br0 is down, so no machine can be reached/);
  await server.line(/"event":"serving"/);
  const { script, environment } = await hook(network, 'late');
  const client = await network.client(1);
  await server.line(/The link of br0 is up/);
  expect((await udhcpc(network, client, script)).code).toBe(0);
  expect(await environment()).toMatchObject({ ip: '10.77.0.11' });
});

it.each([
  ['', []],
  // All that the reply holds then doesn't fit into its main field, the only one that this relay looks into.
  [', of a client with a long identifier too', ['-C', '-x', `0x3d:${'ab'.repeat(225)}`]],
])('a relay brings requests of another network, and takes the answers back by what it sent with them%s', async (_, more) => {
  const network = await openNetwork();
  await network.serve();
  // The relay's own machine is a client on the bridge with a second network behind it.
  const relay = await network.client(4);
  const ip = (...args: readonly string[]) => network.run(relay, 'ip', ...args);
  const inner = 'behind-the-wall';
  await ip('address', 'add', '10.77.0.14/24', 'dev', 'eth0');
  await ip('link', 'add', inner, 'type', 'veth', 'peer', 'name', 'eth1', 'address', '52:54:00:aa:00:01');
  await ip('address', 'add', '10.78.0.1/24', 'dev', inner);
  await ip('link', 'set', inner, 'up');
  await ip('link', 'set', 'eth1', 'up');
  await network.run('server', 'ip', 'route', 'add', '10.78.0.0/24', 'via', '10.77.0.14');
  const heard = network.start(relay, 'tshark', '-i', 'eth0', '-n', '-l', '-f', `udp port 67 and host ${SERVER}`, '-T', 'fields', '-e', 'dhcp.option.dhcp', '-e', 'dhcp.option.agent_information_option.agent_circuit_id');
  await heard.line(/Capture started/);
  // It takes its information out again, and drops answers with another relay's.
  const relayed = network.start(relay, 'dhcrelay', '-d', '-4', '-a', '-D', '-iu', 'eth0', '-id', inner, SERVER);
  await relayed.line(/Sending on +Socket/);
  const { script, environment } = await hook(network, 'relayed');
  const { code, output } = await network.run(relay, 'udhcpc', '-f', '-q', '-n', '-t', '5', '-T', '1', '-i', 'eth1', '-s', script, ...more);
  expect(code, output).toBe(0);
  expect(await environment()).toMatchObject({ ip: '10.77.0.11' });
  await heard.line(/^5\t/);
  // DISCOVER, OFFER, REQUEST and ACK.
  const circuit = Buffer.from(inner).toString('hex');
  expect(new Set(heard.lines.filter((line) => /^\d\t/.test(line)))).toEqual(new Set(['1', '2', '3', '5'].map((type) => `${type}\t${circuit}`)));
});

it('an edited drive is obeyed without a restart, and a broken one leaves the last valid answers', async () => {
  const network = await openNetwork();
  const server = await network.serve();
  const client = await network.client(1);
  const { script, environment } = await hook(network, 'edited');
  const specs = path.join(network.drive, 'hosts', 'all.host.yaml');
  await writeFile(specs, (await readFile(specs, 'utf8')).replace('address: 10.77.0.11', 'address: 10.77.0.51'));
  await server.line(/The drive changed/);
  expect((await udhcpc(network, client, script)).code).toBe(0);
  expect(await environment()).toMatchObject({ ip: '10.77.0.51' });
  await writeFile(specs, 'kind: Host\nname: {\n');
  await server.line(/Until it is mended, machines are answered by its last valid state/);
  expect((await udhcpc(network, client, script)).code).toBe(0);
  expect(await environment()).toMatchObject({ ip: '10.77.0.51' });
});
