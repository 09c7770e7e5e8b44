import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { IMAGE, macOf, openNetwork, SERVER, type Network } from './network';
import type { Running } from './processes';

interface MachineOptions {
  readonly host: number;
  readonly nic: string;
  readonly firmware: 'bios' | 'uefi';
}

/** A diskless machine that boots from the network; its first serial port is its output. */
async function powerOn(network: Network, { host, nic, firmware }: MachineOptions): Promise<Running> {
  const tap = await network.tap(host);
  const variables = path.join(network.folder, 'vars.fd');
  if (firmware === 'uefi') await copyFile('/usr/share/OVMF/OVMF_VARS_4M.fd', variables);
  const code = ['-drive', 'if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd', '-drive', `if=pflash,format=raw,file=${variables}`];
  return network.start(
    'server', 'qemu-system-x86_64',
    '-machine', 'q35', '-accel', 'tcg,thread=multi', '-m', '512', '-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio',
    // UEFI takes its random numbers for the network from here, where it has any.
    '-device', 'virtio-rng-pci',
    '-netdev', `tap,id=net,ifname=${tap},script=no,downscript=no`, '-device', `${nic},netdev=net,mac=${macOf(host)},bootindex=1`,
    ...(firmware === 'uefi' ? code : []),
  );
}

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

  it('OVMF takes the boot file from us beside another DHCP server', async () => {
    const network = await openNetwork('proxy');
    network.start('server', 'dnsmasq', '--no-daemon', '--port=0', '--interface=br0', '--bind-dynamic', '--dhcp-range=10.77.0.100,10.77.0.150,1h', '--dhcp-leasefile=/dev/null', '--log-dhcp');
    const server = await network.serve();
    await powerOn(network, { host: 3, nic: 'virtio-net-pci', firmware: 'uefi' });
    await server.line(/node3 .* fetched snponly\.efi over TFTP/);
    await server.line(/node3 .* got its boot script/);
    await server.line(/node3 .* has fetched initrd/);
  });
});
