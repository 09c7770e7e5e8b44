import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { diagnosed, driveFile, edit, marks, revertAll } from './drive';

const DB1 = 'vms/db1.vm.yaml';
const NODE1 = 'hosts/node1.host.yaml';

describe('diagnostics', () => {
  before(async () => {
    await vscode.window.showTextDocument(driveFile('pxen.yaml'));
  });
  afterEach(async () => {
    await revertAll();
    await diagnosed(() => marks(DB1).length === 0 && marks(NODE1).length === 0);
  });

  it('are none on a sound drive', () => {
    assert.deepEqual([...marks(DB1), ...marks(NODE1), ...marks('pxen.yaml')], []);
  });

  it('mark exactly the value that lacks its unit, before anything is saved', async () => {
    await edit(DB1, 'memory: 8GiB', 'memory: 8');
    await diagnosed(() => marks(DB1).length > 0);
    assert.deepEqual(marks(DB1), ['5:9-5:10 unit-missing']);
  });

  it('mark exactly the key that is unknown', async () => {
    await edit(DB1, 'vcpus: 4', 'vcpu: 4');
    await diagnosed(() => marks(DB1).length > 0);
    assert.deepEqual(marks(DB1), ['4:1-4:5 key-unknown']);
  });

  it('of one file follow from an edit of another', async () => {
    await edit(NODE1, 'tier: fast', 'tier: slow');
    await edit('hosts/node2.host.yaml', 'tier: fast', 'tier: slow');
    await diagnosed(() => marks(DB1).length > 0);
    assert.deepEqual(marks(DB1), ['13:8-13:17 reference-unknown']);
  });

  it('mark a VM that no host can run at the value to blame, with a reason for each host', async () => {
    await edit(DB1, 'memory: 8GiB', 'memory: 80GiB');
    await diagnosed(() => marks(DB1).some((mark) => mark.endsWith('vm-unplaced')));
    assert.deepEqual(marks(DB1), ['5:9-5:14 vm-unplaced']);
    const [diagnostic] = vscode.languages.getDiagnostics(driveFile(DB1));
    assert.equal(diagnostic?.severity, vscode.DiagnosticSeverity.Warning);
    for (const host of ['node1', 'node2', 'node3']) assert.match(diagnostic.message, new RegExp(`• .*${host}`));
  });

  it('go when what they speak of is corrected', async () => {
    await edit(DB1, 'memory: 8GiB', 'memory: 8');
    await diagnosed(() => marks(DB1).length > 0);
    await edit(DB1, 'memory: 8\n', 'memory: 8GiB\n');
    await diagnosed(() => marks(DB1).length === 0);
  });

  it('follow a file that is made and deleted on disk', async () => {
    const copy = driveFile('vms/copy.vm.yaml');
    await vscode.workspace.fs.copy(driveFile(DB1), copy);
    await diagnosed(() => marks(DB1).length > 0);
    assert.deepEqual(marks(DB1), ['3:7-3:10 name-duplicate']);
    await vscode.workspace.fs.delete(copy);
    await diagnosed(() => marks(DB1).length === 0);
  });
});
