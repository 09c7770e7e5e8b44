/** The language features of specs as VS Code asks for them. What they answer is worked out in `features/`. */

import * as vscode from 'vscode';
import type { Drives } from './drives';
import { completionsAt, type Completion } from './features/completion';
import { fixesAt, type Fix } from './features/fixes';
import { formatEdits } from './features/format';
import { hintsIn } from './features/hints';
import { hoverAt } from './features/hover';
import { lensesOf } from './features/lenses';
import { definitionsAt, referencesAt, renameable, renameAt } from './features/navigation';
import { driveSymbols, outlineOf, type OutlineSymbol } from './features/outline';
import { rewritesAt } from './features/rewrites';
import { locationIn, openSpec, positionIn, rangeIn, workspaceEdit, type OpenSpec } from './positions';

const SELECTOR: vscode.DocumentSelector = { language: 'pxen' };

/** Registers every provider; what it returns ends them. */
export function registerLanguageFeatures(drives: Drives): vscode.Disposable {
  const { languages } = vscode;
  const changed = new vscode.EventEmitter<void>();
  return vscode.Disposable.from(
    changed,
    drives.onDidChange(() => changed.fire()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('pxen')) changed.fire();
    }),
    languages.registerCompletionItemProvider(SELECTOR, { provideCompletionItems: (document, position) => at(drives, document, position, completions) }, ' ', ':', '-', '{', '[', ',', '='),
    languages.registerHoverProvider(SELECTOR, { provideHover: (document, position) => at(drives, document, position, hover) }),
    languages.registerDefinitionProvider(SELECTOR, { provideDefinition: (document, position) => at(drives, document, position, (spec, offset) => definitionsAt(spec.specs, spec.file, offset).map((place) => locationIn(spec, place))) }),
    languages.registerReferenceProvider(SELECTOR, {
      provideReferences: (document, position, { includeDeclaration }) => at(drives, document, position, (spec, offset) => referencesAt(spec.specs, spec.file, offset, { withDefinition: includeDeclaration }).map((place) => locationIn(spec, place))),
    }),
    languages.registerRenameProvider(SELECTOR, {
      prepareRename: (document, position) => at(drives, document, position, prepareRename),
      provideRenameEdits: (document, position, name) => at(drives, document, position, (spec, offset) => rename(spec, offset, name)),
    }),
    languages.registerCodeActionsProvider(SELECTOR, { provideCodeActions: (document, range, context) => codeActions(openSpec(drives, document), document, range, context) }, { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix, vscode.CodeActionKind.RefactorRewrite] }),
    languages.registerDocumentSymbolProvider(SELECTOR, { provideDocumentSymbols: (document) => withSpec(drives, document, (spec) => outlineOf(spec.specs, spec.file).map((symbol) => documentSymbol(spec, symbol))) }),
    languages.registerWorkspaceSymbolProvider({ provideWorkspaceSymbols: (query) => workspaceSymbols(drives, query) }),
    languages.registerDocumentFormattingEditProvider(SELECTOR, { provideDocumentFormattingEdits: (document) => formatEdits(document.getText()).map(({ start, end, text }) => vscode.TextEdit.replace(new vscode.Range(document.positionAt(start), document.positionAt(end)), text)) }),
    languages.registerCodeLensProvider(SELECTOR, { onDidChangeCodeLenses: changed.event, provideCodeLenses: (document) => withSpec(drives, document, lenses) }),
    languages.registerInlayHintsProvider(SELECTOR, { onDidChangeInlayHints: changed.event, provideInlayHints: (document, range) => withSpec(drives, document, (spec) => inlayHints(spec, document, range)) }),
  );
}

function withSpec<T>(drives: Drives, document: vscode.TextDocument, answer: (spec: OpenSpec) => T): T | undefined {
  const spec = openSpec(drives, document);
  return spec && answer(spec);
}

function at<T>(drives: Drives, document: vscode.TextDocument, position: vscode.Position, answer: (spec: OpenSpec, offset: number) => T): T | undefined {
  return withSpec(drives, document, (spec) => answer(spec, document.offsetAt(position)));
}

const COMPLETION_KINDS: Readonly<Record<Completion['sort'], vscode.CompletionItemKind>> = {
  key: vscode.CompletionItemKind.Property,
  value: vscode.CompletionItemKind.Value,
  unit: vscode.CompletionItemKind.Unit,
  reference: vscode.CompletionItemKind.Reference,
  snippet: vscode.CompletionItemKind.Snippet,
};

function completions({ specs, file }: OpenSpec, offset: number): vscode.CompletionItem[] {
  return completionsAt(specs, file, offset).map((completion, index) => {
    const item = new vscode.CompletionItem({ label: completion.label, ...(completion.detail !== undefined && { description: completion.detail }) }, COMPLETION_KINDS[completion.sort]);
    const { text, cursor } = completion;
    item.insertText = cursor === undefined ? text : new vscode.SnippetString().appendText(text.slice(0, cursor)).appendTabstop(0).appendText(text.slice(cursor));
    item.range = rangeIn(specs, file, completion.range);
    item.sortText = String(index).padStart(4, '0');
    // The text brings its whole indentation along.
    item.keepWhitespace = true;
    if (completion.filter !== undefined) item.filterText = completion.filter;
    if (completion.documentation !== undefined) item.documentation = new vscode.MarkdownString(completion.documentation);
    if (completion.goesOn) item.command = { command: 'editor.action.triggerSuggest', title: 'Suggest' };
    return item;
  });
}

function hover({ specs, file }: OpenSpec, offset: number): vscode.Hover | undefined {
  const found = hoverAt(specs, file, offset);
  return found && new vscode.Hover(new vscode.MarkdownString(found.markdown), rangeIn(specs, file, found.range));
}

/** VS Code shows the message of the error. */
function prepareRename({ specs, file }: OpenSpec, offset: number): { range: vscode.Range; placeholder: string } {
  const found = renameable(specs, file, offset);
  if ('refusal' in found) throw new Error(found.refusal);
  return { range: rangeIn(specs, file, found), placeholder: found.word };
}

function rename(spec: OpenSpec, offset: number, name: string): vscode.WorkspaceEdit {
  const answer = renameAt(spec.specs, spec.file, offset, name);
  if ('refusal' in answer) throw new Error(answer.refusal);
  return workspaceEdit(spec, answer.edits, answer.caution);
}

function codeActions(spec: OpenSpec | undefined, document: vscode.TextDocument, range: vscode.Range, { diagnostics, only }: vscode.CodeActionContext): vscode.CodeAction[] {
  if (!spec) return [];
  const asked = { start: document.offsetAt(range.start), end: document.offsetAt(range.end) };
  const action = (fix: Fix, kind: vscode.CodeActionKind) => {
    const result = new vscode.CodeAction(fix.title, kind);
    result.edit = workspaceEdit(spec, fix.edits);
    result.isPreferred = fix.preferred ?? false;
    return result;
  };
  const fixes = fixesAt(spec.specs, spec.file, asked).map((fix) => {
    const result = action(fix, vscode.CodeActionKind.QuickFix);
    result.diagnostics = diagnostics.filter(({ code, range: { start } }) => code === fix.problem.code && start.line === fix.problem.line - 1 && start.character === fix.problem.column - 1);
    return result;
  });
  const rewrites = rewritesAt(spec.specs, spec.file, asked).map((fix) => action(fix, vscode.CodeActionKind.RefactorRewrite));
  return [...fixes, ...rewrites].filter(({ kind }) => !only || (kind !== undefined && only.contains(kind)));
}

const SYMBOL_KINDS: Readonly<Record<OutlineSymbol['sort'], vscode.SymbolKind>> = {
  cluster: vscode.SymbolKind.Namespace,
  host: vscode.SymbolKind.Module,
  vm: vscode.SymbolKind.Class,
  storage: vscode.SymbolKind.Package,
  array: vscode.SymbolKind.Package,
  disk: vscode.SymbolKind.Field,
  section: vscode.SymbolKind.Property,
  label: vscode.SymbolKind.Key,
  bridge: vscode.SymbolKind.Interface,
  image: vscode.SymbolKind.File,
  file: vscode.SymbolKind.File,
};

function documentSymbol(spec: OpenSpec, { name, detail, sort, range, selection, children }: OutlineSymbol): vscode.DocumentSymbol {
  const symbol = new vscode.DocumentSymbol(name === '' ? '""' : name, detail, SYMBOL_KINDS[sort], rangeIn(spec.specs, spec.file, range), rangeIn(spec.specs, spec.file, selection));
  symbol.children = children.map((child) => documentSymbol(spec, child));
  return symbol;
}

function workspaceSymbols(drives: Drives, query: string): vscode.SymbolInformation[] {
  const wanted = query.toLowerCase();
  return drives.all.flatMap((drive) =>
    driveSymbols(drive.specs)
      .filter(({ name }) => name.toLowerCase().includes(wanted))
      .map((symbol) => new vscode.SymbolInformation(symbol.name, SYMBOL_KINDS[symbol.sort], symbol.container, locationIn({ drive, specs: drive.specs }, symbol))),
  );
}

function lenses({ drive, specs, file }: OpenSpec): vscode.CodeLens[] {
  if (!drive.placement) return [];
  return lensesOf(specs, file, drive.placement).map(({ range, title }) => new vscode.CodeLens(rangeIn(specs, file, range), { title, command: 'pxen.planPlacement', tooltip: 'Show where every VM will run' }));
}

function inlayHints({ specs, file }: OpenSpec, document: vscode.TextDocument, range: vscode.Range): vscode.InlayHint[] {
  if (vscode.workspace.getConfiguration('pxen', document).get<boolean>('derivedValues') === false) return [];
  return hintsIn(specs, file, { start: document.offsetAt(range.start), end: document.offsetAt(range.end) }).map(({ offset, label, tooltip }) => {
    const hint = new vscode.InlayHint(positionIn(specs, file, offset), label);
    hint.paddingLeft = true;
    hint.tooltip = tooltip;
    return hint;
  });
}
