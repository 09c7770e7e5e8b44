/** Texts with a `|` where the cursor is, and a small drive around them. */

import { EditorDrive } from '../../src/editor/features/editorDrive';
import type { FileEdit } from '../../src/editor/features/edits';
import type { GoldenCase } from '../drive/golden';

/** Unless a case says otherwise: two hosts, a storage, two VMs. */
const AROUND: Readonly<Record<string, string>> = {
  'pxen.yaml': `kind: Cluster
name: lab
network: {subnet: 10.77.0.0/24, server: 10.77.0.1}
storage:
  - {name: nas, type: nfs, source: "10.77.0.5:/vms", capacity: 8TiB, bandwidth: 400MB/s}
`,
  'hosts/nodes.host.yaml': `kind: Host
name: node1
macs: [52:54:00:00:00:01]
address: 10.77.0.11
cpus: 8
memory: 32GiB
arrays:
  - {name: r0, uuid: "00000000:00000000:00000000:00000001", level: raid1, members: [A, B], capacity: 900GiB, bandwidth: 450MB/s}
labels: {rack: a, tier: fast}
---
kind: Host
name: node2
macs: [52:54:00:00:00:02]
address: 10.77.0.12
cpus: 4
memory: 16GiB
labels: {rack: b}
`,
  'vms/dns.vm.yaml': `kind: VM
name: dns1
vcpus: 1
memory: 1GiB
boot: {type: hvm}
---
kind: VM
name: dns2
vcpus: 1
memory: 1GiB
boot: {type: hvm}
placement: {apart: [dns1], on: [rack=a]}
start: {after: [dns1]}
`,
};

export interface AtCursor {
  readonly drive: EditorDrive;
  readonly file: string;
  readonly text: string;
  readonly offset: number;
}

/** The drive of a golden case: the one above with the case's files in it, the bar taken out of the one that has it. */
export function atCursor({ files, surroundings }: GoldenCase): AtCursor {
  const own = [...files].filter(([file, text]) => file !== 'pxen.yaml' || text.includes('|'));
  const [file, marked] = own.find(([, text]) => text.includes('|')) ?? own[0] ?? ['', ''];
  const offset = Math.max(0, marked.indexOf('|'));
  const text = marked.replace('|', '');
  return { drive: EditorDrive.of(new Map([...Object.entries(AROUND), ...own, [file, text]]), surroundings), file, text, offset };
}

export function aroundDrive(surroundings = {}): EditorDrive {
  return EditorDrive.of(new Map(Object.entries(AROUND)), surroundings);
}

/** All texts after the edits, offsets being those before any of them. */
export function applied(texts: ReadonlyMap<string, string>, edits: readonly FileEdit[]): ReadonlyMap<string, string> {
  const result = new Map(texts);
  const replacements = edits.filter((edit) => edit.kind === 'replace').toSorted((a, b) => b.start - a.start || b.end - a.end);
  for (const { file, start, end, text } of replacements) {
    const before = result.get(file) ?? '';
    result.set(file, before.slice(0, start) + text + before.slice(end));
  }
  for (const edit of edits) {
    if (edit.kind === 'create') result.set(edit.file, edit.text);
    if (edit.kind === 'rename') {
      result.set(edit.to, result.get(edit.file) ?? '');
      result.delete(edit.file);
    }
  }
  return result;
}

export function textsOf(drive: EditorDrive): ReadonlyMap<string, string> {
  return new Map([...drive.files].map(([file, { text }]) => [file, text]));
}
