import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { driveFile, edit, EXTENSION_ID, revertAll } from './drive';

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
    const text = await planOnceItSays('\nProven: no placement is better.');
    assert.match(text, /^Pool homelab: 12 of 12 VMs placed on 4 hosts\./);
    assert.match(text, /Largest load 39 %/);
    assert.match(text, /node1 .*db1, web2/);
  });

  it('keeps to the quick plan where plans aren’t to be proven', async () => {
    const settings = () => vscode.workspace.getConfiguration('pxen');
    await settings().update('provePlans', false, vscode.ConfigurationTarget.Workspace);
    try {
      await edit('vms/db1.vm.yaml', 'memory: 8GiB', 'memory: 9GiB');
      assert.doesNotMatch(await planOnceItSays('Not proven:'), /The solver is at it/);
    } finally {
      await settings().update('provePlans', undefined, vscode.ConfigurationTarget.Workspace);
      await revertAll();
    }
  });
});

/** The plan's document, which is in front, once it holds these words: plans come some time after what they are of. */
function planOnceItSays(words: string): Promise<string> {
  return new Promise((resolve) => {
    const subscription = vscode.workspace.onDidChangeTextDocument(() => look());
    const look = () => {
      const text = vscode.window.activeTextEditor?.document.getText() ?? '';
      if (!text.includes(words)) return;
      subscription.dispose();
      resolve(text);
    };
    look();
  });
}
