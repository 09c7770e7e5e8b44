/** One keystroke in one spec of 64 hosts and 600 VMs, here and in yaml-language-server: each checks the file against the same schema and says what could be written. */

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { completionsAt } from '../../src/editor/features/completion';
import { EditorDrive } from '../../src/editor/features/editorDrive';
import { poolTexts } from './pool';

interface Peer {
  configure(settings: unknown): void;
  doComplete(document: unknown, position: unknown, isKubernetes: boolean): Promise<unknown>;
  doValidation(document: unknown, isKubernetes: boolean): Promise<unknown>;
}

const fromHere = createRequire(import.meta.url);
const { getLanguageService } = fromHere('yaml-language-server/out/server/src/languageservice/yamlLanguageService.js') as { getLanguageService: (parts: unknown) => Peer };
const { TextDocument } = fromHere('vscode-languageserver-textdocument') as { TextDocument: { create: (uri: string, language: string, version: number, text: string) => unknown } };

const FILE = 'vms/vm30.vm.yaml';
const KEYSTROKES = 200;
const drive = EditorDrive.of(poolTexts(64, 600));
const text = drive.files.get(FILE)?.text ?? '';
const at = text.indexOf('memory: ') + 'memory: '.length;
const versions = Array.from({ length: KEYSTROKES }, (_, index) => `${text.slice(0, at)}${String(index)}GiB${text.slice(text.indexOf('\n', at))}\nst`);

const peer = getLanguageService({
  schemaRequestService: (uri: string) => Promise.reject(new Error(`Nothing is fetched: ${uri}`)),
  workspaceContext: { resolveRelativePath: (relative: string) => relative },
  telemetry: { send: () => undefined, sendError: () => undefined, sendTrack: () => undefined },
  clientCapabilities: {},
});
peer.configure({ validate: true, completion: true, hover: false, yamlVersion: '1.2', schemas: [{ uri: 'file:///vm.json', fileMatch: ['*'], schema: JSON.parse(readFileSync('schemas/vm.schema.json', 'utf8')) as unknown }] });

await compare('check one file', (now) => drive.with(FILE, now).files.get(FILE)?.spec.problems, (document) => peer.doValidation(document, false));
await compare('suggest at its end', (now) => completionsAt(drive.with(FILE, now), FILE, now.length), (document, now) => peer.doComplete(document, { line: now.split('\n').length - 1, character: 2 }, false));

async function compare(what: string, here: (now: string) => unknown, there: (document: unknown, now: string) => Promise<unknown>): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  // Turn by turn, so that whatever else the machine does falls on both.
  for (const [index, now] of versions.entries()) {
    const document = TextDocument.create(`file:///${what.replaceAll(' ', '-')}.yaml`, 'yaml', index, now);
    ours.push(await timed(() => Promise.resolve(here(now))));
    theirs.push(await timed(() => there(document, now)));
  }
  console.log(`${what}: median ${median(ours).toFixed(2)} ms here, ${median(theirs).toFixed(2)} ms in yaml-language-server`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}
