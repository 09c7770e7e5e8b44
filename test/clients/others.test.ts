import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { IMAGE, macOf, openNetwork, type Network } from './network';
import { powerOn } from './machine';
import { hook, udhcpc } from './udhcpc';

const STRANGER = '52:54:00:ff:ff:ff';

/** Adds lines to the network of pxen.yaml. */
async function withNetwork(network: Network, ...lines: readonly string[]): Promise<void> {
  const spec = path.join(network.drive, 'pxen.yaml');
  await writeFile(spec, (await readFile(spec, 'utf8')).replace(/^ {2}dhcp: .*$/m, (line) => [line, ...lines.map((more) => `  ${more}`)].join('\n')));
}

describe('another DHCP server on the network', () => {
  const dnsmasq = async (network: Network) => {
    const router = await network.client(4);
    await network.run(router, 'ip', 'address', 'add', '10.77.0.14/24', 'dev', 'eth0');
    const running = network.start(router, 'dnsmasq', '--no-daemon', '--port=0', '--interface=eth0', '--bind-dynamic', '--dhcp-range=10.77.0.100,10.77.0.150,1h', '--dhcp-leasefile=/dev/null');
    await running.line(/DHCP, IP range/);
  };

  it('ends the start, and is named by its address and MAC, with what to do', async () => {
    const network = await openNetwork('authoritative');
    await dnsmasq(network);
    const { code, output } = await network.run('server', process.execPath, inject('pxen'), 'serve', network.drive);
    expect([code, output]).toEqual([2, expect.stringMatching(new RegExp(`^Another DHCP server, 10\\.77\\.0\\.14 \\(${macOf(4)}\\), answers on this network, .*in .*/pxen\\.yaml:\\d+(, under "network:",)? write "dhcp: proxy"; or serve all the same: --despite-other-dhcp\\.$`, 'm'))]);
  });

  it('is served beside when that was asked for', async () => {
    const network = await openNetwork('authoritative');
    await dnsmasq(network);
    const server = await network.serve('--despite-other-dhcp');
    await server.line(/Another DHCP server, 10\.77\.0\.14 .* PXEN serves all the same, as it was told to/);
    const client = await network.client(1);
    const { script, environment } = await hook(network, 'beside');
    expect((await udhcpc(network, client, script)).code).toBe(0);
    expect(['10.77.0.11', expect.stringMatching(/^10\.77\.0\.1[0-5]\d$/)]).toContainEqual((await environment())['ip']);
  });

  it('is missed where we are only a proxy', async () => {
    const network = await openNetwork('proxy');
    await (await network.serve()).line(/no DHCP server answers on this network: machines get no address/);
  });

  it('gives the addresses where we are a proxy', async () => {
    const network = await openNetwork('proxy');
    await dnsmasq(network);
    await (await network.serve()).line(/Another DHCP server, 10\.77\.0\.14 .* gives the machines their addresses; PXEN adds the boot files/);
  });
});

it.each(['snponly.efi', 'ipxe.efi'])('beside a DHCP server that does all of it, set up as docs/network.md says, a machine gets to its script by %s', async (loader) => {
  const network = await openNetwork('off');
  const router = await network.client(4);
  await network.run(router, 'ip', 'address', 'add', '10.77.0.14/24', 'dev', 'eth0');
  const [, settings = ''] = /^```\n(dhcp-range[^]*?)^```/m.exec(await readFile('docs/network.md', 'utf8')) ?? [];
  const file = path.join(network.folder, 'dnsmasq.conf');
  // The page names the one that PXEN itself would; the other brings network drivers of its own.
  await writeFile(file, settings.replace('snponly.efi', loader));
  await network.start(router, 'dnsmasq', '--no-daemon', `--conf-file=${file}`, '--port=0', '--interface=eth0', '--bind-dynamic', '--dhcp-leasefile=/dev/null').line(/DHCP, static leases only/);
  const server = await network.serve();
  await powerOn(network, { host: 1, nic: 'virtio-net-pci', firmware: 'uefi' });
  await server.line(new RegExp(`node1 .* fetched ${loader.replace('.', '\\.')} over TFTP`));
  await server.line(/node1 .* got its boot script/);
  await server.line(/node1 .* has fetched initrd/);
});

describe('the range for strangers', () => {
  it('is lent to a machine that is not on the drive, but for an address that somebody has already', async () => {
    const network = await openNetwork();
    await withNetwork(network, 'range: {from: 10.77.0.100, to: 10.77.0.101, lease: 10m}');
    const squatter = await network.client(7, '52:54:00:ee:ee:ee');
    await network.run(squatter, 'ip', 'address', 'add', '10.77.0.101/24', 'dev', 'eth0');
    const server = await network.serve();
    const client = await network.client(9, STRANGER);
    const { script, environment } = await hook(network, 'stranger');
    const wish = ['-r', '10.77.0.101'];
    const { code, output } = await udhcpc(network, client, script, ...wish);
    expect(code, output).toBe(0);
    expect(await environment()).toMatchObject({ ip: '10.77.0.100', lease: '600', serverid: '10.77.0.1' });
    await server.line(/10\.77\.0\.101 of the range is in use by 52:54:00:ee:ee:ee, to which PXEN didn't lend it/);
    const leases = JSON.parse(await readFile(path.join(network.drive, 'state', 'leases.json'), 'utf8')) as { readonly leases: Record<string, { readonly mac: string }> };
    expect(leases.leases['10.77.0.100']?.mac).toBe(STRANGER);
    // A second machine finds the range full, a host gets its own as ever.
    const second = await network.client(8, '52:54:00:ff:ff:fe');
    expect((await udhcpc(network, second, script, '-t', '2')).output).toMatch(/no lease, failing/);
    await server.line(/all 2 of the range from 10\.77\.0\.100 to 10\.77\.0\.101 are lent or in use/);
    const host = await network.client(1);
    const ours = await hook(network, 'host');
    expect((await udhcpc(network, host, ours.script)).code).toBe(0);
    expect(await ours.environment()).toMatchObject({ ip: '10.77.0.11', lease: '4294967295' });
  });

  it('is lent on when a machine gave its address back and left, which the system learns only later', async () => {
    const network = await openNetwork();
    await withNetwork(network, 'range: {from: 10.77.0.100, to: 10.77.0.100, lease: 10m}');
    // As ever, only sooner: what was heard of an address is believed for a second, and then asked about for another.
    await network.run('server', 'sh', '-c', 'cd /proc/sys/net/ipv4/neigh/br0 && echo 1000 > base_reachable_time_ms && echo 1 > delay_first_probe_time && echo 300 > retrans_time_ms');
    const server = await network.serve();
    const leaving = await network.client(7, '52:54:00:ee:ee:ee');
    const gone = await hook(network, 'gone');
    // Gives its address back when it is ended.
    const holding = network.start(leaving, 'udhcpc', '-f', '-R', '-i', 'eth0', '-s', gone.script);
    await server.line(/52:54:00:ee:ee:ee gets 10\.77\.0\.100/);
    await network.run(leaving, 'ip', 'address', 'add', '10.77.0.100/24', 'dev', 'eth0');
    await network.run(leaving, 'curl', '-sS', `http://10.77.0.1/healthz`);
    expect((await network.run('server', 'ip', 'neighbour', 'show', '10.77.0.100')).output).toMatch(/52:54:00:ee:ee:ee (REACHABLE|STALE|DELAY)/);
    await holding.stop();
    await expect.poll(() => readFile(path.join(network.drive, 'state', 'leases.json'), 'utf8')).not.toContain('10.77.0.100');
    await network.run(leaving, 'ip', 'address', 'delete', '10.77.0.100/24', 'dev', 'eth0');

    const next = await network.client(9, STRANGER);
    const { script, environment } = await hook(network, 'next');
    const { code, output } = await udhcpc(network, next, script, '-t', '20', '-T', '2');
    expect(code, output).toBe(0);
    expect(await environment()).toMatchObject({ ip: '10.77.0.100' });
    expect(server.lines.filter((line) => line.includes('is in use by'))).toEqual([]);
  }, 60_000);

  it('leads a machine that boots to the menu, which starts it from its own disk', async () => {
    const network = await openNetwork();
    await withNetwork(network, 'range: {from: 10.77.0.100, to: 10.77.0.110}');
    const disk = path.join(network.folder, 'disk.raw');
    await writeFile(disk, bootSector('booted from its own disk'), { flag: 'wx' });
    const server = await network.serve();
    const machine = await powerOn(network, { host: 9, mac: STRANGER, nic: 'e1000', firmware: 'bios', more: ['-drive', `file=${disk},format=raw,if=none,id=disk`, '-device', 'ide-hd,drive=disk'] });
    await server.line(/52:54:00:ff:ff:ff asked for a boot script and got the menu for unknown machines/);
    await machine.line(/booted from its own disk/);
    expect(server.lines.filter((line) => /52:54:00:ff:ff:ff .* has fetched/.test(line))).toEqual([]);
  });
});

it('a host whose address another machine has declines it, and that one is named by its MAC', async () => {
  const network = await openNetwork();
  const server = await network.serve();
  const squatter = await network.client(7, '52:54:00:ee:ee:ee');
  await network.run(squatter, 'ip', 'address', 'add', '10.77.0.11/24', 'dev', 'eth0');
  const client = await network.client(1);
  const { script } = await hook(network, 'declining');
  // It asks, tries the address by ARP and declines it for as long as it is let.
  network.start(client, 'udhcpc', '-f', '-a', '-i', 'eth0', '-s', script);
  await server.line(/node1 .* found its address 10\.77\.0\.11 in use by another machine .*\(its MAC is 52:54:00:ee:ee:ee\)/);
});

it('an edit of the drive breaks no transfer that is under way', async () => {
  const network = await openNetwork();
  const server = await network.serve();
  const client = await network.client(1);
  await network.run(client, 'ip', 'address', 'add', '10.77.0.11/24', 'dev', 'eth0');
  // Little fits into the kernels' buffers, so that the server sends to the end.
  await network.run('server', 'sh', '-c', 'echo 4096 16384 65536 > /proc/sys/net/ipv4/tcp_wmem');
  await network.run(client, 'sh', '-c', 'echo 4096 16384 65536 > /proc/sys/net/ipv4/tcp_rmem');
  const got = path.join(network.folder, 'got');
  const download = network.run(client, 'curl', '-sSf', '--limit-rate', '500k', '-o', got, `http://10.77.0.1/images/${IMAGE}/root.squashfs?mac=${macOf(1)}`);
  await server.line(/node1 .* is fetching root\.squashfs/);
  const specs = path.join(network.drive, 'hosts', 'all.host.yaml');
  const before = await readFile(specs, 'utf8');
  await writeFile(specs, before.replace('address: 10.77.0.12', 'address: 10.77.0.52'));
  await server.line(/The drive changed/);
  await writeFile(specs, 'kind: Host\nname: {\n');
  await server.line(/Until it is mended, machines are answered by its last valid state/);
  expect(server.lines.some((line) => /node1 .* has fetched root\.squashfs/.test(line))).toBe(false);
  const { code, output } = await download;
  expect(code, output).toBe(0);
  expect((await readFile(got)).equals(await readFile(path.join(network.imageFolder, 'root.squashfs')))).toBe(true);
});

it('a capture holds what was said, and tshark reads it', async () => {
  const network = await openNetwork();
  const file = path.join(network.folder, 'boot.pcap');
  const server = await network.serve('--capture', file);
  const client = await network.client(1);
  const { script } = await hook(network, 'captured');
  expect((await udhcpc(network, client, script)).code).toBe(0);
  await server.stop();
  const { output } = await network.run('server', 'tshark', '-r', file, '-Y', 'dhcp && dhcp.hw.mac_addr == 52:54:00:aa:00:01', '-T', 'fields', '-e', 'dhcp.option.dhcp', '-e', 'ip.src', '-e', 'ip.dst');
  const said = output.split('\n').filter((line) => /^\d\t/.test(line));
  expect(said).toEqual(expect.arrayContaining(['1\t0.0.0.0\t255.255.255.255', '2\t10.77.0.1\t255.255.255.255', '3\t0.0.0.0\t255.255.255.255', '5\t10.77.0.1\t255.255.255.255']));
});

/** A disk whose first sector writes a text to the first serial port and halts. */
function bootSector(text: string): Buffer {
  const sector = Buffer.alloc(1 << 20);
  // cld; ds = 0; si = text; next: lodsb; if 0 halt; out 0x3f8, al; next
  Buffer.from('fc31c08ed8be167cac84c07406baf803eeebf5f4ebfd', 'hex').copy(sector);
  sector.write(`${text}\r\n\0`, 22, 'latin1');
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}
