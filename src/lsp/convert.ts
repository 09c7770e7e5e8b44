/** Ranges, edits and problems as the Language Server Protocol has them (positions count from 0, in UTF-16 units). */

import { pathToFileURL } from 'node:url';
import {
  AnnotatedTextEdit,
  CreateFile,
  DiagnosticSeverity,
  RenameFile,
  TextDocumentEdit,
  TextEdit,
  type ChangeAnnotation,
  type ClientCapabilities,
  type Diagnostic as LspDiagnostic,
  type Location,
  type Position,
  type Range,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import type { Diagnostic, Span } from '../editor/features/diagnostics';
import { spanOf } from '../editor/features/diagnostics';
import type { FileEdit, TextRange } from '../editor/features/edits';
import type { EditorDrive } from '../editor/features/editorDrive';
import type { Severity } from '../protocol';

/** A drive's folder and its texts: enough to say where something is. */
export interface Placed {
  readonly path: string;
  readonly specs: EditorDrive;
}

export function uriOf({ path }: Pick<Placed, 'path'>, file: string): string {
  return pathToFileURL(`${path}/${file}`).href;
}

export function rangeIn({ specs }: Placed, file: string, range: TextRange): Range {
  return rangeOf(spanOf(specs, { file, ...range }));
}

export function positionIn({ specs }: Placed, file: string, offset: number): Position {
  return rangeOf(spanOf(specs, { file, start: offset, end: offset })).start;
}

export function locationIn(placed: Placed, place: TextRange & { readonly file: string }): Location {
  return { uri: uriOf(placed, place.file), range: rangeIn(placed, place.file, place) };
}

const SEVERITIES: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
};

export function diagnosticOf(placed: Placed, { severity, code, message, related, ...span }: Diagnostic, client: ClientCapabilities): LspDiagnostic {
  const tellsRelated = client.textDocument?.publishDiagnostics?.relatedInformation === true && related.length > 0;
  return {
    range: rangeOf(span),
    severity: SEVERITIES[severity],
    code,
    source: 'pxen',
    message,
    ...(tellsRelated && { relatedInformation: related.map((other) => ({ location: { uri: uriOf(placed, other.file), range: rangeOf(other) }, message: other.message })) }),
  };
}

/** Undefined when the client can't make all of the edits, files that are created or renamed among them. `caution` asks for a yes first, where the client knows how. */
export function workspaceEdit(placed: Placed, edits: readonly FileEdit[], client: ClientCapabilities, caution?: string): WorkspaceEdit | undefined {
  const can = client.workspace?.workspaceEdit;
  const replacements = edits.filter((edit) => edit.kind === 'replace');
  if (can?.documentChanges !== true) return replacements.length === edits.length ? { changes: Object.fromEntries(byFile(placed, replacements)) } : undefined;
  if (edits.some(({ kind }) => kind !== 'replace' && can.resourceOperations?.includes(kind) !== true)) return undefined;
  const annotation = caution !== undefined && can.changeAnnotationSupport ? CAUTION : undefined;
  const annotated = (edit: TextEdit) => (annotation === undefined ? edit : AnnotatedTextEdit.replace(edit.range, edit.newText, annotation));
  const texts = [...byFile(placed, replacements)].map(([uri, changes]): DocumentChange => TextDocumentEdit.create({ uri, version: null }, changes.map(annotated)));
  const documentChanges = [...texts, ...edits.flatMap((edit) => resourceChanges(placed, edit))];
  const annotations: Record<string, ChangeAnnotation> = annotation === undefined || caution === undefined ? {} : { [annotation]: { label: caution, needsConfirmation: true } };
  return { documentChanges, ...(annotation !== undefined && { changeAnnotations: annotations }) };
}

const CAUTION = 'caution';

type DocumentChange = NonNullable<WorkspaceEdit['documentChanges']>[number];

function byFile(placed: Placed, edits: readonly Extract<FileEdit, { kind: 'replace' }>[]): ReadonlyMap<string, TextEdit[]> {
  const files = new Map<string, TextEdit[]>();
  for (const edit of edits) {
    const uri = uriOf(placed, edit.file);
    files.set(uri, [...(files.get(uri) ?? []), TextEdit.replace(rangeIn(placed, edit.file, edit), edit.text)]);
  }
  return files;
}

function resourceChanges(placed: Placed, edit: FileEdit): readonly DocumentChange[] {
  if (edit.kind === 'replace') return [];
  const uri = uriOf(placed, edit.file);
  if (edit.kind === 'rename') return [RenameFile.create(uri, uriOf(placed, edit.to))];
  return [CreateFile.create(uri), TextDocumentEdit.create({ uri, version: null }, [TextEdit.insert({ line: 0, character: 0 }, edit.text)])];
}

function rangeOf({ line, column, endLine, endColumn }: Omit<Span, 'file'>): Range {
  return { start: { line: line - 1, character: column - 1 }, end: { line: endLine - 1, character: endColumn - 1 } };
}
