import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newDriveFiles } from '../../src/backend/drive/newDrive';
import type { UnknownMachine } from '../../src/protocol';
import { bootChoices, goldenImages, hostProposal, hostTrouble, newHost, newVm, strangers, vmProposal, vmTrouble, type NewSpec } from '../../src/editor/features/newSpecs';
import { EditorDrive } from '../../src/editor/features/editorDrive';
import { aroundDrive } from './cursor';

const drive = aroundDrive({ diskFiles: ['disks/debian-13.raw', 'disks/initrd-debian-13', 'disks/vmlinuz-debian-13', 'disks/vmlinuz-other', 'disks/windows.qcow2'] });
const HOST = { ...hostProposal(drive), macs: ['52:54:00:00:00:03'] };
const { size, ...VM } = vmProposal(drive);

/** The problems that a new spec brings along, without those of what is to be filled in. */
function problemsWith({ file, text }: NewSpec, on: EditorDrive = drive) {
  expect(on.files.has(file)).toBe(false);
  return on
    .with(file, text)
    .checked.problems.filter(({ code }) => code !== 'placeholder-left')
    .map(({ code, message }) => `${code}: ${message}`);
}

const SPECS: Readonly<Record<string, NewSpec>> = {
  'a host with an array': newHost(drive, { ...HOST, array: true }),
  'a host without arrays, two cards, little memory': newHost(drive, { name: '123', macs: ['52:54:00:00:00:03', '52-54-00-00-00-04'], address: '10.77.0.99', cpus: '2', memory: '2GiB', array: false }),
  'a VM from a golden image': newVm({ ...VM, disk: { size, source: 'disks/debian-13.raw' }, boot: 'pygrub' }),
  'a VM with a blank disk': newVm({ ...VM, disk: { size }, boot: 'hvm' }),
  'a VM without disks, with a kernel of the drive': newVm({ ...VM, boot: bootChoices(drive)[0]! }),
};

const golden = path.join(import.meta.dirname, 'newSpecs.txt');
const shown = Object.entries(SPECS)
  .map(([title, { file, text, next }]) => `=== ${title}: ${file}\n${text.slice(0, next.start)}«${text.slice(next.start, next.end)}»${text.slice(next.end)}`)
  .join('\n');

test('The documents are as they were, with what is to be filled in next', () => {
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(golden, shown);
  expect(shown).toBe(readFileSync(golden, 'utf8'));
});

for (const [title, spec] of Object.entries(SPECS)) {
  test(`${title} is added without a problem`, () => {
    expect(problemsWith(spec)).toEqual([]);
  });
}

test("An array of a host that is added is to be filled in, and doesn't clash with one that still is", () => {
  const first = newHost(drive, { ...HOST, array: true });
  const on = drive.with(first.file, first.text);
  const second = newHost(on, { ...HOST, name: 'node4', macs: ['52:54:00:00:00:04'], address: '10.77.0.14', array: true });
  const { problems } = on.with(second.file, second.text).checked;
  expect(problems.map(({ code, file, message }) => `${file} ${code} ${message.split(' ', 1).join('')}`)).toEqual(
    ['3', '4'].flatMap((node, index) => [`01234567:89abcdef:01234567:0000000${index + 1}`, `SERIAL-OF-DISK-${index * 2 + 1}`, `SERIAL-OF-DISK-${index * 2 + 2}`].map((left) => `hosts/node${node}.host.yaml placeholder-left ${left}`)),
  );
});

test('Whatever the answers that are let through, the document has no errors', () => {
  const answer = fc.oneof({ arbitrary: fc.constantFrom('a', 'node1', '1e5', 'null', '0x1f', '8', '0', '007', '1.5', '8GiB', '8 GiB', '900MB', '1B', '10.77.0.13', '10.77.0.255', '10.1.1.1', '52:54:00:00:00:09', '52:54:00:00:00:01', '52-54-00-00-00-AA, 52:54:00:00:00:0b', 'disks/x.raw', 'https://example.org/a b', 'yes'), weight: 4 }, fc.string({ maxLength: 12 }));
  fc.assert(
    fc.property(fc.record({ name: answer, macs: answer, address: answer, cpus: answer, memory: answer }), fc.boolean(), (answers, array) => {
      const good = { ...HOST, array };
      const taken = { ...good };
      for (const question of ['name', 'address', 'cpus', 'memory'] as const) if (hostTrouble(drive, question, answers[question]) === undefined) taken[question] = answers[question].trim();
      if (hostTrouble(drive, 'macs', answers.macs) === undefined) taken.macs = answers.macs.split(/[\s,]+/).filter((mac) => mac !== '');
      expect(problemsWith(newHost(drive, taken))).toEqual([]);
    }),
  );
  fc.assert(
    fc.property(fc.record({ name: answer, vcpus: answer, memory: answer, size: answer, source: answer }), (answers) => {
      const let_ = (question: keyof typeof answers, otherwise: string) => (vmTrouble(drive, question, answers[question]) === undefined ? answers[question].trim() : otherwise);
      const spec = newVm({ name: let_('name', VM.name), vcpus: let_('vcpus', '1'), memory: let_('memory', '1GiB'), disk: { size: let_('size', '1GiB'), source: let_('source', 'disks/debian-13.raw') }, boot: 'hvm' });
      expect(problemsWith(spec).filter((problem) => !/^(?:vm-too-large|disk-file-missing)/.test(problem))).toEqual([]);
    }),
  );
});

describe('What is wrong with an answer is said while it is typed', () => {
  test.each([
    ['name', 'node1', 'There is another host "node1" at hosts/nodes.host.yaml:2. Rename one of them.'],
    ['name', 'Node 3', '"name" can\'t be "Node 3". Write a DNS label'],
    ['macs', '52-54-00-00-00-01', '52:54:00:00:00:01 is also a MAC address of host node1'],
    ['macs', '52:54:00', '"macs" can\'t be "52:54:00". Write a MAC address of one machine'],
    ['macs', '53:54:00:00:00:01', 'odd one means multicast'],
    ['address', '10.77.0.1', '10.77.0.1 is also the address of the boot server'],
    ['address', '10.78.0.9', '10.78.0.9 lies outside the subnet 10.77.0.0/24'],
    ['cpus', '0', '"cpus" can\'t be 0.'],
    ['cpus', 'eight', '"cpus" must be a whole number'],
    ['memory', '32', '"memory" needs a unit'],
  ] as const)('%s: %s', (question, answer, words) => {
    expect(hostTrouble(drive, question, answer)).toContain(words);
  });

  test.each([
    ['name', 'dns1', 'There is another VM "dns1"'],
    ['vcpus', '513', '"vcpus" can\'t be 513.'],
    ['memory', '0GiB', '"memory" can\'t be zero'],
    ['size', '20', '"size" needs a unit'],
    ['source', '../x.raw', '"source" can\'t be "../x.raw"'],
  ] as const)('%s: %s', (question, answer, words) => {
    expect(vmTrouble(drive, question, answer)).toContain(words);
  });

  test('a file of that name is never written over', () => {
    expect(hostTrouble(drive, 'name', 'nodes')).toBe('There is a file hosts/nodes.host.yaml already. Choose another name for this host.');
    expect(vmTrouble(drive, 'name', 'dns')).toBe('There is a file vms/dns.vm.yaml already. Choose another name for this VM.');
  });

  test('what is proposed is right', () => {
    for (const question of ['name', 'address', 'cpus', 'memory'] as const) expect(hostTrouble(drive, question, HOST[question])).toBeUndefined();
    for (const question of ['name', 'vcpus', 'memory'] as const) expect(vmTrouble(drive, question, VM[question])).toBeUndefined();
    expect(vmTrouble(drive, 'size', size)).toBeUndefined();
    expect(HOST).toMatchObject({ name: 'node3', address: '10.77.0.13', cpus: '4', memory: '16GiB' });
  });
});

test('An address is proposed beside those that are lent to strangers', () => {
  const lending = drive.with('pxen.yaml', 'kind: Cluster\nname: lab\nnetwork: {subnet: 10.77.0.0/24, server: 10.77.0.1, range: {from: 10.77.0.13, to: 10.77.0.40}}\n');
  expect(hostProposal(lending).address).toBe('10.77.0.41');
});

test('Machines that asked and are not on the drive are offered, those that want to boot first', () => {
  const heard = (mac: string, wants: 'boot' | 'address'): UnknownMachine => ({ mac, wants, firstSeen: '2026-01-01T00:00:00Z', lastSeen: '2026-01-01T00:00:00Z', count: 1 });
  expect(strangers(drive, [heard('52:54:00:00:00:08', 'address'), heard('52:54:00:00:00:01', 'boot'), heard('52:54:00:00:00:09', 'boot')]).map(({ mac }) => mac)).toEqual(['52:54:00:00:00:09', '52:54:00:00:00:08']);
});

test('Golden images and kernels are told apart', () => {
  expect(goldenImages(drive)).toEqual(['disks/debian-13.raw', 'disks/windows.qcow2']);
  expect(bootChoices(drive)).toEqual([{ type: 'pv', kernel: 'disks/vmlinuz-debian-13', ramdisk: 'disks/initrd-debian-13' }, { type: 'pv', kernel: 'disks/vmlinuz-other' }]);
});

test('A new drive validates, whatever its name, and still does with a host and a VM added', () => {
  for (const name of ['lab', '123', 'null', 'a-b']) {
    const fresh = EditorDrive.of(new Map([...newDriveFiles(name)].filter(([file]) => file.endsWith('.yaml'))));
    expect(fresh.checked.problems).toEqual([]);
    expect(problemsWith(newHost(fresh, { ...hostProposal(fresh), macs: ['52:54:00:00:00:03'], array: true }), fresh)).toEqual([]);
    expect(problemsWith(newVm({ ...vmProposal(fresh), boot: 'pygrub' }), fresh)).toEqual([]);
  }
});

test('The comments of a new pxen.yaml name every optional key of the network, and what they show validates', () => {
  const text = newDriveFiles('lab').get('pxen.yaml') ?? '';
  const keys = Object.keys((JSON.parse(readFileSync(path.join(import.meta.dirname, '../../schemas/cluster.schema.json'), 'utf8')) as { $defs: { network: { properties: object } } }).$defs.network.properties);
  for (const key of [...keys.filter((key) => key !== 'domain' && key !== 'unknown'), 'cpuOvercommit', 'survive', 'goal', 'timeout', 'attempts', 'wakeAtOnce', 'wakePause']) expect(text).toMatch(new RegExp(`^ *(?:# )?${key}: `, 'm'));
  const uncommented = text.replace(/^( *)# (?=(?:[a-z]+| {2}- \{[^}]*\}): ?|storage:| {2}- )/gm, '$1');
  expect(EditorDrive.of(new Map([...newDriveFiles('lab')].filter(([file]) => file.endsWith('.yaml'))).set('pxen.yaml', uncommented)).checked.problems).toEqual([]);
});
