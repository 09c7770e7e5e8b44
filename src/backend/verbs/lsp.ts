/** `pxen lsp`: the language server for editors, over standard input and output. Loaded only when it is asked for. */

import path from 'node:path';
import { EXIT, type VerbIo } from './io';

/** The client ends the process; returns only when a signal came first, as if the client had gone away. */
export async function runLsp(version: string, { err, signal }: VerbIo): Promise<number> {
  if (process.stdin.isTTY) err('This is the language server: an editor starts it and speaks with it here. Ctrl+C ends it.\n');
  const { serveLanguage } = await import('../../lsp/main');
  await serveLanguage({ input: process.stdin, output: process.stdout, version, signal, plannerScript: path.join(__dirname, 'planner.js') });
  return EXIT.problems;
}
