import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { driveFile, EXTENSION_ID } from './drive';

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string }[] };
}

describe('the extension', () => {
  it('is active because the workspace is a drive', async () => {
    const extension = vscode.extensions.getExtension(EXTENSION_ID);
    assert.ok(extension);
    await extension.activate();
    assert.equal(extension.isActive, true);
  });

  it('has every command that its manifest names', async () => {
    const extension = vscode.extensions.getExtension(EXTENSION_ID);
    const named = (extension?.packageJSON as Manifest).contributes.commands.map(({ command }) => command).sort();
    const present = (await vscode.commands.getCommands(true)).filter((command) => named.includes(command)).sort();
    assert.deepEqual(present, named);
    assert.deepEqual(named, ['pxen.addHost', 'pxen.addVm', 'pxen.bootPool', 'pxen.newDrive', 'pxen.planPlacement', 'pxen.showLog', 'pxen.shutDownPool', 'pxen.startLab', 'pxen.stopServer', 'pxen.wakeHost']);
  });

  for (const file of ['pxen.yaml', 'hosts/node1.host.yaml', 'vms/db1.vm.yaml']) {
    it(`reads ${file} as a spec of its own language`, async () => {
      const document = await vscode.workspace.openTextDocument(driveFile(file));
      assert.equal(document.languageId, 'pxen');
    });
  }

  it('shows the plan as a document that follows the specs: the quick one at once, the proven one when it is there', async () => {
    await vscode.commands.executeCommand('pxen.planPlacement');
    const shown = () => vscode.window.activeTextEditor?.document.getText() ?? '';
    await new Promise<void>((resolve) => {
      const subscription = vscode.workspace.onDidChangeTextDocument(() => look());
      const look = () => {
        if (!shown().includes('\nProven: no placement is better.')) return;
        subscription.dispose();
        resolve();
      };
      look();
    });
    const text = shown();
    assert.match(text, /^Pool homelab: 12 of 12 VMs placed on 4 hosts\./);
    assert.match(text, /Largest load 39 %/);
    assert.match(text, /node1 .*db1, web2/);
  });
});
