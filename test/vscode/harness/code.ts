/**
 * An executable that takes the desktop's arguments and runs the server and a headless browser instead, so that
 * unmodified @vscode/test-electron runs a suite on it: exits with the suite's code.
 */

import { resolve } from 'node:path';
import { installedVsCodeServer } from './install';
import { startServer } from './server';
import { openWindow } from './window';

/** A suite that hasn't ended by then never will. */
const SUITE_LIMIT_MS = 5 * 60_000;

async function main(words: readonly string[]): Promise<number> {
  const { flags, positionals } = split(words);
  const required = (name: string) => {
    const value = flags.get(name);
    if (value === undefined) throw new Error(`--${name}= is missing: this stands in for VS Code only to run an extension's tests.`);
    return value;
  };
  const extensionTestsPath = required('extensionTestsPath');
  const open = positionals[0];

  const server = await startServer({
    installation: await installedVsCodeServer((sentence) => console.error(sentence)),
    userDataFolder: required('user-data-dir'),
    extensionsFolder: required('extensions-dir'),
    purpose: 'suite',
  });
  try {
    return await new Promise<number>((done, reject) => {
      const limit = setTimeout(() => reject(new Error(`The suite took more than ${SUITE_LIMIT_MS} ms. The server said:\n${server.log()}`)), SUITE_LIMIT_MS);
      const window = openWindow({
        server,
        ...(open === undefined ? {} : { open }),
        extensionDevelopmentPath: required('extensionDevelopmentPath'),
        extensionTestsPath: withExtension(extensionTestsPath),
        onLog: (line) => console.log(line),
        onExit: (code) => {
          clearTimeout(limit);
          // The extension host writes what it has left (coverage, logs) after the suite has ended.
          window
            .then((opened) => opened.close())
            .then(() => server.logged(/Extension Host Process exited/, 30_000))
            .then(() => done(code), reject);
        },
      });
      window.catch(reject);
    });
  } finally {
    await server.close();
  }
}

/** In the browser a module's address must be whole. */
function withExtension(path: string): string {
  return path.endsWith('.js') ? path : `${path}.js`;
}

function split(words: readonly string[]): { readonly flags: ReadonlyMap<string, string>; readonly positionals: readonly string[] } {
  const flags = new Map<string, string>();
  const positionals: string[] = [];
  for (const word of words) {
    const match = /^--([^=]+)(?:=(.*))?$/.exec(word);
    if (match?.[1] !== undefined) flags.set(match[1], match[2] ?? '');
    else positionals.push(resolve(word));
  }
  return { flags, positionals };
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
