import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  CodeActionRequest,
  CodeLensRefreshRequest,
  CodeLensRequest,
  CompletionRequest,
  CompletionResolveRequest,
  DefinitionRequest,
  DidChangeWorkspaceFoldersNotification,
  DocumentFormattingRequest,
  DocumentSymbolRequest,
  ExecuteCommandRequest,
  ExitNotification,
  FileChangeType,
  HoverRequest,
  InlayHintRequest,
  PrepareRenameRequest,
  ReferencesRequest,
  RenameRequest,
  ShutdownRequest,
  WorkspaceSymbolRequest,
  type CodeAction,
  type CompletionItem,
  type MarkupContent,
  type Position,
} from 'vscode-languageserver/node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildDist, type Dist } from '../support/dist';
import { withTimeLimit } from '../support/waiting';
import { CAPABLE, homelab, startClient, type Client, type Folder } from './client';

const DB1 = 'vms/db1.vm.yaml';
const DB1_TEXT = readFileSync(path.join(import.meta.dirname, '../../examples/homelab', DB1), 'utf8');

let dist: Dist;
let drive: Folder;
let client: Client;

beforeAll(async () => {
  dist = await buildDist();
});
afterAll(() => dist.remove());

beforeEach(async () => {
  drive = await homelab();
});
afterEach(async () => {
  client.signal('SIGKILL');
  await client.ended;
  await drive.remove();
});

/** Where a text stands in another, as the protocol counts. */
function positionOf(text: string, wanted: string, after = 0): Position {
  const before = text.slice(0, text.indexOf(wanted) + after);
  const line = before.split('\n').length - 1;
  return { line, character: before.length - (before.lastIndexOf('\n') + 1) };
}

const none = (diagnostics: readonly unknown[]) => diagnostics.length === 0;
const withCode = (code: string) => (diagnostics: readonly { code?: unknown }[]) => diagnostics.some((diagnostic) => diagnostic.code === code);

describe('Problems', () => {
  test('are told of files that nobody has opened, at the columns of `pxen validate`', async () => {
    await writeFile(path.join(drive.path, 'vms/db2.vm.yaml'), 'kind: VM\nname: db2\nvcpu: 1\nmemory: 8\nboot: {type: hvm}\n');
    client = await startClient(dist.pxen, [drive.path]);
    const found = await client.diagnostics('vms/db2.vm.yaml', withCode('unit-missing'));
    expect(found.map(({ code, range, source, severity }) => ({ code, range, source, severity }))).toEqual([
      { code: 'key-unknown', range: { start: { line: 2, character: 0 }, end: { line: 2, character: 4 } }, source: 'pxen', severity: 1 },
      { code: 'unit-missing', range: { start: { line: 3, character: 8 }, end: { line: 3, character: 9 } }, source: 'pxen', severity: 1 },
    ]);
  });

  test('follow what is typed, before it is saved, also in other files', async () => {
    client = await startClient(dist.pxen, [drive.path]);
    await client.open(DB1, DB1_TEXT);
    const name = positionOf(DB1_TEXT, 'name: db1', 'name: '.length);
    await client.change(DB1, { start: name, end: { ...name, character: name.character + 3 } }, 'db7');
    const others = await client.diagnostics('vms/db2.vm.yaml', withCode('reference-unknown'));
    expect(others.map(({ message }) => message)).toContainEqual(expect.stringContaining('There is no VM "db1"'));
    await client.change(DB1, { start: name, end: { ...name, character: name.character + 3 } }, 'db1');
    await client.diagnostics('vms/db2.vm.yaml', none);
  });

  test('columns count UTF-16 units', async () => {
    client = await startClient(dist.pxen, [drive.path]);
    const text = 'kind: VM\nname: a\nvcpus: 1\nmemory: 1GiB\nboot: {type: pv, kernel: disks/k, cmdline: "𝕏 ö", no: 1}\n';
    await client.open('vms/a.vm.yaml', text);
    const [unknown] = await client.diagnostics('vms/a.vm.yaml', withCode('key-unknown'));
    const line = text.split('\n')[4] ?? '';
    expect(unknown?.range.start).toEqual({ line: 4, character: line.indexOf('no:') });
  });

  test('of placement come with the reasons and related places', async () => {
    client = await startClient(dist.pxen, [drive.path]);
    await client.open(DB1, DB1_TEXT.replace('memory: 8GiB', 'memory: 900GiB'));
    const [left, ...others] = await client.diagnostics(DB1, withCode('vm-unplaced'));
    expect(left?.message).toContain('No host can run db1.');
    // That it is too large for every host is the same fact.
    expect(others).toEqual([]);
    expect(left?.relatedInformation?.map(({ location }) => location.uri)).toContain(client.uri('hosts/node1.host.yaml'));
  });

  test('go when the file changes on disk, the client having been asked to watch', async () => {
    await writeFile(path.join(drive.path, DB1), DB1_TEXT.replace('vcpus: 4', 'vcpus: 0'));
    client = await startClient(dist.pxen, [drive.path]);
    await client.diagnostics(DB1, withCode('number-range'));
    expect(client.watched).toContain('**/vms/**');
    await writeFile(path.join(drive.path, DB1), DB1_TEXT);
    await client.touch(DB1);
    await client.diagnostics(DB1, none);
  });

  test('of a drive go with its pxen.yaml, and come with it', async () => {
    await writeFile(path.join(drive.path, DB1), DB1_TEXT.replace('vcpus: 4', 'vcpus: 0'));
    const [cluster, away] = [path.join(drive.path, 'pxen.yaml'), path.join(drive.path, 'away')];
    await rename(cluster, away);
    client = await startClient(dist.pxen, [drive.path]);
    await rename(away, cluster);
    await client.touch('pxen.yaml', FileChangeType.Created);
    await client.diagnostics(DB1, withCode('number-range'));
    await rename(cluster, away);
    await client.touch('pxen.yaml', FileChangeType.Deleted);
    await client.diagnostics(DB1, none);
  });

  test('of several drives in one workspace are kept apart', async () => {
    const second = await homelab();
    try {
      client = await startClient(dist.pxen, [drive.path, second.path]);
      await client.open(DB1, DB1_TEXT.replace('name: db1', 'name: dns1'));
      const found = await client.diagnostics(DB1, withCode('name-duplicate'));
      expect(found.filter(({ code }) => code === 'name-duplicate')).toHaveLength(1);
      const other = path.relative(drive.path, path.join(second.path, DB1));
      await client.open(other, DB1_TEXT.replace('vcpus: 4', 'vcpus: 0'));
      expect((await client.diagnostics(other, withCode('number-range'))).map(({ code }) => code)).toEqual(['number-range']);
    } finally {
      await second.remove();
    }
  });
});

describe('Features', () => {
  beforeEach(async () => {
    client = await startClient(dist.pxen, [drive.path]);
  });

  /** Opens the text with `|` at the cursor taken out. */
  async function cursorIn(file: string, marked: string) {
    await client.open(file, marked.replace('|', ''));
    return { textDocument: { uri: client.uri(file) }, position: positionOf(marked, '|') };
  }

  test('completion replaces the wrong word, and tells of an item when asked', async () => {
    const at = await cursorIn(DB1, DB1_TEXT.replace('type: pv', 'type: |pw'));
    const items = (await client.connection.sendRequest(CompletionRequest.type, at)) as CompletionItem[];
    expect(items.map(({ label }) => label)).toEqual(['pv', 'pvh']);
    expect(items[1]?.textEdit).toEqual({ newText: 'pvh', range: { start: at.position, end: { ...at.position, character: at.position.character + 2 } } });
    expect(items[1]?.documentation).toBeUndefined();
    const resolved = await client.connection.sendRequest(CompletionResolveRequest.type, items[1]!);
    expect((resolved.documentation as MarkupContent).value).toContain('needs hardware virtualisation');
  });

  test('a snippet leaves the cursor inside it, and a client without snippets gets plain text', async () => {
    const at = await cursorIn('vms/new.vm.yaml', 'kind: VM\nname: new\nvcpus: 1\nmemory: 1GiB\nboot: |\n');
    const items = (await client.connection.sendRequest(CompletionRequest.type, at)) as CompletionItem[];
    expect(items.find(({ label }) => label === '{…}')).toMatchObject({ insertTextFormat: 2, textEdit: { newText: '{type: $0\\}' } });
    await client.shutDown();

    client = await startClient(dist.pxen, [drive.path], { ...CAPABLE, textDocument: {} });
    const again = await cursorIn('vms/new.vm.yaml', 'kind: VM\nname: new\nvcpus: 1\nmemory: 1GiB\nboot: |\n');
    const plain = (await client.connection.sendRequest(CompletionRequest.type, again)) as CompletionItem[];
    expect(plain.find(({ label }) => label === '{…}')).toMatchObject({ insertTextFormat: 1, textEdit: { newText: '{type: }' } });
  });

  test('hover, definition and references', async () => {
    const at = await cursorIn(DB1, DB1_TEXT.replace('apart: [db2]', 'apart: [d|b2]'));
    const hover = await client.connection.sendRequest(HoverRequest.type, at);
    expect((hover?.contents as MarkupContent).value).toContain('**VM db2**');
    const defined = await client.connection.sendRequest(DefinitionRequest.type, at);
    expect(defined).toMatchObject([{ uri: client.uri('vms/db2.vm.yaml') }]);
    const used = await client.connection.sendRequest(ReferencesRequest.type, { ...at, context: { includeDeclaration: false } });
    expect(used?.map(({ uri }) => uri)).toContain(client.uri(DB1));
  });

  test('a name is changed in every file, with a caution where it costs something', async () => {
    await client.shutDown();
    // Only a drive that has booted has something to lose.
    await mkdir(path.join(drive.path, 'state'));
    await writeFile(path.join(drive.path, 'state/identity.json'), '{"format":1,"driveId":"11111111-2222-4333-8444-555555555555","createdAt":"2026-01-01T00:00:00.000Z"}');
    client = await startClient(dist.pxen, [drive.path]);
    const at = await cursorIn(DB1, DB1_TEXT.replace('after: [dns1', 'after: [d|ns1'));
    expect(await client.connection.sendRequest(PrepareRenameRequest.type, at)).toMatchObject({ placeholder: 'dns1' });
    const edit = await client.connection.sendRequest(RenameRequest.type, { ...at, newName: 'ns1' });
    const files = edit?.documentChanges?.map((change) => ('textDocument' in change ? change.textDocument.uri : ''));
    expect(files).toEqual(expect.arrayContaining([client.uri(DB1), client.uri('vms/dns.vm.yaml')]));
    expect(Object.values(edit?.changeAnnotations ?? {}).map(({ label, needsConfirmation }) => `${label} ${needsConfirmation ?? false}`).join()).toMatch(/^A VM of another name is another VM.*true$/);
    await expect(client.connection.sendRequest(RenameRequest.type, { ...at, newName: 'Not a name' })).rejects.toThrow(`"Not a name" can't be a name.`);
  });

  test('fixes make files only where the client can', async () => {
    const marked = DB1_TEXT.replace('apart: [db2]', 'apart: [|db9]');
    const titles = async () => {
      const { textDocument, position } = await cursorIn(DB1, marked);
      const diagnostics = await client.diagnostics(DB1, withCode('reference-unknown'));
      const actions = (await client.connection.sendRequest(CodeActionRequest.type, { textDocument, range: { start: position, end: position }, context: { diagnostics: [...diagnostics] } })) as CodeAction[];
      return actions.map(({ title, edit, diagnostics: fixed }) => ({ title, creates: edit?.documentChanges?.some((change) => 'kind' in change && change.kind === 'create') ?? false, fixes: fixed?.length }));
    };
    expect(await titles()).toContainEqual({ title: 'Create the VM db9', creates: true, fixes: 1 });
    await client.shutDown();
    client = await startClient(dist.pxen, [drive.path], {});
    const plain = await titles();
    expect(plain.map(({ title }) => title)).toContain('Remove db9');
    expect(plain.map(({ title }) => title)).not.toContain('Create the VM db9');
  });

  test('symbols of a file and of the drive', async () => {
    await client.open(DB1, DB1_TEXT);
    const outline = await client.connection.sendRequest(DocumentSymbolRequest.type, { textDocument: { uri: client.uri(DB1) } });
    expect(outline?.map(({ name }) => name)).toEqual(['db1']);
    const symbols = await client.connection.sendRequest(WorkspaceSymbolRequest.type, { query: 'NODE1' });
    expect(symbols).toMatchObject([{ name: 'node1', location: { uri: client.uri('hosts/node1.host.yaml') } }]);
  });

  test('formatting keeps comments', async () => {
    await client.open(DB1, DB1_TEXT.replace('vcpus: 4', 'vcpus:    4   '));
    const edits = await client.connection.sendRequest(DocumentFormattingRequest.type, { textDocument: { uri: client.uri(DB1) }, options: { tabSize: 2, insertSpaces: true } });
    expect(edits?.length).toBeGreaterThan(0);
    expect(edits?.every(({ newText }) => !newText.includes('#'))).toBe(true);
  });

  test('lenses say where a VM runs, and show the placement when they are run', async () => {
    const [lens] = await lensesOnceThere();
    expect(lens?.command?.title).toMatch(/^→ node\d/);
    await client.connection.sendRequest(ExecuteCommandRequest.type, { command: lens?.command?.command ?? '', arguments: lens?.command?.arguments ?? [] });
    expect(client.messages.join()).toContain('db1');
  });

  test('the quick plan is shown at once, and the proven one when it is there, of which lenses are told to look', async () => {
    client.signal('SIGKILL');
    await client.ended;
    client = await startClient(dist.pxen, [drive.path], { ...CAPABLE, workspace: { ...CAPABLE.workspace, codeLens: { refreshSupport: true } } });
    const titles: (string | undefined)[] = [];
    await withTimeLimit(
      new Promise<void>((resolve) => {
        client.connection.onRequest(CodeLensRefreshRequest.type, () => {
          void client.connection.sendRequest(CodeLensRequest.type, { textDocument: { uri: client.uri('pxen.yaml') } }).then((lenses) => {
            titles.push(lenses?.[0]?.command?.title);
            if (titles.at(-1)?.endsWith('proven best') === true) resolve();
          });
        });
        void client.open('pxen.yaml', readFileSync(path.join(drive.path, 'pxen.yaml'), 'utf8'));
      }),
      () => `a proven plan; told was ${titles.join(' · ')}`,
    );
    const told = [...new Set(titles.filter((title) => title !== undefined))];
    expect(told).toEqual(['4 hosts · 12 VMs placed · busiest 39 % · being proven', '4 hosts · 12 VMs placed · busiest 39 % · proven best']);
  });

  /** The plan comes some time after the drive; what is published then is the sign of it. */
  async function lensesOnceThere() {
    await client.open(DB1, DB1_TEXT.replace('memory: 8GiB', 'memory: 900GiB'));
    await client.diagnostics(DB1, withCode('vm-unplaced'));
    const memory = positionOf(DB1_TEXT, 'memory: 8GiB', 'memory: '.length);
    await client.change(DB1, { start: memory, end: { ...memory, character: memory.character + '900GiB'.length } }, '8GiB');
    await client.diagnostics(DB1, none);
    return (await client.connection.sendRequest(CodeLensRequest.type, { textDocument: { uri: client.uri(DB1) } })) ?? [];
  }

  test('hints tell sizes in other units', async () => {
    await client.open(DB1, DB1_TEXT);
    const hints = await client.connection.sendRequest(InlayHintRequest.type, { textDocument: { uri: client.uri(DB1) }, range: { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } } });
    expect(hints?.map(({ label }) => label)).toContainEqual(expect.stringContaining('8.59 GB'));
  });

  test('a file of a drive outside the workspace is looked after too', async () => {
    const elsewhere = await homelab();
    try {
      const file = path.relative(drive.path, path.join(elsewhere.path, DB1));
      await client.open(file, DB1_TEXT.replace('vcpus: 4', 'vcpus: 0'));
      await client.diagnostics(file, withCode('number-range'));
      const symbols = await client.connection.sendRequest(WorkspaceSymbolRequest.type, { query: 'db1' });
      expect(symbols?.length).toBeGreaterThanOrEqual(2);
    } finally {
      await elsewhere.remove();
    }
  });
});

describe('Workspace folders', () => {
  const LIMIT = { timeout: 10_000 };
  const moved = (added: readonly string[], removed: readonly string[]) => {
    const folders = (uris: readonly string[]) => uris.map((uri) => ({ uri, name: uri }));
    return client.connection.sendNotification(DidChangeWorkspaceFoldersNotification.type, { event: { added: folders(added), removed: folders(removed) } });
  };
  const pools = async () => ((await client.connection.sendRequest(WorkspaceSymbolRequest.type, { query: 'homelab' })) ?? []).map(({ location }) => location.uri).sort();

  test('that go take their drives along, but none that is in another folder or has a spec open', async () => {
    const [second, third] = [await homelab(), await homelab()];
    try {
      client = await startClient(dist.pxen, [drive.path, second.path, third.path]);
      const file = path.relative(drive.path, path.join(second.path, DB1));
      await client.open(file, DB1_TEXT.replace('vcpus: 4', 'vcpus: 0'));
      await client.diagnostics(file, withCode('number-range'));
      const uris = (...folders: readonly Folder[]) => folders.map((folder) => pathToFileURL(path.join(folder.path, 'pxen.yaml')).href).sort();
      await expect.poll(pools, LIMIT).toEqual(uris(drive, second, third));
      // One that is no folder of this machine has no drives to take along.
      await moved([], ['untitled:elsewhere', pathToFileURL(second.path).href, pathToFileURL(third.path).href]);
      await expect.poll(pools, LIMIT).toEqual(uris(drive, second));
      await moved([pathToFileURL(path.join(drive.path, 'vms')).href], [pathToFileURL(path.join(drive.path, 'vms')).href]);
      await expect.poll(pools, LIMIT).toEqual(uris(drive, second));
    } finally {
      await second.remove();
      await third.remove();
    }
  });
});

describe('What a broken or hostile client sends', () => {
  test('neither a file larger than sense nor bytes that are no message ends the server', async () => {
    client = await startClient(dist.pxen, [drive.path]);
    await client.open('vms/large.vm.yaml', `# ${'x'.repeat(2 << 20)}\n`);
    await client.diagnostics('vms/large.vm.yaml', withCode('file-too-large'));
    client.write('Content-Length: 9\r\n\r\n{"broken"');
    client.write('Content-Length: 2\r\n\r\n{}');
    await expect(client.connection.sendRequest('pxen/noSuchThing', {})).rejects.toThrow(/Unhandled method/);
    await expect(client.connection.sendRequest(HoverRequest.method, { textDocument: { uri: 'http://[' }, position: { line: -1, character: 1e9 } })).resolves.toBeNull();
    await client.open(DB1, DB1_TEXT.replace('vcpus: 4', 'vcpus: 0'));
    await client.diagnostics(DB1, withCode('number-range'));
  });

  test('what it edits after its goodbye is heard by nobody', async () => {
    client = await startClient(dist.pxen, [drive.path]);
    await client.open(DB1, DB1_TEXT);
    await client.connection.sendRequest(ShutdownRequest.type);
    await client.change(DB1, { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }, 'x');
    await client.connection.sendNotification(ExitNotification.type);
    expect(await client.ended).toBe(0);
  });
});

describe('The end', () => {
  beforeEach(async () => {
    client = await startClient(dist.pxen, [drive.path]);
  });

  test('comes with 0 when the client shut it down', async () => {
    expect(await client.shutDown()).toBe(0);
  });

  test('comes with 1 when the client just goes', async () => {
    client.hangUp();
    expect(await client.ended).toBe(1);
  });

  test('comes with 1 when the system asks for it', async () => {
    client.signal('SIGTERM');
    expect(await client.ended).toBe(1);
  });
});
