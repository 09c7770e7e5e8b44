/**
 * Fixes for every problem that test/drive/problems shows, and for those of files: each as the change it makes, in
 * test/editor/fixes. `UPDATE_GOLDEN=1 npx vitest run test/editor` writes what is offered now.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { EditorDrive } from '../../src/editor/features/editorDrive';
import { fixesAt, fixesOf } from '../../src/editor/features/fixes';
import { PROBLEM_CODES, type ProblemCode } from '../../src/backend/drive/problems';
import { readGolden, type GoldenCase } from '../drive/golden';
import { formatProblems } from '../drive/golden';
import { applied, textsOf } from './cursor';
import { changes } from './show';

const cases = path.join(import.meta.dirname, '..', 'drive', 'problems');
const answers = path.join(import.meta.dirname, 'fixes');
const update = process.env['UPDATE_GOLDEN'] !== undefined;

/** What no automaton can know, or what needs a look at the machine. */
const WITHOUT_FIX: readonly ProblemCode[] = ['file-unreadable', 'file-too-large', 'file-encoding', 'yaml-nesting', 'range-size', 'range-overlap', 'vm-too-large', 'placeholder-left'];

for (const name of readdirSync(cases)) {
  describe(`Fixes: ${path.basename(name, '.txt')}`, () => {
    const expected = update ? '' : readFileSync(path.join(answers, name), 'utf8');
    const told: string[] = [];

    for (const golden of readGolden(path.join(cases, name))) {
      test(golden.title, () => {
        const answer = `=== ${golden.title}\n${allFixes(golden)}`;
        told.push(answer);
        if (!update) expect(expected).toContain(`${answer}\n`);
      });

      test(`${golden.title}: a fix removes what it is for and adds no other error of YAML`, () => {
        const drive = driveOf(golden);
        for (const problem of drive.checked.problems) {
          for (const { title, edits } of fixesOf(drive, problem)) {
            const fixed = EditorDrive.of(applied(textsOf(drive), edits), drive.surroundings);
            const count = (of: EditorDrive, code: string) => of.checked.problems.filter((other) => other.code === code).length;
            expect(count(fixed, 'yaml-syntax'), `${title}: ${formatProblems(fixed.checked.problems)}`).toBeLessThanOrEqual(count(drive, 'yaml-syntax'));
            const still = fixed.checked.problems.filter(({ code, message }) => code === problem.code && message === problem.message);
            const before = drive.checked.problems.filter(({ code, message }) => code === problem.code && message === problem.message);
            expect(still.length, `${title} leaves: ${problem.message}`).toBeLessThan(before.length);
          }
        }
      });
    }

    afterAll(() => {
      if (update) writeFileSync(path.join(answers, name), `${told.join('\n')}\n`);
    });
  });
}

test('Every code that can be fixed has a fix in some case', () => {
  const fixed = new Set<string>(['file-name', 'file-case', 'disk-file-missing']);
  for (const name of readdirSync(cases)) {
    for (const golden of readGolden(path.join(cases, name))) {
      const drive = driveOf(golden);
      for (const problem of drive.checked.problems) if (fixesOf(drive, problem).length > 0) fixed.add(problem.code);
    }
  }
  expect(PROBLEM_CODES.filter((code) => !fixed.has(code) && !WITHOUT_FIX.includes(code))).toEqual([]);
});

test('Fixes are offered for the problems at the cursor only', () => {
  const text = 'kind: VM\nname: a\nvcpu: 1\nmemory: 8\nboot: {type: hvm}\n';
  const drive = EditorDrive.of(new Map([['vms/a.vm.yaml', text]]));
  const at = text.indexOf('memory: 8') + 9;
  expect(fixesAt(drive, 'vms/a.vm.yaml', { start: at, end: at }).map(({ title }) => title)).toEqual(['Change to 8GiB', 'Change to 8MiB']);
});

test('A file with a name that PXEN doesn’t read is renamed', () => {
  const problem = { file: 'vms/a.yaml', line: 1, column: 1, endLine: 1, endColumn: 1, severity: 'warning' as const, code: 'file-name', message: "PXEN doesn't read this file because of its name. If it is a spec, name it vms/a.vm.yaml; otherwise move it elsewhere." };
  expect(fixesOf(EditorDrive.of(new Map()), problem)).toEqual([{ title: 'Rename to vms/a.vm.yaml', edits: [{ kind: 'rename', file: 'vms/a.yaml', to: 'vms/a.vm.yaml' }] }]);
});

test('Of two files that a FAT drive can’t tell apart, one is renamed', () => {
  const problem = { file: 'vms/A.vm.yaml', line: 1, column: 1, endLine: 1, endColumn: 1, severity: 'error' as const, code: 'file-case', message: '' };
  const drive = EditorDrive.of(new Map([['vms/A.vm.yaml', ''], ['vms/a.vm.yaml', ''], ['vms/a-2.vm.yaml', '']]));
  expect(fixesOf(drive, problem)).toEqual([{ title: 'Rename to vms/a-3.vm.yaml', edits: [{ kind: 'rename', file: 'vms/A.vm.yaml', to: 'vms/a-3.vm.yaml' }] }]);
});

function driveOf({ files, surroundings }: GoldenCase): EditorDrive {
  return EditorDrive.of(files, surroundings);
}

function allFixes(golden: GoldenCase): string {
  const drive = driveOf(golden);
  return drive.checked.problems
    .map((problem) => {
      const fixes = fixesOf(drive, problem).map(({ title, preferred, edits }) => `  * ${title}${preferred === true ? ' (preferred)' : ''}\n${changes(drive, edits).replace(/^/gm, '    ').trimEnd()}\n`);
      return `${problem.code} at ${problem.file}:${problem.line}:${problem.column}\n${fixes.join('')}`;
    })
    .join('');
}
