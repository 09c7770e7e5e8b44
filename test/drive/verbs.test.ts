import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { newDriveFiles } from '../../src/backend/drive/newDrive';
import { readDrive } from '../../src/backend/drive/read';
import { runAnswer } from '../../src/backend/verbs/answer';
import { runBoot } from '../../src/backend/verbs/boot';
import { runDown } from '../../src/backend/verbs/down';
import { runDriveNew } from '../../src/backend/verbs/drive-new';
import type { VerbIo } from '../../src/backend/verbs/io';
import { runPlan } from '../../src/backend/verbs/plan';
import { runServe } from '../../src/backend/verbs/serve';
import { runStatus } from '../../src/backend/verbs/status';
import { runValidate } from '../../src/backend/verbs/validate';
import { asOrdinaryUser, temporaryFolder } from './folder';

function captured() {
  const written = { out: '', err: '' };
  const io: VerbIo = {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    interactive: false,
    env: {},
    signal: new AbortController().signal,
  };
  return { io, written };
}

const CLUSTER = 'kind: Cluster\nname: c\nnetwork: {subnet: 10.77.0.0/24, server: 10.77.0.1}\n';

describe('pxen validate', () => {
  test('A clean drive: nothing on standard output, exit 0', async () => {
    const { io, written } = captured();
    expect(await runValidate({ drive: temporaryFolder({ 'pxen.yaml': CLUSTER }), json: false }, io)).toBe(0);
    expect(written).toEqual({ out: '', err: 'No problems. 0 hosts, 0 VMs.\n' });
  });

  test('Problems, one a line as editors link them, exit 1', async () => {
    const { io, written } = captured();
    const drive = temporaryFolder({ 'pxen.yaml': `${CLUSTER}boot: {attempts: 0, timeout: 5}\n`, 'vms/a.vm.yaml': '' });
    expect(await runValidate({ drive, json: false }, io)).toBe(1);
    expect(written.out).toBe(
      [
        'pxen.yaml:4:18: error number-range "attempts" can\'t be 0. Write a number that is at least 1.',
        'pxen.yaml:4:30: error unit-missing "timeout" needs a unit: 5 of what? Write 5s or 5m.',
        'vms/a.vm.yaml:1:1: warning file-empty This file holds no spec. Write one, or delete the file.',
        '',
      ].join('\n'),
    );
    expect(written.err).toBe('2 errors, 1 warning.\n');
  });

  test('--json prints the contract\'s one document', async () => {
    const { io, written } = captured();
    const drive = temporaryFolder({ 'pxen.yaml': `${CLUSTER}colour: red\n` });
    expect(await runValidate({ drive, json: true }, io)).toBe(1);
    expect(JSON.parse(written.out)).toEqual({
      problems: [{ file: 'pxen.yaml', line: 4, column: 1, endLine: 4, endColumn: 7, severity: 'error', code: 'key-unknown', message: 'There is no key "colour" here. Possible are kind, name, network, boot, placement and storage.' }],
    });
    expect(written.err).toBe('');
  });

  test.each(['nowhere', 'pxen.yaml'])('%s is no drive, exit 2', async (name) => {
    const { io, written } = captured();
    expect(await runValidate({ drive: path.join(temporaryFolder({ 'pxen.yaml': CLUSTER }), name), json: false }, io)).toBe(2);
    expect(written.out).toBe('');
    expect(written.err).toMatch(/Name (the drive's|an existing) folder\.\n$/);
  });
});

describe('pxen drive new', () => {
  test('Makes a drive that validates clean, named after its folder', async () => {
    const { io } = captured();
    const folder = path.join(temporaryFolder(), 'My Lab');
    expect(await runDriveNew({ folder, json: false }, io)).toBe(0);
    expect(readFileSync(path.join(folder, 'pxen.yaml'), 'utf8')).toContain('name: my-lab\n');
    const checked = captured();
    expect(await runValidate({ drive: folder, json: false }, checked.io)).toBe(0);
    expect(checked.written.err).toBe('No problems. 1 host, 1 VM.\n');
  });

  test.each([
    ['an image is built for machines', (folder: string) => [path.join(folder, 'images', 'dom0-1', 'manifest.json'), '{}']],
    ['one value was replaced', (folder: string) => [path.join(folder, 'hosts', 'node1.host.yaml'), newDriveFiles('c').get('hosts/node1.host.yaml')!.replace('SERIAL-OF-DISK-1', 'S3Z8NB0K')]],
  ] as const)('Once %s, what else is to be replaced is told', async (_when, change) => {
    const { io } = captured();
    const folder = temporaryFolder();
    await runDriveNew({ folder, json: false }, io);
    const [file = '', text = ''] = change(folder);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    const checked = captured();
    expect(await runValidate({ drive: folder, json: false }, checked.io)).toBe(1);
    for (const word of ['00:00:5e:00:53:01', '01234567:89abcdef:01234567:00000001', 'SERIAL-OF-DISK-2']) expect(checked.written.out).toContain(`warning placeholder-left ${word} stands here to be replaced`);
  });

  test('Refuses a folder that holds anything, and leaves it as it was', async () => {
    const { io, written } = captured();
    const folder = temporaryFolder({ 'letter.txt': 'dear' });
    expect(await runDriveNew({ folder, json: false }, io)).toBe(2);
    expect(readdirSync(folder)).toEqual(['letter.txt']);
    expect(written.err).toContain("isn't empty (it holds letter.txt)");
  });

  test('A new git checkout counts as empty', async () => {
    const { io, written } = captured();
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, '.git'));
    expect(await runDriveNew({ folder, json: true }, io)).toBe(0);
    expect(JSON.parse(written.out)).toEqual({ folder, files: ['pxen.yaml', 'hosts/node1.host.yaml', 'vms/web1.vm.yaml', '.gitignore', 'README.md'] });
  });

  test('Its commented-out lines are right as well', () => {
    const files = [...newDriveFiles('c')].filter(([file]) => file.endsWith('.yaml'));
    const uncommented = new Map(files.map(([file, text]) => [file, text.replace(/^( *)# (interface|gateway):/gm, '$1$2:').replace(/^# (placement:| {2}(?:on|apart|together):)/gm, '$1').replace(/apart: \[web2\].*|together: \[cache1\].*/g, (list) => `${list.split(':')[0] ?? ''}: []`)]));
    expect(uncommented.get('vms/web1.vm.yaml')).toContain('\nplacement:\n  on: [rack=a]');
    expect(readDrive(uncommented).problems).toEqual([]);
  });
});

test("A drive that another user keeps to himself isn't said to lack anything", async () => {
  const { io, written } = captured();
  const drive = temporaryFolder({ 'pxen.yaml': CLUSTER });
  chmodSync(drive, 0);
  const code = await asOrdinaryUser(() => runValidate({ drive, json: false }, io));
  chmodSync(drive, 0o700);
  expect(code).toBe(2);
  expect(written.err).toMatch(/^The drive \S+ can't be opened \(EACCES.*\)\. Run pxen as the user whom it belongs to, or give it to this one \(chown\)\.\n$/);
});

describe('A drive that is not there', () => {
  const wrong = { 'a typing error': 'nowhere', 'a file': 'pxen.yaml' };
  const words = { 'a typing error': /^The drive \S+nowhere can't be opened \(ENOENT.*\)\. Name an existing folder\.\n$/, 'a file': /^\S+pxen\.yaml isn't a folder\. Name the drive's folder\.\n$/ };
  const whatIf = { without: [], more: [] };
  const verbs: Readonly<Record<string, (drive: string, io: VerbIo) => Promise<number>>> = {
    plan: (drive, io) => runPlan({ drive, json: false, prove: false, whatIf }, io),
    answer: (drive, io) => runAnswer({ mac: '52:54:00:aa:00:01', drive, arch: 'bios', ipxe: false, json: false }, io),
    status: (drive, io) => runStatus({ drive, json: false }, io),
    down: (drive, io) => runDown({ drive, force: false, json: false }, io),
    boot: (drive, io) => runBoot({ drive, stay: false, despiteOtherDhcp: false, tftpSinglePort: false, json: false }, io),
    serve: (drive, io) => runServe({ drive, despiteOtherDhcp: false, tftpSinglePort: false, printNginxConfig: false, json: false }, io),
  };

  test.each(Object.keys(verbs).flatMap((verb) => (['a typing error', 'a file'] as const).map((what) => [verb, what] as const)))('pxen %s: %s is told as such, and nothing is made', async (verb, what) => {
    const { io, written } = captured();
    const folder = temporaryFolder({ 'pxen.yaml': CLUSTER });
    expect(await verbs[verb]?.(path.join(folder, wrong[what]), io)).toBe(2);
    expect(written.out).toBe('');
    expect(written.err).toMatch(words[what]);
    expect(readdirSync(folder)).toEqual(['pxen.yaml']);
  });
});
