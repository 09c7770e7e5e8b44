/**
 * Golden files of problems. A case is a drive in short, and after `<<<` what is told of it:
 *
 *     === what the case shows
 *     @images dom0-1            surroundings, if any
 *     >>> vms/a.vm.yaml
 *     (the file's text)
 *     <<<
 *     vms/a.vm.yaml:3:8-9 error number-range "vcpus" can't be 0. …
 *
 * `UPDATE_GOLDEN=1 npx vitest run test/drive` writes what is told now; read the diff before committing it.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import type { Surroundings } from '../../src/backend/drive/read';
import type { ProblemJson } from '../../src/protocol';

export interface GoldenCase {
  readonly title: string;
  readonly files: ReadonlyMap<string, string>;
  readonly surroundings: Surroundings;
  readonly expected: string;
}

/** What a case has unless it says otherwise. */
const PLAIN_CLUSTER = 'kind: Cluster\nname: c\nnetwork: {subnet: 10.77.0.0/24, server: 10.77.0.1}\n';

export function readGolden(file: string): readonly GoldenCase[] {
  return sections(readFileSync(file, 'utf8')).map(({ title, body }) => parseCase(title, body));
}

/** Replaces the expectations of a golden file. */
export function updateGolden(file: string, actual: ReadonlyMap<string, string>): void {
  const texts = sections(readFileSync(file, 'utf8')).map(({ title, body }) => {
    const [input = ''] = body.split(/^<<<\n/m);
    return `=== ${title}\n${input.trimEnd()}\n<<<\n${actual.get(title) ?? ''}`;
  });
  writeFileSync(file, texts.join('\n'));
}

/** `file:line:column-endColumn severity code message`, the end's line only where it is another. */
export function formatProblems(problems: readonly ProblemJson[]): string {
  return problems
    .map(({ file, line, column, endLine, endColumn, severity, code, message }) => `${file}:${line}:${column}-${endLine === line ? '' : `${endLine}:`}${endColumn} ${severity} ${code} ${message}\n`)
    .join('');
}

function sections(text: string): readonly { readonly title: string; readonly body: string }[] {
  return text
    .split(/^=== /m)
    .slice(1)
    .map((section) => ({ title: section.slice(0, section.indexOf('\n')), body: section.slice(section.indexOf('\n') + 1) }));
}

function parseCase(title: string, body: string): GoldenCase {
  const [input = '', expected = ''] = body.split(/^<<<\n/m);
  const [head = '', ...parts] = input.trimEnd().split(/^>>> /m);
  const directives = new Map(head.split('\n').filter((line) => line.startsWith('@')).map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1)]));
  const files = new Map(directives.has('@without') ? [] : [['pxen.yaml', PLAIN_CLUSTER]]);
  for (const part of parts) {
    const end = `${part}\n`.indexOf('\n');
    files.set(part.slice(0, end), part.length > end ? `${part.slice(end + 1).trimEnd()}\n`.replace(/^\n$/, '') : '');
  }
  const [driveId] = directives.get('@driveId') ?? [];
  const images = directives.get('@images');
  const diskFiles = directives.get('@disks');
  return {
    title,
    files,
    surroundings: { ...(images && { images }), ...(diskFiles && { diskFiles }), ...(driveId !== undefined && { driveId }) },
    expected: expected.trimEnd() === '' ? '' : `${expected.trimEnd()}\n`,
  };
}
