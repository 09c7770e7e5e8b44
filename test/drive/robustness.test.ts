import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readDrive } from '../../src/backend/drive/read';
import { readSpecFile } from '../../src/backend/drive/specFile';

const HOMELAB = path.join(import.meta.dirname, '../../examples/homelab');

/** The example drive's specs, as they are on disk. */
function homelab(): ReadonlyMap<string, string> {
  const inFolder = (folder: string) => readdirSync(path.join(HOMELAB, folder)).filter((name) => name.endsWith('.yaml')).map((name) => path.posix.join(folder, name));
  return new Map([...inFolder('.'), ...inFolder('hosts'), ...inFolder('vms')].map((file) => [file, readFileSync(path.join(HOMELAB, file), 'utf8')]));
}

/** Reads a drive and holds every problem to its file's bounds; throws when reading does. */
function readWithin(files: ReadonlyMap<string, string>) {
  const read = readDrive(files, { images: ['x'], diskFiles: [], driveId: '8f0e8a52-6c1d-4a6b-9f0b-3f4c0d2e7a11' });
  for (const problem of read.problems) {
    const lines = (files.get(problem.file) ?? '').split(/\r\n|\r|\n/);
    const { line, column, endLine, endColumn } = problem;
    expect(line).toBeGreaterThanOrEqual(1);
    expect(endLine).toBeLessThanOrEqual(lines.length);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
    expect(endColumn).toBeLessThanOrEqual((lines[endLine - 1] ?? '').length + 1);
    expect(endLine > line || endColumn >= column).toBe(true);
    expect(problem.message).toMatch(/[.?]$/);
    expect(problem.message).not.toMatch(/undefined|\[object/);
  }
  expect(new Set(read.problems.map((problem) => JSON.stringify(problem))).size).toBe(read.problems.length);
  return read;
}

describe('Whatever the files hold', () => {
  const specs = homelab();
  const file = fc.constantFrom(...specs.keys());
  const scraps = fc.constantFrom('\t', '---\n', '...\n', '[', '}', ': ', '- ', '"', "'", '|\n', '>-\n', '&a ', '*a', '<<: ', '!!str ', '%YAML 1.1\n', '\0', '\r', '\uFEFF', '\uD800', '#', '? ', '__proto__: 1\n', 'kind: VM\n', '0x', '.nan', 'null', '~', '\u2028');

  test('Cuts, insertions and swaps in good specs never throw, and each problem lies within its file', () => {
    const edit = fc.record({ file, at: fc.nat(3000), remove: fc.nat(40), insert: fc.oneof(scraps, fc.string({ maxLength: 12, unit: 'binary' }), fc.constant('')) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const files = new Map(specs);
        for (const { file: edited, at, remove, insert } of edits) {
          const text = files.get(edited) ?? '';
          const start = at % (text.length + 1);
          files.set(edited, text.slice(0, start) + insert + text.slice(start + remove));
        }
        readWithin(files);
      }),
      { numRuns: 300 },
    );
  });

  test('A value of any sort in any place is told of at most once there', () => {
    const values = fc.constantFrom('', '~', '0', '-1', '0755', 'yes', '[]', '{}', '[[]]', '{a: {b: c}}', '"x y"', '1e400', '.inf', '8GiB', '99999999999999999999', '- a', '| \n  x');
    const lines = [...specs].flatMap(([name, text]) => text.split('\n').flatMap((line, index) => (/^\s*(- )?\w+: /.test(line) ? [{ name, index }] : [])));
    fc.assert(
      fc.property(fc.constantFrom(...lines), values, ({ name, index }, value) => {
        const changed = (specs.get(name) ?? '').split('\n').map((line, at) => (at === index ? line.replace(/^(\s*(?:- )?\w+: ).*/, `$1${value}`) : line));
        const { problems } = readWithin(new Map([...specs, [name, changed.join('\n')]]));
        const shape = problems.filter(({ file: where, code }) => where === name && /^(type|value|quantity|unit|number|item|yaml)-/.test(code));
        const places = shape.map(({ line, column, endLine, endColumn }) => `${line}:${column}-${endLine}:${endColumn}`);
        expect(new Set(places).size).toBe(places.length);
      }),
      { numRuns: 300 },
    );
  });

  test('Random bytes never throw', () => {
    fc.assert(fc.property(file, fc.uint8Array({ maxLength: 400 }), (name, bytes) => void readWithin(new Map([[name, Buffer.from(bytes).toString('latin1')]]))), { numRuns: 300 });
  });

  test.each([
    ['brackets', '['.repeat(100_000)],
    ['braces', '{a: '.repeat(100_000)],
    ['dashes', '- '.repeat(100_000)],
    ['question marks', '? '.repeat(100_000)],
    ['indented keys', Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['aliases that multiply', 'a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n'],
    ['a document of 2 MiB', `# ${'x'.repeat(2 * 1024 * 1024)}`],
    ['a thousand empty documents', '---\n'.repeat(1000)],
    ['prototype keys', 'kind: VM\nname: a\n__proto__: {polluted: true}\nconstructor: 1\ntoString: 2\n'],
  ])('%s end in a problem, in good time', (_what, text) => {
    const { problems, model } = readWithin(new Map([['vms/a.vm.yaml', text]]));
    expect(problems.length).toBeGreaterThan(0);
    expect(model).toBeUndefined();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('Reading a file depends on nothing but its name and text', () => {
    const [name = '', text = ''] = [...specs].at(-1) ?? [];
    readSpecFile('vms/other.vm.yaml', 'kind: VM\nname: 1\n');
    expect(readSpecFile(name, text)).toEqual(readSpecFile(name, text));
  });
});
