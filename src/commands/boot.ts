/** Boot Pool and Start Lab are the same errand to different machines. */

import * as vscode from 'vscode';
import type { PoolTarget } from '../protocol';
import { bootProgress, bootSummary } from '../views/poolWords';
import type { TreeNode } from '../views/poolTree';
import { chooseDrive, offer, savedAndSound, trusted, withProgress, type CommandContext } from './context';

export interface Errand {
  readonly target: PoolTarget;
  /** What the progress is called, given the pool's name. */
  readonly title: (pool: string) => string;
}

export async function boot(context: CommandContext, errand: Errand, node?: TreeNode): Promise<void> {
  if (!trusted()) return;
  const chosen = await chooseDrive(context, node);
  if (!chosen || !(await savedAndSound(chosen))) return;
  const { drive, session } = chosen;
  const title = errand.title(drive.name);
  await withProgress(context, { title, drive }, async (progress, signal) => {
    let percent = 0;
    const forget = session.onChange(() => {
      if (!session.snapshot) return;
      const now = bootProgress(session.snapshot);
      // A host that is tried again falls back; the bar doesn't.
      progress.report({ message: now.sentence, increment: Math.max(0, now.percent - percent) });
      percent = Math.max(percent, now.percent);
    });
    try {
      context.log.info(`${title}.`);
      const { exitCode, snapshot } = await session.boot(errand.target, signal);
      const summary = bootSummary(snapshot);
      context.log.info(summary);
      const show = exitCode === 0 ? vscode.window.showInformationMessage : vscode.window.showWarningMessage;
      void offer(show, summary, { 'Show Log': () => context.log.show() });
    } finally {
      forget();
    }
  });
}
