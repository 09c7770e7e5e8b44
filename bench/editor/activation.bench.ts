/**
 * Processor time from loading dist/extension.js to its activation on examples/homelab, for which the window waits, and on to the drive's
 * diagnostics, each time in a process of its own, with a `vscode` that does nothing. `npm run build` first. Ends with 1 when the
 * limit is broken.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

const LIMIT_MS = 100;
const LIMIT_BYTES = 400_000;
const RUNS = 11;
const BUNDLE = 'dist/extension.js';

/** Answers to everything with more of itself; only what activation waits for has values. */
const CHILD = `
const Module = require('node:module');
const path = require('node:path');
class Uri {
  constructor(fsPath) { Object.assign(this, { fsPath, path: fsPath, scheme: 'file' }); }
  static file(fsPath) { return new Uri(fsPath); }
  static from({ path }) { return new Uri(path); }
  static joinPath(uri, ...parts) { return new Uri(path.join(uri.fsPath, ...parts)); }
  toString() { return 'file://' + this.path; }
}
class EventEmitter {
  #listeners = new Set();
  event = (listener) => { this.#listeners.add(listener); return { dispose: () => this.#listeners.delete(listener) }; };
  fire(value) { for (const listener of this.#listeners) listener(value); }
  dispose() {}
}
const anything = () => new Proxy(function () {}, {
  get: (_target, key) => (key === 'then' ? undefined : key === Symbol.toPrimitive ? () => '' : key === Symbol.iterator ? [][Symbol.iterator].bind([]) : key === 'length' ? 0 : anything()),
  set: () => true,
  apply: () => anything(),
  construct: () => anything(),
});
const drive = path.resolve('examples/homelab');
const workspace = new Proxy({ textDocuments: [], workspaceFolders: [{ uri: Uri.file(drive) }], getWorkspaceFolder: () => ({}), findFiles: async () => [Uri.file(drive + '/pxen.yaml')], fs: { stat: async () => ({}) } }, { get: (known, key) => known[key] ?? anything() });
class Disposable { constructor(end) { this.dispose = end ?? (() => {}); } static from() { return new Disposable(); } }
const names = ['window', 'languages', 'env', 'extensions', 'ThemeIcon', 'ThemeColor', 'TreeItem', 'TreeItemCollapsibleState', 'StatusBarAlignment', 'ProgressLocation', 'ViewColumn', 'FileSystemError', 'RelativePattern', 'FileDecoration', 'ConfigurationTarget', 'Range', 'Position', 'Location', 'Diagnostic', 'DiagnosticRelatedInformation', 'DiagnosticSeverity', 'CompletionItemKind', 'SymbolKind', 'CodeActionKind', 'MarkdownString', 'SnippetString', 'WorkspaceEdit'];
let drivePresent;
const shown = new Promise((resolve) => (drivePresent = resolve));
// Set after everything else has been told of the first drive.
const commands = { registerCommand: anything(), executeCommand: async (name, key, value) => void (name === 'setContext' && key === 'pxen.hasDrive' && value && drivePresent()) };
const vscode = { ...Object.fromEntries(names.map((name) => [name, anything()])), Uri, EventEmitter, Disposable, workspace, commands };
const load = Module._load;
Module._load = (name, ...rest) => (name === 'vscode' ? vscode : load(name, ...rest));
(async () => {
  const before = process.cpuUsage();
  const extension = require(path.resolve('${BUNDLE}'));
  const loaded = process.cpuUsage(before);
  extension.activate({ subscriptions: [], asAbsolutePath: (file) => path.resolve(file), extensionUri: Uri.file(path.resolve('.')), globalState: anything(), workspaceState: anything() });
  const active = process.cpuUsage(before);
  await shown;
  const all = process.cpuUsage(before);
  console.log(JSON.stringify([loaded, active, all].map(({ user, system }) => (user + system) / 1000)));
  process.exit(0);
})();
`;

if (!existsSync(BUNDLE)) {
  console.log(`${BUNDLE} isn't there: "npm run build" makes it.`);
  process.exitCode = 1;
} else {
  const runs = Array.from({ length: RUNS }, measured);
  const median = (of: keyof Run) => runs.map((run) => run[of]).sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
  const bytes = statSync(BUNDLE).size;
  const isBroken = median('activeMs') > LIMIT_MS || bytes > LIMIT_BYTES;
  const words = `${median('activeMs').toFixed(0)} ms of processor time (${median('loadMs').toFixed(0)} ms to load), limit ${LIMIT_MS} ms; ${median('shownMs').toFixed(0)} ms until the drive is read and its diagnostics are there`;
  console.log(`activation on examples/homelab, median of ${RUNS}: ${words}; ${BUNDLE} ${Math.round(bytes / 1000)} KB, limit ${LIMIT_BYTES / 1000} KB${isBroken ? ': BROKEN' : ''}`);
  process.exitCode = isBroken ? 1 : 0;
}

interface Run {
  readonly loadMs: number;
  /** Since before loading. */
  readonly activeMs: number;
  readonly shownMs: number;
}

function measured(): Run {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', CHILD], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The extension didn't activate: ${stderr}`);
  const [loadMs = 0, activeMs = 0, shownMs = 0] = JSON.parse(stdout) as number[];
  return { loadMs, activeMs, shownMs };
}
