import * as vscode from 'vscode';
import { chooseDrive, type Command } from './context';

/** Ends the boot server. Hosts and VMs go on; a lab's hosts end with it. */
export const stopServer: Command = async (context, node) => {
  const chosen = await chooseDrive(context, node);
  if (!chosen) return;
  const { drive, session } = chosen;
  if (session.serving === undefined) {
    void vscode.window.showInformationMessage(`No boot server of ${drive.name} is running.`);
    return;
  }
  const machines = session.serving === 'machines' ? 'Hosts and VMs go on.' : 'The lab is gone with it.';
  await session.stop();
  void vscode.window.showInformationMessage(`The boot server of ${drive.name} has ended. ${machines}`);
};
