import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { powerOn } from './machine';
import { IMAGE, macOf, openNetwork, SERVER } from './network';

/** With its PXE switched off OVMF goes on to HTTP boot. */
const NO_PXE = ['-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=n', '-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'];

describe('BIOS', () => {
  it.each(['virtio-net-pci', 'e1000'])('the PXE ROM of %s gets to its script and starts Xen’s place by Multiboot', async (nic) => {
    const network = await openNetwork();
    const server = await network.serve();
    const machine = await powerOn(network, { host: 1, nic, firmware: 'bios' });
    await server.line(/node1 \(.*\) got its boot script/);
    await server.line(/node1 .* has fetched initrd/);
    const xen = await machine.line(/dom0_mem=/);
    expect(xen).toMatch(new RegExp(`^http://${SERVER}/images/${IMAGE}/xen\\?mac=52-54-00-aa-00-01 console=com1 dom0_mem=\\S+ dom0_max_vcpus=\\d+$`));
    expect(await machine.line(/vmlinuz/)).toMatch(/console=hvc0$/);
    expect(await machine.line(/initrd\?token=/)).toMatch(/initrd\?token=[A-Za-z0-9_-]{32}$/);
  });

  it('undionly.kpxe, chained over TFTP, gets to its script by the network driver of the one before it', async () => {
    const network = await openNetwork();
    const server = await network.serve();
    const script = path.join(network.folder, 'chain.ipxe');
    await writeFile(script, `#!ipxe\ndhcp\nchain tftp://${SERVER}/52-54-00-aa-00-01/undionly.kpxe\n`);
    const machine = await powerOn(network, { host: 1, nic: 'e1000', firmware: 'bios', more: ['-kernel', '/usr/lib/ipxe/ipxe.lkrn', '-initrd', script] });
    await server.line(/node1 .* fetched undionly\.kpxe over TFTP/);
    await machine.line(/dom0_mem=/);
  });
});

it('a machine whose address changed on the drive after it got it is led to DHCP again, and gets a script that counts', async () => {
  const network = await openNetwork();
  const server = await network.serve();
  const [hosts, script] = [path.join(network.drive, 'hosts', 'all.host.yaml'), path.join(network.folder, 'chain.ipxe')];
  // Until the drive was edited, node5 isn't on it, and there is no such file.
  await writeFile(script, `#!ipxe\ndhcp\n:wait\nsleep 1\nimgfetch http://${SERVER}/boot/52:54:00:aa:00:05.cfg || goto wait\nimgfree\nchain http://${SERVER}/boot/${macOf(1)}.ipxe\n`);
  const machine = await powerOn(network, { host: 1, nic: 'e1000', firmware: 'bios', more: ['-kernel', '/usr/lib/ipxe/ipxe.lkrn', '-initrd', script] });
  await server.line(/node1 \(.*\), iPXE .* gets 10\.77\.0\.11/);
  const before = await readFile(hosts, 'utf8');
  await writeFile(hosts, `${before.replace('address: 10.77.0.11\n', 'address: 10.77.0.21\n')}---\nkind: Host\nname: node5\nmacs: [52:54:00:aa:00:05]\naddress: 10.77.0.15\ncpus: 4\nmemory: 8GiB\n`);
  await server.line(/10\.77\.0\.11 asked for the boot script of node1 \(.*\) and was shown it without its token: node1 has the address 10\.77\.0\.21/);
  await server.line(/node1 \(.*\), iPXE .* gets 10\.77\.0\.21/);
  await server.line(/node1 \(52:54:00:aa:00:01\) got its boot script for tiny/);
  expect(await machine.line(/initrd\?token=/)).toMatch(/initrd\?token=[A-Za-z0-9_-]{32}$/);
});

describe('UEFI', () => {
  it('OVMF is chained into iPXE by PXE, and that fetches everything Xen needs', async () => {
    const network = await openNetwork();
    const server = await network.serve();
    await powerOn(network, { host: 2, nic: 'virtio-net-pci', firmware: 'uefi' });
    await server.line(/x64 UEFI, gets .* snponly\.efi over TFTP/);
    await server.line(/node2 .* fetched snponly\.efi over TFTP/);
    await server.line(/iPXE on x64 UEFI, gets .* its boot script/);
    await server.line(/node2 .* has fetched xen\.efi/);
    await server.line(/node2 .* has fetched vmlinuz/);
    await server.line(/node2 .* has fetched initrd/);
  });

  it('OVMF boots by HTTP alone', async () => {
    const network = await openNetwork();
    const server = await network.serve();
    await powerOn(network, { host: 4, nic: 'virtio-net-pci', firmware: 'uefi', more: NO_PXE });
    await server.line(/x64 UEFI HTTP boot, gets .* snponly\.efi over HTTP/);
    await server.line(/node4 .* has fetched snponly\.efi/);
    await server.line(/node4 .* got its boot script/);
  });
});

describe('beside another DHCP server', () => {
  const besideDnsmasq = async () => {
    const network = await openNetwork('proxy');
    const router = await network.client(4);
    await network.run(router, 'ip', 'address', 'add', '10.77.0.14/24', 'dev', 'eth0');
    network.start(router, 'dnsmasq', '--no-daemon', '--port=0', '--interface=eth0', '--bind-dynamic', '--dhcp-range=10.77.0.100,10.77.0.150,1h', '--dhcp-leasefile=/dev/null', '--log-dhcp');
    return { network, server: await network.serve() };
  };

  it('OVMF asks us at port 4011 for its boot file', async () => {
    const { network, server } = await besideDnsmasq();
    await powerOn(network, { host: 3, nic: 'virtio-net-pci', firmware: 'uefi' });
    // It is offered by us at port 67, and gets it at the other.
    await server.line(/node3 \(.*\), x64 UEFI, gets .*snponly\.efi over TFTP/);
    await server.line(/node3 .* fetched snponly\.efi over TFTP/);
    await server.line(/node3 .* got its boot script/);
    await server.line(/node3 .* has fetched initrd/);
  });

  it('OVMF boots by HTTP', async () => {
    const { network, server } = await besideDnsmasq();
    await powerOn(network, { host: 3, nic: 'virtio-net-pci', firmware: 'uefi', more: NO_PXE });
    await server.line(/node3 .* has fetched snponly\.efi/);
    await server.line(/node3 .* got its boot script/);
  });

  it('a PXE ROM takes the boot file that we offer at port 67, and asks no further', async () => {
    const { network, server } = await besideDnsmasq();
    const machine = await powerOn(network, { host: 1, nic: 'e1000', firmware: 'bios' });
    await server.line(/node1 \(.*\), iPXE on BIOS, is offered .*boot script/);
    await machine.line(/dom0_mem=/);
    expect(server.lines.filter((line) => /node1 \(.*\), iPXE on BIOS, gets/.test(line))).toEqual([]);
  });
});
