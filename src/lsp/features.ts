/** The language features of specs as the Language Server Protocol asks for them. What they answer is worked out in `editor/features/`. */

import {
  CodeActionKind,
  CompletionItemKind,
  InsertTextFormat,
  InsertTextMode,
  MarkupKind,
  ResponseError,
  SymbolKind,
  TextEdit,
  type ClientCapabilities,
  type CodeAction,
  type CodeActionParams,
  type CodeLens,
  type CompletionItem,
  type Connection,
  type DocumentSymbol,
  type Hover,
  type InlayHint,
  type Position,
  type SymbolInformation,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { completionsAt, type Completion } from '../editor/features/completion';
import { fixesAt, type Fix } from '../editor/features/fixes';
import { formatEdits } from '../editor/features/format';
import { hintsIn } from '../editor/features/hints';
import { hoverAt } from '../editor/features/hover';
import { lensesOf } from '../editor/features/lenses';
import { definitionsAt, referencesAt, renameable, renameAt } from '../editor/features/navigation';
import { driveSymbols, outlineOf, type OutlineSymbol } from '../editor/features/outline';
import { rewritesAt } from '../editor/features/rewrites';
import { locationIn, positionIn, rangeIn, workspaceEdit } from './convert';
import type { LspDrives, OpenSpec } from './drives';

/** The command behind a lens. */
export const SHOW_PLACEMENT = 'pxen.showPlacement';

/** The characters after which completion is worth asking for by itself. */
export const COMPLETION_TRIGGERS = [' ', ':', '-', '{', '[', ',', '='];

/** LSP's InvalidRequest, of which clients show the message: what the user asked for can't be done. */
const REFUSED = -32600;

export function answerRequests(connection: Connection, drives: LspDrives, client: ClientCapabilities): void {
  interface At {
    readonly textDocument: { readonly uri: string };
    readonly position: Position;
  }
  const withSpec = async <T>({ textDocument }: Pick<At, 'textDocument'>, answer: (spec: OpenSpec) => T): Promise<T | null> => {
    await drives.settled();
    const spec = drives.specOf(textDocument.uri);
    return spec ? answer(spec) : null;
  };
  const at = <T>(asked: At, answer: (spec: OpenSpec, offset: number) => T): Promise<T | null> => withSpec(asked, (spec) => answer(spec, spec.document.offsetAt(asked.position)));

  // Documentation is the larger part of an answer and is looked at for one item: it follows when it is asked for.
  let offered: { readonly list: number; readonly completions: readonly Completion[] } = { list: 0, completions: [] };
  connection.onCompletion((asked) =>
    at(asked, (spec, offset) => {
      offered = { list: offered.list + 1, completions: completionsAt(spec.specs, spec.file, offset) };
      return offered.completions.map((completion, index) => ({ ...completionItem(spec, completion, index, client), data: { list: offered.list, index } satisfies ItemData }));
    }),
  );
  connection.onCompletionResolve((item) => {
    const { list, index } = item.data as ItemData;
    // Of a list that another has taken the place of, nobody is looking at an item.
    const documentation = list === offered.list ? offered.completions[index]?.documentation : undefined;
    return documentation === undefined ? item : { ...item, documentation: { kind: MarkupKind.Markdown, value: documentation } };
  });
  connection.onHover((asked) => at(asked, hover));
  connection.onDefinition((asked) => at(asked, (spec, offset) => definitionsAt(spec.specs, spec.file, offset).map((place) => locationIn(spec, place))));
  connection.onReferences((asked) => at(asked, (spec, offset) => referencesAt(spec.specs, spec.file, offset, { withDefinition: asked.context.includeDeclaration }).map((place) => locationIn(spec, place))));
  connection.onPrepareRename((asked) => at(asked, prepareRename));
  connection.onRenameRequest((asked) => at(asked, (spec, offset) => rename(spec, offset, asked.newName, client)));
  connection.onCodeAction((asked) => withSpec(asked, (spec) => codeActions(spec, asked, client)));
  connection.onDocumentSymbol((asked) => withSpec(asked, (spec) => outlineOf(spec.specs, spec.file).map((symbol) => documentSymbol(spec, symbol))));
  connection.onWorkspaceSymbol(async ({ query }) => {
    await drives.settled();
    return workspaceSymbols(drives, query);
  });
  connection.onDocumentFormatting((asked) => withSpec(asked, ({ document }) => formatEdits(document.getText()).map(({ start, end, text }) => TextEdit.replace({ start: document.positionAt(start), end: document.positionAt(end) }, text))));
  connection.onCodeLens((asked) => withSpec(asked, lenses));
  connection.languages.inlayHint.on((asked) => withSpec(asked, (spec) => inlayHints(spec, spec.document, asked.range)));
}

const COMPLETION_KINDS: Readonly<Record<Completion['sort'], CompletionItemKind>> = {
  key: CompletionItemKind.Property,
  value: CompletionItemKind.Value,
  unit: CompletionItemKind.Unit,
  reference: CompletionItemKind.Reference,
  snippet: CompletionItemKind.Snippet,
};

function completionItem(spec: OpenSpec, { label, detail, sort, range, text, cursor, filter }: Completion, index: number, client: ClientCapabilities): CompletionItem {
  const can = client.textDocument?.completion?.completionItem;
  const isSnippet = cursor !== undefined && can?.snippetSupport === true;
  return {
    label,
    ...(detail !== undefined && (can?.labelDetailsSupport === true ? { labelDetails: { description: detail } } : { detail })),
    kind: COMPLETION_KINDS[sort],
    sortText: String(index).padStart(4, '0'),
    ...(filter !== undefined && { filterText: filter }),
    // The text brings its whole indentation along.
    insertTextMode: InsertTextMode.asIs,
    insertTextFormat: isSnippet ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
    textEdit: TextEdit.replace(rangeIn(spec, spec.file, range), isSnippet ? `${snippetText(text.slice(0, cursor))}$0${snippetText(text.slice(cursor))}` : text),
  };
}

/** Comes back with the item whose documentation is asked for. */
interface ItemData {
  readonly list: number;
  readonly index: number;
}

function snippetText(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}

function hover(spec: OpenSpec, offset: number): Hover | null {
  const found = hoverAt(spec.specs, spec.file, offset);
  return found ? { contents: { kind: MarkupKind.Markdown, value: found.markdown }, range: rangeIn(spec, spec.file, found.range) } : null;
}

function prepareRename(spec: OpenSpec, offset: number) {
  const found = renameable(spec.specs, spec.file, offset);
  if ('refusal' in found) throw new ResponseError(REFUSED, found.refusal);
  return { range: rangeIn(spec, spec.file, found), placeholder: found.word };
}

function rename(spec: OpenSpec, offset: number, name: string, client: ClientCapabilities): WorkspaceEdit | null {
  const answer = renameAt(spec.specs, spec.file, offset, name);
  if ('refusal' in answer) throw new ResponseError(REFUSED, answer.refusal);
  return workspaceEdit(spec, answer.edits, client, answer.caution) ?? null;
}

function codeActions(spec: OpenSpec, { range, context: { diagnostics, only } }: CodeActionParams, client: ClientCapabilities): CodeAction[] {
  const asked = { start: spec.document.offsetAt(range.start), end: spec.document.offsetAt(range.end) };
  const action = (fix: Fix, kind: CodeActionKind): CodeAction[] => {
    const edit = workspaceEdit(spec, fix.edits, client);
    return edit ? [{ title: fix.title, kind, edit, ...(fix.preferred === true && { isPreferred: true }) }] : [];
  };
  const fixes = fixesAt(spec.specs, spec.file, asked).flatMap((fix) => {
    const fixed = diagnostics.filter(({ code, range: { start } }) => code === fix.problem.code && start.line === fix.problem.line - 1 && start.character === fix.problem.column - 1);
    return action(fix, CodeActionKind.QuickFix).map((made) => ({ ...made, diagnostics: fixed }));
  });
  const rewrites = rewritesAt(spec.specs, spec.file, asked).flatMap((fix) => action(fix, CodeActionKind.RefactorRewrite));
  // `refactor` asks for `refactor.rewrite` too.
  return [...fixes, ...rewrites].filter(({ kind }) => !only || only.some((wanted) => kind === wanted || kind?.startsWith(`${wanted}.`) === true));
}

const SYMBOL_KINDS: Readonly<Record<OutlineSymbol['sort'], SymbolKind>> = {
  cluster: SymbolKind.Namespace,
  host: SymbolKind.Module,
  vm: SymbolKind.Class,
  storage: SymbolKind.Package,
  array: SymbolKind.Package,
  disk: SymbolKind.Field,
  section: SymbolKind.Property,
  label: SymbolKind.Key,
  bridge: SymbolKind.Interface,
  image: SymbolKind.File,
  file: SymbolKind.File,
};

function documentSymbol(spec: OpenSpec, { name, detail, sort, range, selection, children }: OutlineSymbol): DocumentSymbol {
  return {
    name: name === '' ? '""' : name,
    detail,
    kind: SYMBOL_KINDS[sort],
    range: rangeIn(spec, spec.file, range),
    selectionRange: rangeIn(spec, spec.file, selection),
    children: children.map((child) => documentSymbol(spec, child)),
  };
}

function workspaceSymbols(drives: LspDrives, query: string): SymbolInformation[] {
  const wanted = query.toLowerCase();
  return drives.all.flatMap((drive) =>
    driveSymbols(drive.specs)
      .filter(({ name }) => name.toLowerCase().includes(wanted))
      .map((symbol) => ({ name: symbol.name, kind: SYMBOL_KINDS[symbol.sort], containerName: symbol.container, location: locationIn(drive, symbol) })),
  );
}

function lenses(spec: OpenSpec): CodeLens[] {
  const { placement, path } = spec.drive;
  if (!placement) return [];
  return lensesOf(spec.specs, spec.file, placement).map(({ range, title }) => ({ range: rangeIn(spec, spec.file, range), command: { title, command: SHOW_PLACEMENT, arguments: [path] } }));
}

function inlayHints(spec: OpenSpec, document: TextDocument, range: { readonly start: Position; readonly end: Position }): InlayHint[] {
  return hintsIn(spec.specs, spec.file, { start: document.offsetAt(range.start), end: document.offsetAt(range.end) }).map(({ offset, label, tooltip }) => ({ position: positionIn(spec, spec.file, offset), label, tooltip, paddingLeft: true }));
}
