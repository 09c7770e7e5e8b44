/** A thing of the drive in a line and in a few: what hovers and suggestions show of what is referred to. */

import { isMap } from 'yaml';
import { deriveNicMac, deriveVmUuid } from '../../backend/drive/identity';
import type { SpecDocument } from '../../backend/drive/specFile';
import type { EditorDrive } from './editorDrive';
import { descend, itemCount, textOf } from './nodes';
import { occurrenceId, type Sort } from './occurrences';

export interface Summary {
  readonly line: string;
  readonly markdown: string;
}

/** Undefined when the drive has no such thing. */
export function summaryOf(drive: EditorDrive, sort: Sort, name: string): Summary | undefined {
  const definitions = (drive.occurrences.get(occurrenceId(sort, name)) ?? []).filter(({ role }) => role === 'definition');
  const [first] = definitions;
  if (!first) return undefined;
  const owners = definitions.flatMap((definition) => documentOf(drive, definition) ?? []);
  const [document] = owners;
  if (!document) return undefined;
  const read = (...path: readonly (string | number)[]) => textOf(descend(document.yaml.contents, path).node);
  switch (sort) {
    case 'host': {
      const line = facts([counted(read('cpus'), 'CPU'), read('memory'), arrayNames(document)]);
      return { line, markdown: `**Host ${name}**, ${line}\n\n${facts([read('address'), read('macs', 0)])}` };
    }
    case 'vm': {
      const line = facts([counted(read('vcpus'), 'vCPU'), read('memory'), counted(String(itemCount(document.yaml.contents, ['disks'])), 'disk')]);
      return { line, markdown: [`**VM ${name}**, ${line}`, ...identity(drive, name)].join('\n\n') };
    }
    case 'storage': {
      const index = Array.from({ length: itemCount(document.yaml.contents, ['storage']) }).findIndex((_, candidate) => read('storage', candidate, 'name') === name);
      const line = facts([read('storage', index, 'capacity'), read('storage', index, 'bandwidth'), read('storage', index, 'source')]);
      return { line, markdown: `**Shared storage ${name}**, ${line}` };
    }
    case 'label': {
      const hosts = owners.flatMap((owner) => owner.name ?? []).join(', ');
      return { line: hosts, markdown: `**Label ${name}**, on ${hosts}` };
    }
    default:
      return undefined;
  }
}

/** What follows from the drive's identity and the VM's name; nothing before the drive has an identity. */
export function identity(drive: EditorDrive, vm: string): readonly string[] {
  const { driveId } = drive.surroundings;
  return driveId === undefined ? [] : [`UUID \`${deriveVmUuid(driveId, vm)}\`, first MAC \`${deriveNicMac(driveId, vm, 0)}\`, unless the spec fixes others.`];
}

function documentOf(drive: EditorDrive, { file, start }: { readonly file: string; readonly start: number }): SpecDocument | undefined {
  return drive.files.get(file)?.spec.documents.find(({ yaml }) => isMap(yaml.contents) && yaml.range[0] <= start && start <= yaml.range[2]);
}

function arrayNames({ yaml }: SpecDocument): string | undefined {
  const count = itemCount(yaml.contents, ['arrays']);
  return count === 0 ? undefined : Array.from({ length: count }, (_, index) => textOf(descend(yaml.contents, ['arrays', index, 'name']).node) ?? '?').join(' and ');
}

function counted(count: string | undefined, noun: string): string | undefined {
  return count === undefined ? undefined : `${count} ${noun}${count === '1' ? '' : 's'}`;
}

function facts(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(' · ');
}
