/** Offsets in the drive's files as VS Code's ranges, and changes to the drive as its edits. */

import * as vscode from 'vscode';
import type { Drive, Drives } from './drives';
import type { FileEdit, TextRange } from './features/edits';
import type { EditorDrive } from './features/editorDrive';

/** An open spec, and its drive with the very text that is asked about. */
export interface OpenSpec {
  readonly drive: Drive;
  readonly specs: EditorDrive;
  readonly file: string;
}

/** Undefined for a file that belongs to no drive. */
export function openSpec(drives: Drives, document: vscode.TextDocument): OpenSpec | undefined {
  const drive = drives.of(document.uri);
  const file = drive?.specFile(document.uri);
  return drive && file !== undefined ? { drive, file, specs: drive.specs.with(file, document.getText()) } : undefined;
}

export function rangeIn(specs: EditorDrive, file: string, { start, end }: TextRange): vscode.Range {
  return new vscode.Range(positionIn(specs, file, start), positionIn(specs, file, end));
}

export function positionIn(specs: EditorDrive, file: string, offset: number): vscode.Position {
  const { line, column } = specs.files.get(file)?.spec.lines.at(offset) ?? { line: 1, column: 1 };
  return new vscode.Position(line - 1, column - 1);
}

export function locationIn({ drive, specs }: Pick<OpenSpec, 'drive' | 'specs'>, place: TextRange & { readonly file: string }): vscode.Location {
  return new vscode.Location(drive.uri(place.file), rangeIn(specs, place.file, place));
}

/** `caution` makes VS Code show the edits, and wait for a yes, before they are made. */
export function workspaceEdit({ drive, specs }: Pick<OpenSpec, 'drive' | 'specs'>, edits: readonly FileEdit[], caution?: string): vscode.WorkspaceEdit {
  const result = new vscode.WorkspaceEdit();
  const metadata = caution === undefined ? undefined : { needsConfirmation: true, label: caution };
  for (const edit of edits) {
    const uri = drive.uri(edit.file);
    switch (edit.kind) {
      case 'replace':
        result.replace(uri, rangeIn(specs, edit.file, edit), edit.text, metadata);
        break;
      case 'create':
        result.createFile(uri, { contents: new TextEncoder().encode(edit.text) }, metadata);
        break;
      case 'rename':
        result.renameFile(uri, drive.uri(edit.to), undefined, metadata);
        break;
    }
  }
  return result;
}
