import * as vscode from 'vscode';
import type { Drive } from '../editor/drives';
import type { TreeNode } from '../views/poolTree';
import { chooseDrive, savedAndSound, trusted, withProgress, type Command } from './context';

/** Sends magic packets to one host, or to those that are picked. */
export const wakeHost: Command = async (context, node) => {
  if (!trusted()) return;
  const chosen = await chooseDrive(context, node);
  if (!chosen || !(await savedAndSound(chosen))) return;
  const { drive, session } = chosen;
  const hosts = await chooseHosts(drive, node);
  if (hosts.length === 0) return;
  const names = hosts.join(', ');
  await withProgress(context, { title: `Waking ${names}`, drive }, async (_progress, signal) => {
    const woken = await session.wake(hosts, signal);
    const summary = `Sent magic packets to ${woken.join(', ')}.`;
    context.log.info(summary);
    void vscode.window.showInformationMessage(summary);
  });
};

async function chooseHosts(drive: Drive, node: TreeNode | undefined): Promise<readonly string[]> {
  if (node?.kind === 'host') return [node.name];
  const items = (drive.model?.hosts ?? []).map(({ name, address, macs }) => ({ label: name, description: `${address} · ${macs[0]}` }));
  const picked = await vscode.window.showQuickPick(items, { title: `Which hosts of ${drive.name}?`, canPickMany: true, matchOnDescription: true });
  return (picked ?? []).map(({ label }) => label);
}
