import * as vscode from 'vscode';
import { count } from '../views/count';
import { chooseDrive, offer, trusted, withProgress, type Command } from './context';

/** Ends VMs in reverse order of their start, then switches the hosts off. Asks first. */
export const shutDownPool: Command = async (context, node) => {
  if (!trusted()) return;
  const chosen = await chooseDrive(context, node);
  if (!chosen) return;
  const { drive, session } = chosen;
  const things = drive.model ? `${count(drive.model.vms.length, 'VM')} and ${count(drive.model.hosts.length, 'host')}` : 'its VMs and hosts';
  const answer = await vscode.window.showWarningMessage(`Shut down ${drive.name}?`, { modal: true, detail: `Guests are asked to shut down and given time; then the hosts are switched off: ${things}.` }, 'Shut Down');
  if (answer !== 'Shut Down') return;
  await withProgress(context, { title: `Shutting down ${drive.name}`, drive }, async (progress, signal) => {
    const forget = session.onChange(() => {
      const { snapshot } = session;
      if (!snapshot) return;
      const running = snapshot.vms.filter(({ state }) => state === 'running' || state === 'stopping').length;
      const on = snapshot.hosts.filter(({ state }) => state !== 'off').length;
      progress.report({ message: `${count(running, 'VM')} running, ${count(on, 'host')} on` });
    });
    try {
      const { exitCode, snapshot } = await session.shutDown(signal);
      const left = snapshot.hosts.filter(({ state }) => state !== 'off').map(({ name, cause }) => (cause === undefined ? name : `${name} (${cause})`));
      const summary = exitCode === 0 ? `${drive.name} is down.` : `${drive.name} is partly down. Still on: ${left.join(', ')}.`;
      context.log.info(summary);
      void offer(exitCode === 0 ? vscode.window.showInformationMessage : vscode.window.showWarningMessage, summary, { 'Show Log': () => context.log.show() });
    } finally {
      forget();
    }
  });
};
