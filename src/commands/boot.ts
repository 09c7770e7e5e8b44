/** Boot Pool and Start Lab are the same errand to different machines. */

import * as vscode from 'vscode';
import { otherDhcpServers } from '../clientErrors';
import { proxyModeEdit } from '../editor/features/dhcpMode';
import { workspaceEdit } from '../editor/positions';
import type { BootParams, OtherDhcpServerData, PoolTarget } from '../protocol';
import { bootProgress, bootSummary } from '../views/poolWords';
import type { TreeNode } from '../views/poolTree';
import { chooseDrive, offer, savedAndSound, trusted, withProgress, type ChosenDrive, type CommandContext } from './context';

export interface Errand {
  readonly target: PoolTarget;
  /** What the progress is called, given the pool's name. */
  readonly title: (pool: string) => string;
}

export async function boot(context: CommandContext, errand: Errand, node?: TreeNode): Promise<void> {
  if (!trusted()) return;
  const chosen = await chooseDrive(context, node);
  if (chosen) await bootDrive(context, errand, chosen);
}

async function bootDrive(context: CommandContext, errand: Errand, chosen: ChosenDrive, how: Pick<BootParams, 'despiteOtherDhcp'> = {}): Promise<void> {
  if (!(await savedAndSound(chosen))) return;
  const { drive, session } = chosen;
  let others: OtherDhcpServerData['servers'] | undefined;
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
      const { exitCode, snapshot } = await session.boot(errand.target, signal, how);
      const summary = bootSummary(snapshot);
      context.log.info(summary);
      const show = exitCode === 0 ? vscode.window.showInformationMessage : vscode.window.showWarningMessage;
      void offer(show, summary, { 'Show Log': () => context.log.show() });
    } catch (error) {
      others = otherDhcpServers(error);
      if (others === undefined) throw error;
    } finally {
      forget();
    }
  });
  if (others !== undefined) await askBeside(context, errand, chosen, others);
}

/** Another DHCP server is on the network: which of the two gives the addresses is for the administrator to say. */
async function askBeside(context: CommandContext, errand: Errand, chosen: ChosenDrive, servers: OtherDhcpServerData['servers']): Promise<void> {
  const names = servers.map(({ address, mac }) => (mac === undefined ? address : `${address} (${mac})`)).join(' and ');
  const message = `Another DHCP server, ${names}, answers on this network. A machine takes whichever answer comes first, so nothing was booted. Switch it off; or let it give the addresses and PXEN only the boot files (dhcp: proxy); or serve all the same.`;
  context.log.warn(message);
  await offer(vscode.window.showWarningMessage, message, {
    'Use Proxy Mode': async () => {
      const { drive } = chosen;
      if (await vscode.workspace.applyEdit(workspaceEdit({ drive, specs: drive.specs }, proxyModeEdit(drive.specs)))) await bootDrive(context, errand, chosen);
    },
    'Serve All the Same': () => bootDrive(context, errand, chosen, { despiteOtherDhcp: true }),
  });
}
