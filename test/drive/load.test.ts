import { chmodSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDrive } from '../../src/backend/drive/load';
import { formatProblems } from './golden';
import { asOrdinaryUser, temporaryFolder } from './folder';

const CLUSTER = 'kind: Cluster\nname: c\nnetwork: {subnet: 10.77.0.0/24, server: 10.77.0.1}\n';
const HOSTS = { 'hosts/h.host.yaml': 'kind: Host\nname: h\nmacs: [52:54:00:00:00:01]\naddress: 10.77.0.11\ncpus: 8\nmemory: 32GiB\n' };
const vm = (name: string) => `kind: VM\nname: ${name}\nvcpus: 1\nmemory: 1GiB\nboot: {type: pv, kernel: disks/vmlinuz}\n`;

async function problemsIn(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  return formatProblems((await loadDrive(temporaryFolder({ ...HOSTS, 'pxen.yaml': CLUSTER, ...files }))).problems);
}

describe('Reading a drive from its folder', () => {
  test("Files that can't be text are told of, and the others are read", async () => {
    const root = temporaryFolder({
      ...HOSTS,
      'pxen.yaml': CLUSTER,
      'vms/good.vm.yaml': vm('good'),
      'vms/latin.vm.yaml': Buffer.from('# gr\u00fc\u00df dich\n', 'latin1'),
      'vms/utf16.vm.yaml': Buffer.from('\uFEFFkind: VM\n', 'utf16le'),
      'vms/huge.vm.yaml': Buffer.alloc(1024 * 1024 + 1, 0x20),
    });
    symlinkSync('nowhere', path.join(root, 'vms/gone.vm.yaml'));
    const { problems, model, specTexts } = await loadDrive(root);
    expect(model).toBeUndefined();
    expect([...specTexts.keys()]).toEqual(['host/h', 'cluster', 'vm/good']);
    expect(formatProblems(problems).replace(/ENOENT.*(?=\))/, 'ENOENT')).toMatchInlineSnapshot(`
      "vms/gone.vm.yaml:1:1-1 error file-unreadable This file can't be read (ENOENT). Check the drive and the file's permissions.
      vms/huge.vm.yaml:1:1-1 error file-too-large This file is larger than 1024 KiB, which no spec is; it isn't read. Move it elsewhere, or split it.
      vms/latin.vm.yaml:1:1-1 error file-encoding This file isn't UTF-8 text (it may be in Latin-1 or not text at all). Save it as UTF-8.
      vms/utf16.vm.yaml:1:1-1 error file-encoding This file isn't UTF-8 text (it begins like UTF-16, as Windows editors write it). Save it as UTF-8.
      "
    `);
  });

  test('A UTF-8 byte order mark and Windows line ends do no harm', async () => {
    const text = `\uFEFF${vm('a').replaceAll('\n', '\r\n')}colour: red\r\n`;
    expect(await problemsIn({ 'vms/a.vm.yaml': text })).toBe(
      'vms/a.vm.yaml:6:1-7 error key-unknown There is no key "colour" here. Possible are kind, name, uuid, vcpus, memory, priority, disks, nics, architecture, cpuFeatures, devices, boot, placement and start.\n',
    );
  });

  test('Files whose names keep them from being read are told of; those of other systems are not', async () => {
    expect(
      await problemsIn({ 'vms/a.yaml': vm('a'), 'hosts/b.yml': '', 'c.vm.yaml': vm('c'), 'vms/._d.vm.yaml': '\0', 'vms/.pxen-tmp-e.vm.yaml-12': '', 'vms/notes.txt': 'x', 'docker-compose.yaml': 'x' }),
    ).toMatchInlineSnapshot(`
      "c.vm.yaml:1:1-1 warning file-name PXEN doesn't read this file because of its name. If it is a spec, name it vms/c.vm.yaml; otherwise move it elsewhere.
      hosts/b.yml:1:1-1 warning file-name PXEN doesn't read this file because of its name. If it is a spec, name it hosts/b.host.yaml; otherwise move it elsewhere.
      vms/a.yaml:1:1-1 warning file-name PXEN doesn't read this file because of its name. If it is a spec, name it vms/a.vm.yaml; otherwise move it elsewhere.
      "
    `);
  });

  test('Specs in folders below those that are read are told of, with a free name for each', async () => {
    expect(
      await problemsIn({ 'vms/web/a.vm.yaml': vm('a'), 'vms/db/a.vm.yaml': vm('b'), 'vms/db/c/d.vm.yml': '', 'vms/web/user-data.yaml': 'a guest’s', 'hosts/rack-b/n.host.yaml': '', 'hosts/e.vm.yaml': vm('e'), 'vms/old/README.md': 'x', 'vms/old/.git/f.vm.yaml': '', 'vms/.idea/g.vm.yaml': '' }),
    ).toMatchInlineSnapshot(`
      "hosts/e.vm.yaml:1:1-1 warning file-name PXEN doesn't read this file because of its name. If it is a spec, name it vms/e.vm.yaml; otherwise move it elsewhere.
      hosts/rack-b/n.host.yaml:1:1-1 warning file-name PXEN doesn't read this file because of the folder it lies in. If it is a spec, name it hosts/n.host.yaml; otherwise move it elsewhere.
      vms/db/a.vm.yaml:1:1-1 warning file-name PXEN doesn't read this file because of the folder it lies in. If it is a spec, name it vms/a.vm.yaml; otherwise move it elsewhere.
      vms/db/c/d.vm.yml:1:1-1 warning file-name PXEN doesn't read this file because of the folder it lies in. If it is a spec, name it vms/d.vm.yaml; otherwise move it elsewhere.
      vms/web/a.vm.yaml:1:1-1 warning file-name PXEN doesn't read this file because of the folder it lies in. If it is a spec, name it vms/web-a.vm.yaml; otherwise move it elsewhere.
      "
    `);
  });

  test('A name that Windows has hidden the end of is told of; copies that editors keep are not', async () => {
    expect(await problemsIn({ 'vms/a.vm.yaml.txt': vm('a'), 'b.host.yaml.txt': '', 'vms/c.vm.yaml~': '', 'vms/d.vm.yaml.bak': '', 'vms/.e.vm.yaml.swp': '', 'vms/#f.vm.yaml#': '', 'hosts/g.vm.yaml.orig': '' })).toMatchInlineSnapshot(`
      "b.host.yaml.txt:1:1-1 warning file-name PXEN doesn't read this file because of its name. If it is a spec, name it hosts/b.host.yaml; otherwise move it elsewhere.
      vms/a.vm.yaml.txt:1:1-1 warning file-name PXEN doesn't read this file because of its name. If it is a spec, name it vms/a.vm.yaml; otherwise move it elsewhere.
      "
    `);
    expect(formatProblems((await loadDrive(temporaryFolder({ ...HOSTS, 'pxen.yaml.txt': CLUSTER }))).problems)).toMatchInlineSnapshot(`
      "pxen.yaml.txt:1:1-1 error file-name PXEN doesn't read this file because of its name. If it is a spec, name it pxen.yaml; otherwise move it elsewhere.
      "
    `);
  });

  test("Two names that a FAT drive can't tell apart", async () => {
    expect(await problemsIn({ 'vms/a.vm.yaml': vm('a'), 'vms/A.vm.yaml': vm('b') })).toMatchInlineSnapshot(`
      "vms/A.vm.yaml:1:1-1 error file-case This file's name differs from vms/a.vm.yaml only in upper and lower case: a FAT drive can't hold both. Rename one.
      vms/a.vm.yaml:1:1-1 error file-case This file's name differs from vms/A.vm.yaml only in upper and lower case: a FAT drive can't hold both. Rename one.
      "
    `);
  });

  test('Names in capitals, as FAT drives may show them, are read', async () => {
    const { problems, model } = await loadDrive(temporaryFolder({ ...HOSTS, 'PXEN.YAML': CLUSTER, 'vms/A.VM.YAML': vm('a') }));
    expect(problems).toEqual([]);
    expect(model?.vms.map(({ name }) => name)).toEqual(['a']);
  });

  test('Disk files are looked for once there is a disks folder, images once one was built', async () => {
    expect(await problemsIn({ 'vms/a.vm.yaml': vm('a') })).toBe('');
    expect(await problemsIn({ 'vms/a.vm.yaml': vm('a'), 'images/half-built/xen': '' })).toBe('');
    expect(await problemsIn({ 'vms/a.vm.yaml': vm('a'), 'disks/sub/x.raw': '', 'images/dom0-2/manifest.json': '{}' })).toMatchInlineSnapshot(`
      "pxen.yaml:1:1-14 warning image-missing There is no boot image "dom0-1" under images/ (there: dom0-2). Did you mean dom0-2? Build it with "pxen image build", or name one that exists.
      vms/a.vm.yaml:5:26-39 warning disk-file-missing There is no file disks/vmlinuz on this drive. Put it there or correct the path.
      "
    `);
    expect(await problemsIn({ 'vms/a.vm.yaml': vm('a'), 'disks/vmlinuz': '', 'images/dom0-1/manifest.json': '{}' })).toBe('');
  });

  test('A pxen.yml is told of once: as the misnamed file that it is, not as a missing one too', async () => {
    const { problems, model } = await loadDrive(temporaryFolder({ ...HOSTS, 'pxen.yml': CLUSTER, 'vms/a.vm.yaml': vm('a') }));
    expect(model).toBeUndefined();
    expect(formatProblems(problems)).toBe("pxen.yml:1:1-1 error file-name PXEN doesn't read this file because of its name. If it is a spec, name it pxen.yaml; otherwise move it elsewhere.\n");
  });

  test('An empty folder is no drive', async () => {
    expect(formatProblems((await loadDrive(temporaryFolder())).problems)).toContain('pxen.yaml:1:1-1 error cluster-missing');
  });

  test("A folder that mayn't be read is told of", async () => {
    const root = temporaryFolder({ 'pxen.yaml': CLUSTER, 'vms/a.vm.yaml': vm('a') });
    chmodSync(root, 0o755);
    chmodSync(path.join(root, 'vms'), 0);
    const { problems } = await asOrdinaryUser(() => loadDrive(root));
    expect(formatProblems(problems)).toContain('vms:1:1-1 error file-unreadable');
    chmodSync(path.join(root, 'vms'), 0o700);

    chmodSync(root, 0);
    const codes = (await asOrdinaryUser(() => loadDrive(root))).problems.map(({ code }) => code);
    chmodSync(root, 0o700);
    // Whether it has a Cluster document nobody knows.
    expect(new Set(codes)).toEqual(new Set(['file-unreadable']));
  });
});
