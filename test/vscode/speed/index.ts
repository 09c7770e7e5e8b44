/**
 * What VS Code calls in its extension host on a large drive: how long the window's own way takes, adapters, model and plan
 * included. Prints figures; limits are kept by bench/editor, where nothing else runs.
 */

import { existsSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import * as vscode from 'vscode';

const SPEC = 'vms/vm30.vm.yaml';
const KEYSTROKES = 60;

export async function run(): Promise<void> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const extension = vscode.extensions.getExtension('pxen.pxen');
  if (!folder || !extension) throw new Error('The window has no drive open, or PXEN isn’t there.');
  await extension.activate();
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, SPEC));
  const editor = await vscode.window.showTextDocument(document);
  const line = document.getText().split('\n').findIndex((text) => text.startsWith('memory: '));
  const lost = () => vscode.languages.getDiagnostics(document.uri).some(({ code }) => code === 'unit-missing');
  const type = (text: string) => editor.edit((edit) => edit.replace(document.lineAt(line).range, text));

  // A lens stands above the VM once it has a place.
  await until(async () => (await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri)).length > 0);
  const blocked = monitorEventLoopDelay({ resolution: 1 });
  blocked.enable();
  const diagnostics: number[] = [];
  const busyBefore = busyMs();
  for (let index = 0; index < KEYSTROKES; index += 1) {
    const isWrong = index % 2 === 0;
    const seen = new Promise<number>((resolve) => {
      const subscription = vscode.workspace.onDidChangeTextDocument((change) => {
        if (change.document !== document) return;
        const changed = performance.now();
        subscription.dispose();
        const look = () => {
          if (lost() === isWrong) resolve(performance.now() - changed);
          // Often enough to measure by, and not so often that it is the looking that is measured.
          else setTimeout(look, 2);
        };
        look();
      });
    });
    await type(isWrong ? 'memory: 8' : `memory: ${8 + index}GiB`);
    diagnostics.push(await seen);
  }
  const busy = busyMs() - busyBefore;
  blocked.disable();
  const position = document.positionAt(document.getText().indexOf('apart: [') + 'apart: ['.length);
  const suggestions: number[] = [];
  for (let index = 0; index < 20; index += 1) {
    const started = performance.now();
    await vscode.commands.executeCommand('vscode.executeCompletionItemProvider', document.uri, position);
    suggestions.push(performance.now() - started);
  }
  console.log(`FIGURE keystroke → diagnostics in the window: ${percentiles(diagnostics)}; ${(busy / KEYSTROKES).toFixed(1)} ms of the extension host's processor time a keystroke, all that follows from it included; longest block ${(blocked.max / 1e6).toFixed(0)} ms`);
  console.log(`FIGURE suggestions of all VMs, to the window and back: ${percentiles(suggestions)}`);
  await vscode.commands.executeCommand('workbench.action.files.revert');
}

/** Processor time of the thread that extensions share, without the planner's where the system tells them apart; other work on the machine doesn't change it. */
function busyMs(): number {
  const ofThread = `/proc/self/task/${process.pid}/schedstat`;
  if (existsSync(ofThread)) return Number(readFileSync(ofThread, 'utf8').split(' ')[0]) / 1e6;
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function percentiles(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1);
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms`;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + 120_000;
  while (!(await holds())) if (Date.now() > limit) throw new Error('There is still no plan after 120 s.');
}
