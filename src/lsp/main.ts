/** The language server: what VS Code's window has, for every other editor, over standard input and output. */

import * as path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { CodeActionKind, CodeLensRefreshRequest, createConnection, DidChangeWatchedFilesNotification, MessageType, ProposedFeatures, ShowMessageNotification, TextDocuments, TextDocumentSyncKind, type ClientCapabilities, type Connection, type InitializeParams, type ServerCapabilities } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { changedFiles, diagnosticsOf, KnownDiagnostics, type Diagnostic } from '../editor/features/diagnostics';
import { placementText } from '../editor/features/placement';
import type { OpenDrive } from '../editor/openDrive';
import { Planner } from '../editor/planner/planner';
import { diagnosticOf, uriOf } from './convert';
import { LspDrives, pathOf } from './drives';
import { answerRequests, COMPLETION_TRIGGERS, SHOW_PLACEMENT } from './features';

export interface LspOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Ends it too: a signal from the system. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** The bundle of the planner's thread. */
  readonly plannerScript: string;
}

/**
 * Serves until the client says `exit` or goes away, which ends the process: with 0 after a `shutdown`, else with 1, as the protocol
 * asks. Resolves when a signal came first.
 */
export function serveLanguage({ input, output, version, plannerScript, signal }: LspOptions): Promise<void> {
  const connection = createConnection(ProposedFeatures.all, input, output);
  const documents = new TextDocuments(TextDocument);
  const warn = (message: string) => connection.console.warn(message);
  const planner = new Planner(plannerScript, warn);
  const marked = new Map<string, { readonly known: KnownDiagnostics; readonly found: ReadonlyMap<string, readonly Diagnostic[]> }>();
  let client: ClientCapabilities = {};

  const noted = (work: Promise<void>) =>
    void work.catch((error: unknown) => {
      // After the signal nobody hears it, and the connection throws at whoever writes to it.
      if (!signal.aborted) connection.console.error(error instanceof Error ? error.message : String(error));
    });
  /** Only what changed: a drive may have thousands of problems, and a client that is told of them all at each keystroke falls behind. */
  const publish = (drive: OpenDrive) => {
    const before = marked.get(drive.path) ?? { known: new KnownDiagnostics(), found: new Map<string, readonly Diagnostic[]>() };
    const found = diagnosticsOf(drive.specs, drive.placement, before.known);
    for (const file of changedFiles(before.found, found)) tell(drive, file, found.get(file) ?? []);
    marked.set(drive.path, { known: before.known, found });
  };
  const tell = (drive: OpenDrive, file: string, diagnostics: readonly Diagnostic[]) =>
    noted(connection.sendDiagnostics({ uri: uriOf(drive, file), diagnostics: diagnostics.map((diagnostic) => diagnosticOf(drive, diagnostic, client)) }));
  const refresh = () => {
    if (client.workspace?.codeLens?.refreshSupport === true) noted(connection.sendRequest(CodeLensRefreshRequest.type));
    if (client.workspace?.inlayHint?.refreshSupport === true) noted(connection.languages.inlayHint.refresh());
  };
  const drives = new LspDrives({
    documents,
    plan: (input) => planner.plan(input),
    prove: (input, signal) => planner.prove(input, signal),
    warn,
    changed: (drive) => {
      publish(drive);
      refresh();
    },
    removed: (drive) => {
      for (const file of marked.get(drive.path)?.found.keys() ?? []) tell(drive, file, []);
      marked.delete(drive.path);
    },
  });

  connection.onInitialize(({ capabilities, workspaceFolders }: InitializeParams) => {
    client = capabilities;
    answerRequests(connection, drives, client);
    connection.onInitialized(() => noted(begin(connection, drives, client, workspaceFolders?.map(({ uri }) => uri) ?? [])));
    return { capabilities: CAPABILITIES, serverInfo: { name: 'pxen', version } };
  });
  documents.onDidOpen(({ document }) => noted(drives.opened(document.uri).then(() => drives.edited(document))));
  documents.onDidChangeContent(({ document }) => drives.edited(document));
  documents.onDidClose(({ document }) => noted(drives.touched(document.uri)));
  // Who doesn't watch files for us at least says what it saves.
  documents.onDidSave(({ document }) => noted(drives.touched(document.uri)));
  connection.onDidChangeWatchedFiles(({ changes }) => noted(Promise.all(changes.map(({ uri }) => drives.touched(uri))).then(() => undefined)));
  connection.onExecuteCommand(({ command, arguments: [folder] = [] }) => {
    const placement = command === SHOW_PLACEMENT ? drives.all.find((drive) => drive.path === folder)?.placement : undefined;
    if (placement) noted(connection.sendNotification(ShowMessageNotification.type, { type: MessageType.Info, message: placementText(placement) }));
    return null;
  });
  const close = () => {
    drives.close();
    planner.dispose();
  };
  connection.onShutdown(close);
  documents.listen(connection);
  connection.listen();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      close();
      connection.dispose();
      input.destroy();
      resolve();
    });
  });
}

/** Watching first, so that nothing is missed between the first reading and it. */
async function begin(connection: Connection, drives: LspDrives, client: ClientCapabilities, folders: readonly string[]): Promise<void> {
  if (client.workspace?.didChangeWatchedFiles?.dynamicRegistration === true) {
    await connection.client.register(DidChangeWatchedFilesNotification.type, { watchers: WATCHED.map((globPattern) => ({ globPattern })) });
  }
  const find = async (uris: readonly string[]) => {
    await Promise.all(uris.flatMap((uri) => pathOf(uri) ?? []).map((folder) => drives.findIn(path.resolve(folder))));
  };
  if (client.workspace?.workspaceFolders === true) {
    connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
      for (const folder of removed.flatMap(({ uri }) => pathOf(uri) ?? [])) drives.forgetIn(path.resolve(folder));
      void find(added.map(({ uri }) => uri)).catch((error: unknown) => connection.console.error(String(error)));
    });
  }
  await find(folders);
}

/** Of every drive, wherever in the workspace it lies. */
const WATCHED = ['**/pxen.yaml', '**/hosts/**', '**/vms/**', '**/images/*', '**/images/*/manifest.json', '**/disks/**', '**/state/{identity,placement}.json'];

const CAPABILITIES: ServerCapabilities = {
  positionEncoding: 'utf-16',
  textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
  completionProvider: { triggerCharacters: [...COMPLETION_TRIGGERS], resolveProvider: true },
  hoverProvider: true,
  definitionProvider: true,
  referencesProvider: true,
  renameProvider: { prepareProvider: true },
  codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.RefactorRewrite] },
  documentSymbolProvider: true,
  workspaceSymbolProvider: true,
  documentFormattingProvider: true,
  codeLensProvider: {},
  inlayHintProvider: true,
  executeCommandProvider: { commands: [SHOW_PLACEMENT] },
  workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
};
