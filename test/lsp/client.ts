/** A client of the language server, over the standard streams of the command that is shipped. */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  DidChangeTextDocumentNotification,
  DidChangeWatchedFilesNotification,
  DidOpenTextDocumentNotification,
  ExitNotification,
  FileChangeType,
  InitializedNotification,
  InitializeRequest,
  PublishDiagnosticsNotification,
  LogMessageNotification,
  RegistrationRequest,
  ShowMessageNotification,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
  type ClientCapabilities,
  type Diagnostic,
  type DidChangeWatchedFilesRegistrationOptions,
  type InitializeResult,
  type Position,
  type ProtocolConnection,
} from 'vscode-languageserver/node';
import { copyExample } from '../support/examples';
import { withTimeLimit } from '../support/waiting';

/** What a modern editor can do. */
export const CAPABLE: ClientCapabilities = {
  workspace: {
    workspaceFolders: true,
    didChangeWatchedFiles: { dynamicRegistration: true },
    workspaceEdit: { documentChanges: true, resourceOperations: ['create', 'rename'], changeAnnotationSupport: {} },
    codeLens: { refreshSupport: false },
  },
  textDocument: {
    publishDiagnostics: { relatedInformation: true },
    completion: { completionItem: { snippetSupport: true, labelDetailsSupport: true } },
  },
};

export interface Client {
  readonly connection: ProtocolConnection;
  readonly answer: InitializeResult;
  /** Globs that the server asked to have watched. */
  readonly watched: readonly string[];
  /** Shown to the user, or logged. */
  readonly messages: readonly string[];
  uri(file: string): string;
  open(file: string, text: string): Promise<void>;
  change(file: string, range: { readonly start: Position; readonly end: Position }, text: string): Promise<void>;
  /** A file changed on disk. */
  touch(file: string, type?: FileChangeType): Promise<void>;
  /** Waits until what is published of a file satisfies `wanted`. */
  diagnostics(file: string, wanted: (diagnostics: readonly Diagnostic[]) => boolean): Promise<readonly Diagnostic[]>;
  /** The exit code. */
  readonly ended: Promise<number | null>;
  /** Says goodbye as the protocol asks. */
  shutDown(): Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  /** Bytes as they are, well formed or not. */
  write(bytes: string): void;
  /** Closes the server's input, as an editor that crashes does. */
  hangUp(): void;
}

/** `folders` are absolute; the first is what files are relative to. */
export async function startClient(pxen: string, folders: readonly string[], capabilities: ClientCapabilities = CAPABLE): Promise<Client> {
  const server = spawn(process.execPath, [pxen, 'lsp', '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => server.once('exit', resolve));
  const connection = createProtocolConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
  const published = new Map<string, readonly Diagnostic[]>();
  const watched: string[] = [];
  const messages: string[] = [];
  const waiting = new Set<() => void>();
  const uri = (file: string) => pathToFileURL(path.join(folders[0] ?? '', file)).href;
  connection.onNotification(PublishDiagnosticsNotification.type, (params) => {
    published.set(params.uri, params.diagnostics);
    for (const look of waiting) look();
  });
  connection.onNotification(LogMessageNotification.type, ({ message }) => void messages.push(message));
  connection.onNotification(ShowMessageNotification.type, ({ message }) => void messages.push(message));
  connection.onRequest(RegistrationRequest.type, ({ registrations }) => {
    for (const { registerOptions } of registrations) for (const { globPattern } of (registerOptions as DidChangeWatchedFilesRegistrationOptions).watchers) if (typeof globPattern === 'string') watched.push(globPattern);
  });
  connection.listen();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the protocol's type still asks for `rootUri`
  const answer = await connection.sendRequest(InitializeRequest.type, { processId: process.pid, rootUri: null, capabilities, workspaceFolders: folders.map((folder) => ({ uri: pathToFileURL(folder).href, name: path.basename(folder) })) });
  await connection.sendNotification(InitializedNotification.type, {});
  let version = 1;
  return {
    connection,
    answer,
    watched,
    messages,
    uri,
    ended,
    open: (file, text) => connection.sendNotification(DidOpenTextDocumentNotification.type, { textDocument: { uri: uri(file), languageId: 'yaml', version, text } }),
    change: (file, range, text) => connection.sendNotification(DidChangeTextDocumentNotification.type, { textDocument: { uri: uri(file), version: (version += 1) }, contentChanges: [{ range, text }] }),
    touch: (file, type = FileChangeType.Changed) => connection.sendNotification(DidChangeWatchedFilesNotification.type, { changes: [{ uri: uri(file), type }] }),
    diagnostics: (file, wanted) =>
      withTimeLimit(
        new Promise((resolve) => {
          const look = () => {
            const found = published.get(uri(file));
            if (!found || !wanted(found)) return;
            waiting.delete(look);
            resolve(found);
          };
          waiting.add(look);
          look();
        }),
        () => `the diagnostics of ${file}; there are ${JSON.stringify(published.get(uri(file)))}; told was: ${messages.join(' · ')}`,
      ),
    shutDown: async () => {
      await connection.sendRequest(ShutdownRequest.type);
      await connection.sendNotification(ExitNotification.type);
      return ended;
    },
    signal: (name) => void server.kill(name),
    write: (bytes) => void server.stdin.write(bytes),
    hangUp: () => server.stdin.end(),
  };
}

export interface Folder {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

/** A copy of the example's drive. */
export async function homelab(): Promise<Folder> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-lsp-'));
  await copyExample('homelab', folder);
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
