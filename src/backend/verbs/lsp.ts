/** `pxen lsp`: the language server for editors, over standard input and output. Loaded only when it is asked for (dist/lsp.js). */

import path from 'node:path';
import { EXIT } from './io';

/** The client ends the process; returns only when a signal came first, as if the client had gone away. */
export async function runLsp(version: string, signal: AbortSignal): Promise<number> {
  const { serveLanguage } = await import('../../lsp/main');
  await serveLanguage({ input: process.stdin, output: process.stdout, version, signal, plannerScript: path.join(__dirname, 'planner.js') });
  return EXIT.problems;
}
