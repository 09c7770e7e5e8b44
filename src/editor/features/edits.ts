/** What features answer with: ranges as offsets, changes as plain values. Editors' own types begin in the adapters. */

/** UTF-16 offsets into one file's text; the end is exclusive. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** One change to the drive. Several are applied together, all their offsets being those before any of them. */
export type FileEdit =
  | { readonly kind: 'replace'; readonly file: string; readonly start: number; readonly end: number; readonly text: string }
  | { readonly kind: 'create'; readonly file: string; readonly text: string }
  | { readonly kind: 'rename'; readonly file: string; readonly to: string };

export function replace({ file, start, end }: TextRange & { readonly file: string }, text: string): FileEdit {
  return { kind: 'replace', file, start, end, text };
}

/** Whether two ranges share a character or touch: a cursor at a word's end is at that word. */
export function touches(a: TextRange, b: TextRange): boolean {
  return a.start <= b.end && b.start <= a.end;
}

/** Offset of the first character of the offset's line. */
export function lineStart(text: string, offset: number): number {
  return Math.max(text.lastIndexOf('\n', offset - 1), text.lastIndexOf('\r', offset - 1)) + 1;
}

/** Offset behind the last character of the offset's line, before its line break. */
export function lineEnd(text: string, offset: number): number {
  const found = text.slice(offset).search(/[\r\n]/);
  return found < 0 ? text.length : offset + found;
}

/** Offset behind the line break that ends the offset's line. */
export function nextLine(text: string, offset: number): number {
  const end = lineEnd(text, offset);
  return end + (text.startsWith('\r\n', end) ? 2 : end < text.length ? 1 : 0);
}
