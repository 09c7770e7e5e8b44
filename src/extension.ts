/** Wires the parts, nothing else. */

import * as vscode from 'vscode';
import { bootPool } from './commands/bootPool';
import { offer, type Command, type CommandContext } from './commands/context';
import { PlanDocuments, planPlacement } from './commands/planPlacement';
import { showLog } from './commands/showLog';
import { shutDownPool } from './commands/shutDownPool';
import { startLab } from './commands/startLab';
import { stopServer } from './commands/stopServer';
import { wakeHost } from './commands/wakeHost';
import { Diagnostics } from './editor/diagnostics';
import { Drives } from './editor/drives';
import { registerLanguageFeatures } from './editor/languageFeatures';
import { Planner } from './editor/planner/planner';
import { SpecLanguage } from './editor/specLanguage';
import { Sessions } from './sessions';
import { ContextKeys } from './views/contextKeys';
import { FileDecorations } from './views/fileDecorations';
import type { TreeNode } from './views/poolTree';
import { StatusBar } from './views/statusBar';
import { PoolTreeProvider } from './views/treeProvider';

const COMMANDS: Readonly<Record<string, Command>> = {
  bootPool,
  startLab,
  planPlacement,
  wakeHost,
  shutDownPool,
  stopServer,
  showLog,
  newDrive: async (context, node) => (await import('./commands/adding')).newDrive(context, node),
  addHost: async (context, node) => (await import('./commands/adding')).addHost(context, node),
  addVm: async (context, node) => (await import('./commands/adding')).addVm(context, node),
};

/** VS Code passes nothing to `deactivate`, so that what it ends has to be kept here. */
let sessions: Sessions | undefined;

/** Drives are looked for, and read, after it has returned: until then nothing else in the window gets on. */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('PXEN', { log: true });
  const planner = new Planner(context.asAbsolutePath('dist/planner.js'), (message) => log.warn(message));
  const drives = new Drives(log, planner);
  sessions = new Sessions(drives, {
    script: context.asAbsolutePath('dist/backend.js'),
    log,
    onLost: (error) => {
      log.error(error.message);
      void offer(vscode.window.showErrorMessage, error.message, { 'Show Log': () => log.show() });
    },
  });
  const tree = new PoolTreeProvider(drives, sessions);
  const commands: CommandContext = { drives, sessions, log, cli: context.asAbsolutePath('dist/pxen.js') };
  context.subscriptions.push(
    log,
    planner,
    drives,
    sessions,
    tree,
    new Diagnostics(drives),
    new FileDecorations(drives),
    registerLanguageFeatures(drives),
    new SpecLanguage(drives),
    new StatusBar(drives, sessions),
    new ContextKeys(drives, sessions),
    new PlanDocuments(drives),
    vscode.window.createTreeView('pxen.pool', { treeDataProvider: tree, showCollapseAll: true }),
    ...Object.entries(COMMANDS).map(([name, command]) => vscode.commands.registerCommand(`pxen.${name}`, (node?: TreeNode) => command(commands, node))),
  );
  drives.begin();
}

/** The backends that this window started end with it, unless they were told to stay. */
export async function deactivate(): Promise<void> {
  await sessions?.release();
}
