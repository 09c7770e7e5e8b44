import { mkdir } from 'node:fs/promises';
import type { NetworkInterfaceInfo } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { interfaceOf, openMachines } from '../../src/backend/pool/machines';
import { writeLabImage } from '../../src/lab/simulated/image';
import { emptyFolder } from './driveFolder';
import { aHost, aModel } from './models';

const address = (text: string): NetworkInterfaceInfo => ({ address: text, netmask: '255.255.255.0', family: 'IPv4', mac: '52:54:00:00:00:01', internal: false, cidr: `${text}/24` });
const interfaces = { lo: [address('127.0.0.1')], enp3s0: [address('192.0.2.7'), address('10.77.0.1')] };
const network = { server: '10.77.0.1', subnet: '10.77.0.0/24' };

describe('the interface a pool is served on', () => {
  it('is the one that holds the boot server’s address', () => {
    expect(interfaceOf(network, interfaces)).toBe('enp3s0');
    expect(interfaceOf({ ...network, interface: 'enp3s0' }, interfaces)).toBe('enp3s0');
  });

  it('is missed with the command that would give it the address', () => {
    expect(() => interfaceOf({ ...network, interface: 'eth1' }, { lo: interfaces.lo })).toThrow(/No interface of this machine has the boot server's address 10\.77\.0\.1 .* sudo ip address add 10\.77\.0\.1\/24 dev eth1/);
  });

  it('is refused when the drive names another', () => {
    expect(() => interfaceOf({ ...network, interface: 'eth1' }, interfaces)).toThrow(/is on enp3s0, but pxen\.yaml names the interface eth1/);
  });
});

describe('a pool of real machines', () => {
  it('without its image says how to build it', async () => {
    await expect(openMachines(await emptyFolder(), aModel([aHost('node1')], []), interfaces)).rejects.toThrow(/dom0-1.*pxen image build/s);
  });

  it('without its image proposes those that could be booted, and nothing that a build left half done', async () => {
    const root = await emptyFolder();
    for (const name of ['.dom0-1.part', 'half', 'lost+found']) await mkdir(path.join(root, 'images', name), { recursive: true });
    const opening = () => openMachines(root, aModel([aHost('node1')], []), interfaces);
    await expect(opening()).rejects.toThrow(/Build it: pxen image build --name dom0-1$/);
    await writeLabImage(path.join(root, 'images'));
    await expect(opening()).rejects.toThrow(/or set boot\.image in pxen\.yaml to one that is there: lab\.$/);
  });

  it('is served as whoever starts it says: behind nginx, with TFTP from one port, or neither', async () => {
    const root = await emptyFolder();
    await writeLabImage(path.join(root, 'images'));
    const model = aModel([aHost('node1')], []);
    const ofLab = { ...model, cluster: { ...model.cluster, boot: { ...model.cluster.boot, image: 'lab' } } };
    const served = async (how?: Parameters<typeof openMachines>[3]) => (await openMachines(root, ofLab, interfaces, how)).netboot;
    expect(await served({ httpUpstream: { address: '127.0.0.1', port: 8080 }, tftpSinglePort: true })).toMatchObject({ bindAddress: '10.77.0.1', ports: { http: 80 }, httpUpstream: { address: '127.0.0.1', port: 8080 }, tftpSinglePort: true });
    expect(await served()).toMatchObject({ tftpSinglePort: false });
    expect(await served()).not.toHaveProperty('httpUpstream');
  });
});
