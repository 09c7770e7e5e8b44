import { describe, expect, it } from 'vitest';
import { membersOf, parseBlockDevices, sameArrayUuid } from '../../src/backend/hosts/blockdevices';
import { listDomains, parseXlList } from '../../src/backend/hosts/domains';
import { parseXlInfo } from '../../src/backend/hosts/facts';
import { parseDetailExport, parseDetailScan } from '../../src/backend/hosts/mdadm';
import { parseMounts } from '../../src/backend/hosts/mounts';
import { parsePairs } from '../../src/backend/hosts/output';
import { parseOwnership, sortOutDisks } from '../../src/backend/hosts/records';

const MIB = 1024 * 1024;

describe('lsblk (util-linux 2.38 and 2.41)', () => {
  const printed = JSON.stringify({
    blockdevices: [
      { name: 'sda', path: '/dev/sda', pkname: null, type: 'disk', serial: ' S3Z8NB0K ', fstype: null, uuid: null },
      { name: 'sda1', path: '/dev/sda1', pkname: 'sda', type: 'part', serial: null, fstype: 'linux_raid_member', uuid: '3aaa0122-2982-7cfa-5331-ad66ca767371' },
      { name: 'nvme0n1', path: '/dev/nvme0n1', pkname: null, type: 'disk', serial: 'S3Z8NB0L', fstype: 'linux_raid_member', uuid: '3aaa0122-2982-7cfa-5331-ad66ca767371' },
      { name: 'vda', path: '/dev/vda', pkname: null, type: 'disk', serial: null, fstype: null, uuid: null },
      { name: 'md127', path: '/dev/md127', pkname: 'sda1', type: 'raid1', serial: null, fstype: 'ext4', uuid: '1d89d567-dec3-4002-b849-8940344653ee' },
    ],
  });

  it('gives a partition the serial number of its disk, without the blanks around it', () => {
    expect(parseBlockDevices(printed).map(({ path, serial }) => [path, serial])).toEqual([
      ['/dev/sda', 'S3Z8NB0K'],
      ['/dev/sda1', 'S3Z8NB0K'],
      ['/dev/nvme0n1', 'S3Z8NB0L'],
      ['/dev/vda', undefined],
      ['/dev/md127', undefined],
    ]);
  });

  it('finds the members of an array by its UUID, however mdadm or blkid writes it', () => {
    expect(membersOf(parseBlockDevices(printed), '3aaa0122:29827cfa:5331ad66:ca767371').map(({ path }) => path)).toEqual(['/dev/sda1', '/dev/nvme0n1']);
    expect(sameArrayUuid('3AAA0122:29827CFA:5331AD66:CA767371', '3aaa0122-2982-7cfa-5331-ad66ca767371')).toBe(true);
    expect(sameArrayUuid('3aaa0122:29827cfa:5331ad66:ca767371', '3aaa0122-2982-7cfa-5331-ad66ca767372')).toBe(false);
  });
});

describe('mdadm (4.2 and 4.4)', () => {
  it('lists arrays that run and arrays that wait, under whatever name', () => {
    const printed = [
      'ARRAY /dev/md/r0 metadata=1.2 name=node1:r0 UUID=3aaa0122:29827cfa:5331ad66:ca767371',
      'ARRAY /dev/md/imsm0 metadata=imsm UUID=99999999:29827cfa:5331ad66:ca767371',
      'INACTIVE-ARRAY /dev/md127 metadata=1.2 UUID=aaaa0122:29827cfa:5331ad66:ca767371',
      '',
    ].join('\n');
    expect(parseDetailScan(printed)).toEqual([
      { uuid: '3aaa0122:29827cfa:5331ad66:ca767371', device: '/dev/md/r0', active: true },
      { uuid: '99999999:29827cfa:5331ad66:ca767371', device: '/dev/md/imsm0', active: true },
      { uuid: 'aaaa0122:29827cfa:5331ad66:ca767371', device: '/dev/md127', active: false },
    ]);
  });

  it('finds nothing where nothing runs', () => {
    expect(parseDetailScan('')).toEqual([]);
  });

  it('reads level and members from --detail --export', () => {
    const printed = `MD_LEVEL=raid1
MD_DEVICES=2
MD_METADATA=1.2
MD_UUID=3aaa0122:29827cfa:5331ad66:ca767371
MD_DEVNAME=pxen-r0
MD_NAME=any:r0
MD_DEVICE_dev_sda_ROLE=0
MD_DEVICE_dev_sda_DEV=/dev/sda
MD_DEVICE_dev_sdb_ROLE=spare
MD_DEVICE_dev_sdb_DEV=/dev/sdb
`;
    expect(parseDetailExport(printed)).toEqual({ level: 'raid1', devices: 2, members: ['/dev/sda', '/dev/sdb'] });
  });
});

describe('findmnt and blkid (util-linux 2.38)', () => {
  it('reads mounts', () => {
    const printed = '{"filesystems": [{"target": "/", "source": "overlay", "fstype": "overlay"},{"target": "/srv/r0", "source": "/dev/md127", "fstype": "ext4"}]}';
    expect(parseMounts(printed)).toEqual([
      { target: '/', source: 'overlay', type: 'overlay' },
      { target: '/srv/r0', source: '/dev/md127', type: 'ext4' },
    ]);
  });

  it('reads pairs', () => {
    expect([...parsePairs('DEVNAME=/dev/md127\nUUID=1d89d567-dec3-4002-b849-8940344653ee\nTYPE=ext4\nUSAGE=filesystem\n')]).toEqual([
      ['DEVNAME', '/dev/md127'],
      ['UUID', '1d89d567-dec3-4002-b849-8940344653ee'],
      ['TYPE', 'ext4'],
      ['USAGE', 'filesystem'],
    ]);
  });
});

describe('xl (Xen 4.17 and 4.20)', () => {
  const HEAD = 'Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID                            Reason-Code\tSecurity Label';
  const row = (name: string, id: number, flags: string, uuid: string, reason = '       -') =>
    `${name.padEnd(40)} ${String(id).padStart(5)} ${'1024'.padStart(5)} ${'2'.padStart(5)}     ${flags}  ${'8.3'.padStart(8)} ${uuid} ${reason}                -`;
  const uuid = (digit: string) => `${digit.repeat(8)}-1111-4222-8333-444444444444`;

  it('lists every domain with its UUID and what it does', () => {
    const printed = [
      HEAD,
      row('Domain-0', 0, 'r-----', '00000000-0000-0000-0000-000000000000'),
      row('db1', 1, '-b----', uuid('1')),
      row('web1', 2, '------', uuid('2')),
      row('held', 3, '--p---', uuid('3')),
      row('ended', 4, '---s--', uuid('4'), '       0'),
      row('crashed', 5, '---sc-', uuid('5'), '       3'),
      row('rebooting', 6, '---sr-', uuid('6'), '       1'),
      row('leaving', 7, '---s-d', uuid('7'), '       0'),
      '',
    ].join('\n');
    expect(parseXlList(printed).domains.map(({ name, id, state }) => `${id} ${name} ${state}`)).toEqual([
      '0 Domain-0 running',
      '1 db1 running',
      '2 web1 running',
      '3 held paused',
      '4 ended shutdown',
      '5 crashed crashed',
      '6 rebooting shutdown',
      '7 leaving dying',
    ]);
    expect(parseXlList(printed).domains[1]).toEqual({ name: 'db1', uuid: uuid('1'), id: 1, memoryBytes: 1024 * MIB, vcpus: 2, state: 'running' });
  });

  it('keeps a domain without a name, and one whose name holds blanks and numbers', () => {
    const printed = [HEAD, row('(null)', 8, '-----d', uuid('8')), row('my vm 7 9', 9, '-b----', uuid('9')), row('', 10, '-b----', uuid('a'))].join('\n');
    expect(parseXlList(printed).domains.map(({ name, id }) => [name, id])).toEqual([
      ['(null)', 8],
      ['my vm 7 9', 9],
      ['', 10],
    ]);
  });

  const dom0 = row('Domain-0', 0, 'r-----', '00000000-0000-0000-0000-000000000000');
  it.each([
    ['a line that it does not know', [HEAD, dom0, 'db1   1  8192     4     -b----   1.0'], 'xl printed a line that isn’t understood: "db1   1  8192     4     -b----   1.0"'],
    ['a heading that it does not know', ['Name ID State UUID', dom0], 'xl printed a line that isn’t understood: "Name ID State UUID"'],
    ['nothing at all', [], 'xl doesn’t list Domain-0, so it doesn’t list everything'],
    ['domains without dom0', [HEAD, row('db1', 1, '-b----', uuid('1'))], 'xl doesn’t list Domain-0'],
  ])('does not take %s for a host on which nothing else runs', async (_what, lines, said) => {
    const shell = { host: 'node1', execute: () => Promise.resolve({ code: 0, stdout: `${lines.join('\n')}\n`, stderr: '' }) };
    await expect(listDomains(shell, new AbortController().signal)).rejects.toMatchObject({ kind: 'command', sentence: expect.stringContaining(said) as string });
  });

  it('reads xl info', () => {
    const printed = `host                   : node1
release                : 6.12.48+deb13-amd64
nr_cpus                : 8
total_memory           : 32667
free_memory            : 29312
xen_version            : 4.20.0
xen_caps               : xen-3.0-x86_64 hvm-3.0-x86_32
`;
    expect(parseXlInfo(printed)).toEqual({ xenVersion: '4.20.0', cpus: 8, memoryBytes: 32667 * MIB, freeMemoryBytes: 29312 * MIB });
  });
});

describe('records on an array', () => {
  it('tells a claimed array from a damaged claim', () => {
    expect(parseOwnership('{"driveId":"d","host":"node1","array":"r0"}\n')).toEqual({ kind: 'claimed', record: { driveId: 'd', host: 'node1', array: 'r0' } });
    for (const text of ['', '{"driveId":"d"', '[]', '{"driveId":1,"host":"h","array":"a"}']) expect(parseOwnership(text).kind).toBe('unreadable');
  });

  it('takes a record without its disk for no disk, and points out files that fit nothing', () => {
    const record = (vm: string, disk: string) => JSON.stringify({ vm, vmUuid: 'u', disk, generation: 1, sizeBytes: 5 });
    const folder = '/srv/r0/pxen/vms';
    const found = sortOutDisks(
      '/srv/r0',
      [
        { path: `${folder}/web1/root.json`, line: record('web1', 'root') },
        { path: `${folder}/db1/root.json`, line: record('db1', 'root') },
        { path: `${folder}/db1/data.json`, line: 'torn' },
        { path: `${folder}/db1/copy.json`, line: record('db1', 'root') },
        { path: `${folder}/new1/root.json`, line: record('new1', 'root') },
      ],
      [`${folder}/db1/root.raw`, `${folder}/web1/root.raw`, `${folder}/old1/root.raw`],
    );
    expect(found.records.map(({ vm, disk }) => `${vm}/${disk}`)).toEqual(['db1/root', 'web1/root']);
    expect(found.strange).toEqual([`${folder}/db1/copy.json`, `${folder}/db1/data.json`, `${folder}/old1/root.raw`]);
  });
});
