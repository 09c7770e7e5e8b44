import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { diagnosed, driveFile, edit, marks, revertAll } from './drive';

const DB1 = 'vms/db1.vm.yaml';

describe('in a spec', () => {
  before(async () => {
    await vscode.window.showTextDocument(driveFile(DB1));
    await diagnosed(() => marks(DB1).length === 0);
  });
  afterEach(revertAll);

  it('suggestions are the keys that are missing, and accepting one writes it', async () => {
    const document = await edit(DB1, 'vcpus: 4\n', '\n');
    const list = await suggestionsAt(document, behind(document, 'name: db1\n'));
    const vcpus = list.find(({ label }) => labelOf(label) === 'vcpus');
    assert.ok(vcpus);
    assert.match(documentationOf(vcpus), /Virtual CPUs\./);
    assert.equal(list.some(({ label }) => labelOf(label) === 'memory'), false);

    const editor = await vscode.window.showTextDocument(document);
    editor.selection = new vscode.Selection(behind(document, 'name: db1\n'), behind(document, 'name: db1\n'));
    await editor.insertSnippet(new vscode.SnippetString('vcp'));
    const typed = behind(document, 'name: db1\nvcp');
    editor.selection = new vscode.Selection(typed, typed);
    await vscode.commands.executeCommand('editor.action.triggerSuggest');
    await until(async () => {
      await vscode.commands.executeCommand('acceptSelectedSuggestion');
      return /^name: db1\nvcpus: 4?$/m.test(document.getText());
    });
  });

  it('suggestions name the hosts and labels of other files', async () => {
    const document = await edit(DB1, 'on: [tier=fast, node3]', 'on: []');
    const labels = (await suggestionsAt(document, behind(document, 'on: ['))).map(({ label }) => labelOf(label));
    for (const expected of ['node1', 'node4', 'rack=a', 'tier=bulk']) assert.ok(labels.includes(expected), `${expected} isn't among ${labels.join(', ')}`);
  });

  it('hovering a quantity tells what it is for and how much it is', async () => {
    const document = await vscode.workspace.openTextDocument(driveFile(DB1));
    const [hover] = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, behind(document, 'memory: 8G'));
    const text = hover?.contents.map((content) => (content instanceof vscode.MarkdownString ? content.value : '')).join('\n') ?? '';
    assert.match(text, /Memory, never overcommitted\./);
    assert.match(text, /8,589,934,592 bytes/);
  });

  it('a name leads to its definition in another file', async () => {
    const document = await vscode.workspace.openTextDocument(driveFile(DB1));
    const [definition] = await vscode.commands.executeCommand<vscode.Location[]>('vscode.executeDefinitionProvider', document.uri, behind(document, 'after: [dns'));
    assert.equal(definition?.uri.path, driveFile('vms/dns.vm.yaml').path);
    assert.equal(definition.range.start.line, 2);
  });

  it('renaming a VM changes every file that names it', async () => {
    const document = await vscode.workspace.openTextDocument(driveFile(DB1));
    const change = await vscode.commands.executeCommand<vscode.WorkspaceEdit>('vscode.executeDocumentRenameProvider', document.uri, behind(document, 'name: db'), 'main-db');
    assert.equal(await vscode.workspace.applyEdit(change), true);
    const changed = vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty);
    assert.ok(changed.length >= 2);
    for (const spec of changed) assert.doesNotMatch(spec.getText(), /^[^#]*\bdb1\b/m);
    assert.match(changed.map((spec) => spec.getText()).join('\n'), /after: \[main-db, cache1\]/);
  });

  it('a refused renaming says why', async () => {
    const document = await vscode.workspace.openTextDocument(driveFile(DB1));
    await assert.rejects(async () => vscode.commands.executeCommand('vscode.executeDocumentRenameProvider', document.uri, behind(document, 'name: db'), 'db2'), /There is a VM "db2" already\./);
  });

  it('a quick fix is offered with its problem, and removes it', async () => {
    const document = await edit(DB1, 'memory: 8GiB', 'memory: 8');
    await diagnosed(() => marks(DB1).length > 0);
    const [diagnostic] = vscode.languages.getDiagnostics(document.uri);
    assert.ok(diagnostic);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', document.uri, diagnostic.range, vscode.CodeActionKind.QuickFix.value);
    const fix = actions.find(({ title }) => title === 'Change to 8GiB');
    assert.ok(fix?.edit);
    await vscode.workspace.applyEdit(fix.edit);
    await diagnosed(() => marks(DB1).length === 0);
    assert.match(document.getText(), /^memory: 8GiB$/m);
  });

  it('a line above each VM and host tells where it runs, and how full it is', async () => {
    const lensOf = async (file: string) => (await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', driveFile(file))).map(({ command }) => command?.title ?? '');
    await until(async () => (await lensOf(DB1)).some((title) => /^→ node\d · [a-z0-9, ]+ · CPU \d+ %, memory \d+ %$/.test(title)));
    await until(async () => (await lensOf('hosts/node1.host.yaml')).some((title) => /· CPU \d+ %, memory \d+ % · r0 \d+ %$/.test(title)));
  });

  it('a VM without a host names the hosts that are related, with the room they have', async () => {
    await edit(DB1, 'memory: 8GiB', 'memory: 80GiB');
    await diagnosed(() => marks(DB1).some((mark) => mark.endsWith('vm-unplaced')));
    const [diagnostic] = vscode.languages.getDiagnostics(driveFile(DB1));
    const related = diagnostic?.relatedInformation ?? [];
    assert.ok(related.some(({ location, message }) => location.uri.path.endsWith('/hosts/node1.host.yaml') && /^node1 has .* of memory.* left$/.test(message)), related.map(({ message }) => message).join('; '));
  });

  it('formatting changes blanks only', async () => {
    const document = await edit(DB1, 'vcpus: 4', 'vcpus:   4');
    const edits = await vscode.commands.executeCommand<vscode.TextEdit[]>('vscode.executeFormatDocumentProvider', document.uri, { tabSize: 2, insertSpaces: true });
    const change = new vscode.WorkspaceEdit();
    change.set(document.uri, edits);
    await vscode.workspace.applyEdit(change);
    assert.match(document.getText(), /^vcpus: 4$/m);
  });

  it('symbols outline the file and find things on the whole drive', async () => {
    const outline = await vscode.commands.executeCommand<vscode.DocumentSymbol[]>('vscode.executeDocumentSymbolProvider', driveFile('hosts/rack-b.host.yaml'));
    assert.deepEqual(outline.map(({ name }) => name), ['node3', 'node4']);
    const found = await vscode.commands.executeCommand<vscode.SymbolInformation[]>('vscode.executeWorkspaceSymbolProvider', 'bulk');
    assert.ok(found.some(({ name }) => name === 'bulk'));
  });
});

async function suggestionsAt(document: vscode.TextDocument, position: vscode.Position): Promise<readonly vscode.CompletionItem[]> {
  const { items } = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', document.uri, position);
  return items;
}

/** The position behind a text that stands in the document once. */
function behind(document: vscode.TextDocument, text: string): vscode.Position {
  const start = document.getText().indexOf(text);
  assert.ok(start >= 0, `There is no "${text}" in ${document.uri.path}.`);
  return document.positionAt(start + text.length);
}

function labelOf(label: string | vscode.CompletionItemLabel): string {
  return typeof label === 'string' ? label : label.label;
}

function documentationOf({ documentation }: vscode.CompletionItem): string {
  return typeof documentation === 'string' ? documentation : (documentation?.value ?? '');
}

/** Asks again until it holds; each question goes to VS Code and back. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + 30_000;
  while (!(await holds())) assert.ok(Date.now() < limit, 'It still does not hold after 30 s.');
}
