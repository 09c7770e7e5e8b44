import { describe, expect, it } from 'vitest';
import { connectHost } from '../../src/backend/hosts/connect';
import { FIRMWARES } from '../../src/lab/simulated/hardware';
import { wakes } from '../../src/lab/simulated/rack';
import { CALM, CLAIM } from '../hosts/dom0';
import { LAB_MODEL, startLab, type Lab } from './rack';

const kinds = (lab: Lab, host: string) =>
  lab.events.flatMap((event) => {
    if (event.host !== host) return [];
    if (event.kind === 'dhcp') return [`dhcp ${event.client}`];
    if (event.kind === 'bootloader') return [`bootloader ${event.file}`];
    return event.kind === 'image' ? [] : [event.kind];
  });

/** Without repetitions: firmware asks twice (discover and request). */
const steps = (lab: Lab, host: string) => kinds(lab, host).filter((kind, index, all) => kind !== all[index - 1]);

const control = async (lab: Lab, name: string) => {
  const host = LAB_MODEL.hosts.find((one) => one.name === name)!;
  return connectHost({ host, address: '127.0.0.1', port: lab.rack.addresses().sshPorts[name] ?? 0, hostKeys: await lab.hostKeys(name), privateKey: lab.privateKey }, CALM);
};

describe('a simulated machine and the real boot server', () => {
  it.each([
    ['bios', ['dhcp bios', 'bootloader undionly.kpxe', 'dhcp ipxe', 'script', 'hello']],
    ['uefi', ['dhcp uefi', 'bootloader snponly.efi', 'dhcp ipxe', 'script', 'hello']],
    ['bios-ipxe', ['dhcp ipxe', 'script', 'hello']],
    ['uefi-http', ['dhcp uefi', 'dhcp ipxe', 'script', 'hello']],
    ['bios-old-ipxe', ['dhcp ipxe', 'bootloader undionly.kpxe', 'dhcp ipxe', 'script', 'hello']],
  ] as const)('a machine with %s comes up over the network', async (firmware, expected) => {
    const lab = await startLab();
    const host = `node${FIRMWARES.indexOf(firmware) + 1}`;
    await lab.wake(host);
    await lab.until(host, ({ power }) => power === 'up');
    expect(steps(lab, host)).toEqual(expected);
    const ssh = await control(lab, host);
    expect(await ssh.facts(CALM)).toMatchObject({ xenVersion: '4.20.0', cpus: 8 });
    ssh.close();
  });

  it('boots beside another DHCP server, which PXEN only helps out with the boot file', async () => {
    const model = { ...LAB_MODEL, cluster: { ...LAB_MODEL.cluster, network: { ...LAB_MODEL.cluster.network, dhcp: 'proxy' as const } } };
    const lab = await startLab({ model });
    for (const host of ['node1', 'node2', 'node3', 'node4']) await lab.wake(host);
    for (const host of ['node1', 'node2', 'node3', 'node4']) await lab.until(host, ({ power }) => power === 'up');
  });

  it('boots where all of DHCP is left to another server', async () => {
    const model = { ...LAB_MODEL, cluster: { ...LAB_MODEL.cluster, network: { ...LAB_MODEL.cluster.network, dhcp: 'off' as const } } };
    const lab = await startLab({ model });
    for (const host of ['node1', 'node3']) await lab.wake(host);
    for (const host of ['node1', 'node3']) await lab.until(host, ({ power }) => power === 'up');
    expect(steps(lab, 'node3')).toEqual(['script', 'hello']);
  });

  it('waits for the boot server as a real one does, and comes up when it is there', async () => {
    const lab = await startLab({ serving: false });
    await lab.wake('node3');
    await lab.until('node3', ({ screen }) => screen.some((line) => line.includes('PXE-E51')));
    expect(lab.view('node3').power).toBe('booting');
    lab.serve();
    await lab.until('node3', ({ power }) => power === 'up');
  });

  it('notices a damaged root image and fetches it anew', async () => {
    const lab = await startLab({ faults: ['node1=damaged-download'] });
    await lab.wake('node1');
    const { screen } = await lab.until('node1', ({ power }) => power === 'up');
    expect(screen).toContain('pxen: root.squashfs arrived damaged; fetching it anew');
  });

  it('comes up though a fifth of its packets are lost', { timeout: 60_000 }, async () => {
    const lab = await startLab({ faults: ['node1=packet-loss:20%'] });
    await lab.wake('node1');
    await lab.until('node1', ({ power }) => power === 'up');
  });

  it('stays off when that is its fault', async () => {
    const lab = await startLab({ faults: ['node1=never-wakes'] });
    await lab.wake('node1');
    const { power } = await lab.until('node1', ({ screen }) => screen.length > 0);
    expect(power).toBe('off');
  });

  it.each(['dhcp', 'bootloader', 'kernel', 'root', 'hello', 'ssh'])('dies at %s once, and comes up at the next wake', async (state) => {
    const lab = await startLab({ faults: [`node1=dies-once-at:${state}`] });
    await lab.wake('node1');
    await lab.until('node1', ({ screen }) => screen.includes('power off'));
    expect(lab.view('node1').power).toBe('off');
    await lab.wake('node1');
    await lab.until('node1', ({ power }) => power === 'up');
    expect(lab.view('node1').boots).toBe(2);
  });

  it('keeps its disks over a power cut, and forgets everything else', async () => {
    const lab = await startLab();
    const { arrays } = LAB_MODEL.hosts[2]!;
    const record = { vm: 'db1', vmUuid: '11111111-1111-4222-8333-444444444444', disk: 'root', generation: 1, sizeBytes: 4096 };
    await lab.wake('node3');
    await lab.until('node3', ({ power }) => power === 'up');
    const before = await control(lab, 'node3');
    await before.bringUpArrays(arrays, CLAIM, CALM);
    await before.createDisk({ mount: '/srv/r0', record }, () => undefined, CALM);
    await before.startVm({ name: 'db1', uuid: record.vmUuid, vcpus: 1, memoryBytes: 1 << 30, disks: [{ mount: '/srv/r0', record }], nics: [], boot: { type: 'pv', bootloader: 'pygrub' } }, CALM);
    const { bootId } = await before.facts(CALM);
    expect(lab.view('node3').domains).toEqual([{ name: 'db1', uuid: record.vmUuid }]);

    lab.rack.cutPower('node3');
    await before.closed;
    await lab.wake('node3');
    await lab.until('node3', ({ power, boots }) => power === 'up' && boots === 2);
    const after = await control(lab, 'node3');
    expect((await after.facts(CALM)).bootId).not.toBe(bootId);
    expect(await after.listDomains(CALM)).toEqual([]);
    expect((await after.bringUpArrays(arrays, CLAIM, CALM)).map(({ disks }) => disks)).toEqual([[record]]);
    await after.powerOff(CALM);
    expect(lab.view('node3').power).toBe('off');
  });

  it('dies while its arrays are assembled, which its ssh session shows', async () => {
    const lab = await startLab({ faults: ['node3=dies-at:arrays'] });
    await lab.wake('node3');
    await lab.until('node3', ({ power }) => power === 'up');
    const ssh = await control(lab, 'node3');
    await expect(ssh.bringUpArrays(LAB_MODEL.hosts[2]!.arrays, CLAIM, CALM)).rejects.toMatchObject({ kind: 'lost' });
    await ssh.closed;
  });
});

describe('a network card', () => {
  const mac = '52:54:00:aa:00:01';
  const magic = Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => Buffer.from('525400aa0001', 'hex'))]);

  it('wakes by its own address only, anywhere in a packet', () => {
    expect(wakes(magic, mac)).toBe(true);
    expect(wakes(Buffer.concat([Buffer.from('before'), magic, Buffer.from('after')]), mac)).toBe(true);
    expect(wakes(magic, '52:54:00:aa:00:02')).toBe(false);
    expect(wakes(magic.subarray(0, 100), mac)).toBe(false);
  });

  it('asks for its password when it has one', () => {
    expect(wakes(magic, mac, '01:02:03:04:05:06')).toBe(false);
    expect(wakes(Buffer.concat([magic, Buffer.of(1, 2, 3, 4, 5, 6)]), mac, '01:02:03:04:05:06')).toBe(true);
  });
});
