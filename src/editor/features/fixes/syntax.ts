/** Broken YAML, where one line shows what was meant. */

import { parseAllDocuments } from 'yaml';
import { SCHEMAS } from '../../../backend/drive/schemaTree';
import { lineEnd, lineStart, replace } from '../edits';
import type { Context, Fix } from './context';

/** Only repairs after which the text has fewer errors are offered, the likeliest first. */
export function repaired({ file, text, range }: Context): readonly Fix[] {
  if (text.length > MAX_TRIED) return [];
  // Of a line that lacks something YAML often complains at the next one.
  const here = lineStart(text, range.start);
  // A quote that is never closed takes all that follows it along.
  const unclosed = [...text.matchAll(/^.*$/gm)].find(({ 0: line }) => ['"', "'"].some((mark) => line.split(mark).length % 2 === 0))?.index;
  const lines = [...new Set([here, lineStart(text, Math.max(0, here - 1)), ...(unclosed === undefined ? [] : [unclosed])])];
  const before = errorsIn(text);
  for (const start of lines) {
    const end = lineEnd(text, start);
    const line = text.slice(start, end);
    for (const { title, text: better } of REPAIRS.flatMap((repair) => repair(line) ?? [])) {
      if (errorsIn(text.slice(0, start) + better + text.slice(end)) < before) return [{ title, edits: [replace({ file, start, end }, better)], preferred: true }];
    }
  }
  return [];
}

/** Each repair is tried on the whole text: a hundred times a usual spec is enough. */
const MAX_TRIED = 64 * 1024;

interface Repair {
  readonly title: string;
  readonly text: string;
}

/** All keys of all schemas, so that a word with its colon forgotten is known for one. */
const KEYS: ReadonlySet<string> = new Set(JSON.stringify(SCHEMAS).match(/(?<=")[a-zA-Z]+(?=":\{)/g));

const REPAIRS: readonly ((line: string) => Repair | undefined)[] = [
  (line) => {
    const found = /^(\s*(?:-\s+)?[A-Za-z]+):(?=[^\s:/])(.*)$/.exec(line);
    return found ? { title: 'Put a blank behind the colon', text: `${found[1] ?? ''}: ${found[2] ?? ''}` } : undefined;
  },
  (line) => {
    const found = /^(\s*(?:-\s+)?)([A-Za-z]+)(?:\s+(.*))?$/.exec(line);
    return found && KEYS.has(found[2] ?? '') ? { title: `Put a colon behind ${found[2] ?? ''}`, text: `${found[1] ?? ''}${found[2] ?? ''}:${found[3] === undefined ? '' : ` ${found[3]}`}` } : undefined;
  },
  (line) => {
    // YAML 1.2 §5.3: characters that begin no plain text.
    const found = /^(\s*(?:-\s+)?[A-Za-z]+:\s+|\s*-\s+)([@`%|>*&!].*?)(\s+#.*)?$/.exec(line);
    return found ? { title: 'Put the value in quotes', text: `${found[1] ?? ''}${JSON.stringify(found[2])}${found[3] ?? ''}` } : undefined;
  },
  (line) => {
    const [, code = line, comment = ''] = /^(.*?)(\s+#.*)?$/.exec(line) ?? [];
    const quote = ['"', "'"].find((mark) => code.split(mark).length % 2 === 0);
    return quote === undefined ? undefined : { title: 'Close the quote', text: `${code}${quote}${comment}` };
  },
  (line) => {
    const [, code = line, comment = ''] = /^(.*?)(\s+#.*)?$/.exec(line) ?? [];
    const open: string[] = [];
    for (const mark of code.replace(/"[^"]*"|'[^']*'/g, '')) {
      if (mark === '[' || mark === '{') open.unshift(mark === '[' ? ']' : '}');
      else if (mark === open[0]) open.shift();
    }
    return open.length === 0 ? undefined : { title: `Close with ${open.join('')}`, text: `${code}${open.join('')}${comment}` };
  },
];

function errorsIn(text: string): number {
  return [...parseAllDocuments(text, { version: '1.2', prettyErrors: false, logLevel: 'silent' })].reduce((count, { errors }) => count + errors.length, 0);
}
