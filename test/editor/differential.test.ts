/**
 * The same questions to yaml-language-server, with the same schemas. Where the two differ, the difference is listed here with
 * its reason; any other one is a defect of one of them.
 */

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { LineIndex } from '../../src/backend/drive/text';
import { completionsAt } from '../../src/editor/features/completion';
import { EditorDrive } from '../../src/editor/features/editorDrive';

/** The part of its interface that is used; its own types need settings that this project doesn't have. */
interface LanguageService {
  configure(settings: unknown): void;
  doComplete(document: unknown, position: Position, isKubernetes: boolean): Promise<{ readonly items: readonly { readonly label: string }[] }>;
  doValidation(document: unknown, isKubernetes: boolean): Promise<readonly { readonly range: { readonly start: Position }; readonly message: string }[]>;
}

interface Position {
  readonly line: number;
  readonly character: number;
}

const require = createRequire(import.meta.url);
const { getLanguageService } = require('yaml-language-server/out/server/src/languageservice/yamlLanguageService.js') as { getLanguageService: (parts: unknown) => LanguageService };
const { TextDocument } = require('vscode-languageserver-textdocument') as { TextDocument: { create: (uri: string, language: string, version: number, text: string) => unknown } };

const ROOT = path.join(import.meta.dirname, '..', '..');
const FILES = { Cluster: 'pxen.yaml', Host: 'hosts/a.host.yaml', VM: 'vms/a.vm.yaml' } as const;
type Kind = keyof typeof FILES;

const peer = getLanguageService({
  schemaRequestService: (uri: string) => Promise.reject(new Error(`Nothing is fetched: ${uri}`)),
  workspaceContext: { resolveRelativePath: (relative: string) => relative },
  telemetry: { send: () => undefined, sendError: () => undefined, sendTrack: () => undefined },
  clientCapabilities: {},
});
peer.configure({
  validate: true,
  completion: true,
  hover: false,
  yamlVersion: '1.2',
  schemas: Object.entries(FILES).map(([kind, file]) => ({ uri: `file:///schemas/${kind}.json`, fileMatch: [`/${file}`], schema: JSON.parse(readFileSync(path.join(ROOT, 'schemas', `${kind.toLowerCase()}.schema.json`), 'utf8')) as unknown })),
});

let version = 0;
/** Its cache goes by address and version. */
function document(kind: Kind, text: string): unknown {
  version += 1;
  return TextDocument.create(`file:///${FILES[kind]}`, 'yaml', version, text);
}

interface CompletionCase {
  readonly title: string;
  readonly kind: Kind;
  /** `|` is the cursor. */
  readonly text: string;
  /** What only PXEN suggests, and why. */
  readonly onlyHere?: readonly [labels: readonly string[], reason: string];
  readonly onlyThere?: readonly [labels: readonly string[], reason: string];
}

const WHOLE = 'it proposes a whole object under the schema’s title; here each key comes with what its value needs, and whole documents in empty ones';

const COMPLETIONS: readonly CompletionCase[] = [
  { title: 'keys of a VM', kind: 'VM', text: 'kind: VM\nname: a\n|', onlyThere: [['VM'], WHOLE] },
  { title: 'keys of a host, half a word typed', kind: 'Host', text: 'kind: Host\nname: a\nmem|', onlyThere: [['Host'], WHOLE] },
  { title: 'keys of a nested map', kind: 'Cluster', text: 'kind: Cluster\nnetwork:\n  subnet: 10.0.0.0/24\n  |', onlyThere: [['Network'], WHOLE] },
  { title: 'keys after a dash', kind: 'VM', text: 'kind: VM\ndisks:\n  - |', onlyThere: [['Disk'], WHOLE] },
  { title: 'keys of an item, beside others', kind: 'VM', text: 'kind: VM\ndisks:\n  - name: root\n    |', onlyThere: [['Disk'], WHOLE] },
  { title: 'an enumeration', kind: 'Cluster', text: 'kind: Cluster\nplacement:\n  goal: |' },
  { title: 'a RAID level', kind: 'Host', text: 'kind: Host\narrays:\n  - level: |' },
  { title: 'a boolean', kind: 'VM', text: 'kind: VM\nstart:\n  auto: |' },
  { title: 'the kind', kind: 'VM', text: 'kind: |' },
];

describe('Suggestions beside those of yaml-language-server', () => {
  for (const { title, kind, text: marked, onlyHere, onlyThere } of COMPLETIONS) {
    test(title, async () => {
      const offset = marked.indexOf('|');
      const text = marked.replace('|', '');
      const { line, column } = new LineIndex(text).at(offset);
      const there = (await peer.doComplete(document(kind, text), { line: line - 1, character: column - 1 }, false)).items.map(({ label }) => label);
      const here = completionsAt(EditorDrive.of(new Map([[FILES[kind], text]])), FILES[kind], offset).map(({ label }) => label);
      const minus = (a: readonly string[], b: readonly string[]) => [...new Set(a)].filter((label) => !b.includes(label)).sort();
      expect({ onlyHere: minus(here, there), onlyThere: minus(there, here) }).toEqual({ onlyHere: onlyHere?.[0] ?? [], onlyThere: onlyThere?.[0] ?? [] });
    });
  }
});

interface ProblemCase {
  readonly title: string;
  readonly kind: Kind;
  readonly text: string;
  /** Lines, from 1, that only one of the two marks, and why. */
  readonly onlyHere?: readonly [lines: readonly number[], reason: string];
  readonly onlyThere?: readonly [lines: readonly number[], reason: string];
}

const SOUND_VM = 'kind: VM\nname: a\nvcpus: 1\nmemory: 1GiB\nboot: {type: hvm}\n';

const PROBLEMS: readonly ProblemCase[] = [
  { title: 'a sound VM', kind: 'VM', text: SOUND_VM },
  { title: 'an unknown key', kind: 'VM', text: `${SOUND_VM}colour: red\n` },
  { title: 'a missing key', kind: 'VM', text: 'kind: VM\nname: a\nvcpus: 1\nboot: {type: hvm}\n' },
  { title: 'values of the wrong type', kind: 'VM', text: 'kind: VM\nname: 12\nvcpus: two\nmemory: 1GiB\nboot: {type: hvm}\n' },
  { title: 'a number out of range', kind: 'VM', text: SOUND_VM.replace('vcpus: 1', 'vcpus: 0') },
  { title: 'a text without its form', kind: 'VM', text: SOUND_VM.replace('1GiB', '1 gigabyte') },
  { title: 'a value that is not among the possible ones', kind: 'Cluster', text: 'kind: Cluster\nname: c\nnetwork: {subnet: 10.0.0.0/24, server: 10.0.0.1}\nplacement:\n  goal: fastest\n' },
  { title: 'a key that is there twice', kind: 'VM', text: `${SOUND_VM}vcpus: 2\n` },
  { title: 'broken syntax', kind: 'VM', text: 'kind: VM\nname: a\ndisks: [\n', onlyThere: [[1], 'it checks against the schema what broken YAML left; here nothing else is told of a document that can’t be read'] },
  { title: 'YAML 1.1 booleans', kind: 'VM', text: `${SOUND_VM}start: {auto: yes}\n` },
  { title: 'a number with a leading zero', kind: 'VM', text: SOUND_VM.replace('vcpus: 1', 'vcpus: 010'), onlyHere: [[3], 'YAML 1.2 reads 10, which nobody who writes 010 expects'] },
  { title: 'an anchor', kind: 'VM', text: SOUND_VM.replace('vcpus: 1', 'vcpus: &few 1') },
];

describe('Problems beside those of yaml-language-server', () => {
  for (const { title, kind, text, onlyHere, onlyThere } of PROBLEMS) {
    test(title, async () => {
      const there = (await peer.doValidation(document(kind, text), false)).map(({ range }) => range.start.line + 1);
      const cluster: [string, string][] = kind === 'Cluster' ? [] : [['pxen.yaml', 'kind: Cluster\nname: c\nnetwork: {subnet: 10.0.0.0/24, server: 10.0.0.1}\n']];
      const here = EditorDrive.of(new Map([...cluster, [FILES[kind], text]])).checked.problems.filter(({ file }) => file === FILES[kind]).map(({ line }) => line);
      const minus = (a: readonly number[], b: readonly number[]) => [...new Set(a)].filter((line) => !b.includes(line));
      expect({ onlyHere: minus(here, there), onlyThere: minus(there, here) }).toEqual({ onlyHere: onlyHere?.[0] ?? [], onlyThere: onlyThere?.[0] ?? [] });
    });
  }
});
