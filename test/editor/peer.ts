/** yaml-language-server with PXEN's schemas, to be asked the same as PXEN. */

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { LineIndex } from '../../src/backend/drive/text';

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
export const FILES = { Cluster: 'pxen.yaml', Host: 'hosts/a.host.yaml', VM: 'vms/a.vm.yaml' } as const;
export type Kind = keyof typeof FILES;

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

/** Lines, from 1, on which it marks something. */
export async function markedLines(kind: Kind, text: string): Promise<readonly number[]> {
  return (await peer.doValidation(document(kind, text), false)).map(({ range }) => range.start.line + 1);
}

/** Labels of what it suggests. */
export async function suggestedLabels(kind: Kind, text: string, offset: number): Promise<readonly string[]> {
  const { line, column } = new LineIndex(text).at(offset);
  return (await peer.doComplete(document(kind, text), { line: line - 1, character: column - 1 }, false)).items.map(({ label }) => label);
}
