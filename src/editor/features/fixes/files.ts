/** Problems of whole files, and of files that aren't there. */

import { FILES_OF_KIND, kindOfFile } from '../../../backend/drive/specFile';
import type { ProblemCode } from '../../../backend/drive/problems';
import type { ProblemJson } from '../../../protocol';
import { nextLine, replace } from '../edits';
import type { EditorDrive } from '../editorDrive';
import { freeName, templateOf } from '../templates';
import type { Fix } from './context';

export function fileFixes(drive: EditorDrive, { file, message, line }: ProblemJson, code: ProblemCode): readonly Fix[] {
  const { text, spec } = drive.files.get(file) ?? {};
  switch (code) {
    case 'file-empty': {
      const kind = kindOfFile(file);
      if (kind === undefined || text === undefined) return [];
      const stem = /([^/]+)\.(?:host|vm)\.yaml$/i.exec(file)?.[1]?.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '') ?? '';
      const name = freeName(stem === '' ? 'pool' : stem, new Set(drive.names(kind === 'Host' ? 'host' : 'vm')));
      return [{ title: `Write a ${kind} to start from`, edits: [replace({ file, start: text.length, end: text.length }, `${text === '' || text.endsWith('\n') ? '' : '\n'}${templateOf(kind, drive, name)}`)], preferred: true }];
    }
    case 'file-name': {
      const expected = /name it (\S+?);/.exec(message)?.[1];
      return expected === undefined || drive.files.has(expected) ? [] : [{ title: `Rename to ${expected}`, edits: [{ kind: 'rename', file, to: expected }] }];
    }
    case 'yaml-directive': {
      if (text === undefined || !spec) return [];
      const start = spec.lines.offset({ line, column: 1 });
      return [{ title: 'Remove this line', edits: [replace({ file, start, end: nextLine(text, start) }, '')] }];
    }
    case 'file-case': {
      const [, path = file, ending = ''] = /^(.*?)(\.(?:host|vm)\.yaml)$/i.exec(file) ?? [];
      const taken = new Set([...drive.files.keys()].map((other) => other.toLowerCase().slice(0, -ending.length)));
      const to = `${freeName(path.toLowerCase(), taken)}${ending.toLowerCase()}`;
      return [{ title: `Rename to ${to}`, edits: [{ kind: 'rename', file, to }] }];
    }
    case 'host-missing': {
      const to = 'hosts/node1.host.yaml';
      return drive.files.has(to) ? [] : [{ title: 'Write a host to start from', edits: [{ kind: 'create', file: to, text: templateOf('Host', drive, 'node1') }], preferred: true }];
    }
    case 'cluster-missing':
      return text === undefined ? [{ title: `Create ${FILES_OF_KIND.Cluster}`, edits: [{ kind: 'create', file, text: templateOf('Cluster', drive, 'pool') }] }] : [];
    default:
      return [];
  }
}
