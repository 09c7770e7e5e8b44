import * as assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ProblemJson } from '../../../src/protocol';
import { diagnosed, driveFile, EXTENSION_ID, marks } from './drive';

const VM = 'kind: VM\nname: odd\nvcpus: 1\nmemory: 1GiB\nboot: {type: hvm}\n';

/** One file for each sort of trouble, as bytes on disk. */
const FILES: Readonly<Record<string, Uint8Array>> = {
  'vms/broken.vm.yaml': text('kind: VM\nname: broken\ndisks: [\n'),
  'vms/tabs.vm.yaml': text('kind: VM\nname: tabs\nboot:\n\ttype: hvm\n'),
  'vms/twice.vm.yaml': text(VM.replace('odd', 'db1')),
  'vms/typing.vm.yaml': text(`${VM.replace('odd', 'typing').replace('1GiB', '8')}colour: 😀\nstart: {auto: yes, after: [nobody]}\n`),
  'vms/windows.vm.yaml': text(`\ufeff${VM.replace('odd', 'windows').replace('vcpus: 1', 'vcpus: 0755')}placement: {on: [rack=z], apart: [windows]}\n`.replaceAll('\n', '\r\n')),
  'vms/utf16.vm.yaml': Uint8Array.from([0xff, 0xfe, 0x6b, 0, 0x69, 0]),
  'vms/large.vm.yaml': text(`# ${'x'.repeat(1 << 20)}\n`),
  'vms/empty.vm.yaml': text(''),
  'vms/name.yaml': text(VM),
  'hosts/far.host.yaml': text('kind: Host\nname: far\nmacs: [52:54:00:aa:00:01]\naddress: 10.99.0.1\ncpus: 8\nmemory: 32GB\n'),
};

describe('diagnostics of a drive full of mistakes', () => {
  after(async () => {
    for (const file of Object.keys(FILES)) await vscode.workspace.fs.delete(driveFile(file));
    await diagnosed(() => marks('vms/db1.vm.yaml').length === 0);
  });

  it('are those of pxen validate, place by place and word by word', async () => {
    for (const [file, bytes] of Object.entries(FILES)) await vscode.workspace.fs.writeFile(driveFile(file), bytes);
    const expected = (await validated()).map(({ file, line, column, endLine, endColumn, code, message }) => `${file}:${line}:${column}-${endLine}:${endColumn} ${code} ${message}`).sort();
    assert.ok(expected.length > 12, expected.join('\n'));
    await diagnosed(() => shown().length === expected.length);
    assert.deepEqual(shown(), expected);
  });
});

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

/** What `pxen validate --json` says of the same folder. It exits with 1 when there are problems. */
function validated(): Promise<readonly ProblemJson[]> {
  const cli = path.join(vscode.extensions.getExtension(EXTENSION_ID)?.extensionPath ?? '', 'dist', 'pxen.js');
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [cli, 'validate', driveFile('').fsPath, '--json'], { env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } }, (error, stdout) => {
      if (error && error.code !== 1) reject(new Error(`pxen validate ended with ${error.code ?? 'a signal'}: ${error.message}`));
      else resolve((JSON.parse(stdout) as { readonly problems: readonly ProblemJson[] }).problems);
    });
  });
}

/** What only a plan can tell is told by the window alone. */
const OF_THE_PLAN = ['vm-unplaced', 'load-too-high', 'survive-broken'];

function codeOf({ code }: vscode.Diagnostic): string {
  return typeof code === 'string' ? code : JSON.stringify(code);
}

function shown(): readonly string[] {
  const root = driveFile('').path.replace(/\/$/, '');
  const line = (file: string, diagnostic: vscode.Diagnostic) => {
    const { start, end } = diagnostic.range;
    return `${file}:${start.line + 1}:${start.character + 1}-${end.line + 1}:${end.character + 1} ${codeOf(diagnostic)} ${diagnostic.message}`;
  };
  return vscode.languages
    .getDiagnostics()
    .flatMap(([uri, diagnostics]) => diagnostics.filter((diagnostic) => diagnostic.source === 'pxen' && !OF_THE_PLAN.includes(codeOf(diagnostic))).map((diagnostic) => line(uri.path.slice(root.length + 1), diagnostic)))
    .sort();
}
