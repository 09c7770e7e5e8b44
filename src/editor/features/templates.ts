/** Whole documents to start from. */

import { placeholderMac } from '../../backend/drive/placeholders';
import type { SpecKind } from '../../backend/drive/schemaTree';
import { kindOfFile } from '../../backend/drive/specFile';
import { freeAddress } from './addresses';
import type { Completion } from './completion';
import type { Cursor } from './cursor';
import type { EditorDrive } from './editorDrive';
import { scalarText } from './shape';

/** For a document that is still empty: the kind its file is for, or any when the file's name doesn't say. */
export function documentTemplates(cursor: Cursor, drive: EditorDrive, file: string): readonly Completion[] {
  if (cursor.column > 0) return [];
  const expected = kindOfFile(file);
  const kinds: readonly SpecKind[] = expected ? [expected] : ['Cluster', 'Host', 'VM'];
  return kinds.map((kind) => {
    const text = templateOf(kind, drive, newName(kind, drive, file));
    return { label: kind, sort: 'snippet', detail: `a whole ${kind} document`, documentation: `\`\`\`yaml\n${text}\`\`\``, range: cursor.range, text, filter: `kind: ${kind}`, goesOn: false };
  });
}

/** A well-formed document of the kind, with `name` as it is given. */
export function templateOf(kind: SpecKind, drive: EditorDrive, name: string): string {
  switch (kind) {
    case 'Cluster':
      return clusterText(name);
    case 'Host':
      return hostText(name, freeAddress(drive) ?? '10.77.0.11', drive.names('host').length + 1);
    case 'VM':
      return vmText(name);
  }
}

/** After the file, if no other has that name. */
function newName(kind: SpecKind, drive: EditorDrive, file: string): string {
  const stem = (/([^/]+)\.(?:host|vm)\.yaml$/i.exec(file)?.[1] ?? '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  if (kind === 'Cluster') return 'pool';
  const sort = kind === 'Host' ? 'host' : 'vm';
  return freeName(stem === '' ? (kind === 'Host' ? 'node1' : 'vm1') : stem, new Set(drive.names(sort)));
}

/** The name, or the next one of its row that isn't taken: `web1` → `web2`, `db` → `db-2`. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  const [, base = name, digits = ''] = /^(.*?)(\d*)$/.exec(name) ?? [];
  for (let number = Number(digits || '1'), candidate = name; ; candidate = digits === '' ? `${name}-${number}` : `${base}${number}`) {
    if (!taken.has(candidate)) return candidate;
    number += 1;
  }
}

function clusterText(name: string): string {
  return `kind: Cluster
name: ${scalarText(name)}
network:
  subnet: 10.77.0.0/24      # the network your hosts boot from
  server: 10.77.0.1         # this machine's address in it
  dhcp: authoritative       # authoritative | proxy | off
boot: {image: dom0-1}       # made by: pxen image build
placement: {goal: balance}  # balance | consolidate
`;
}

function hostText(name: string, address: string, number: number): string {
  return `kind: Host
name: ${scalarText(name)}
macs: [${placeholderMac(number)}]  # the first one boots and is woken
address: ${address}
cpus: 8                     # as Xen counts them: threads
memory: 32GiB
wake: {method: wol}
`;
}

function vmText(name: string): string {
  return `kind: VM
name: ${scalarText(name)}
vcpus: 2
memory: 2GiB
disks:
  - {name: root, size: 20GiB, bandwidth: 50MB/s}
boot: {type: pv, bootloader: pygrub}
`;
}
