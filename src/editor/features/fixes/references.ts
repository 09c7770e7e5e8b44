/** References that lead nowhere: to what was meant, or to something new. */

import { nearest } from '../../../backend/drive/suggest';
import { replace, type FileEdit } from '../edits';
import { plainValue, textOf } from '../nodes';
import { referenceSort, type Sort } from '../occurrences';
import { missingKeys, scalarText } from '../shape';
import { templateOf } from '../templates';
import { remove, rewrite, type Context, type Fix } from './context';
import { addition, itemAddition } from './structure';

export function unknown(context: Context): readonly Fix[] {
  const { drive, kind, spot } = context;
  const name = textOf(spot.node);
  const general = kind && referenceSort(kind, spot.path);
  if (name === undefined || general === undefined) return [];
  const sort = general === 'host' && name.includes('=') ? 'label' : general;
  return [...meant(context, name, drive.names(sort)), ...created(context, sort, name), ...remove(context, spot.path, `Remove ${context.written}`)];
}

export function image(context: Context): readonly Fix[] {
  return meant(context, textOf(context.spot.node) ?? '', context.drive.surroundings.images ?? []);
}

export function diskFile(context: Context): readonly Fix[] {
  return meant(context, textOf(context.spot.node) ?? '', context.drive.surroundings.diskFiles ?? []);
}

/** The likely one first; without one, all, if they are few. */
function meant(context: Context, written: string, known: readonly string[]): readonly Fix[] {
  if (context.spot.part === 'key') return [];
  const likely = nearest(written, known);
  const others = known.length <= 5 ? known.filter((name) => name !== likely && name !== context.document.name) : [];
  return [...(likely === undefined ? [] : [rewrite(context, scalarText(likely), { preferred: true })]), ...others.map((name) => rewrite(context, scalarText(name)))];
}

/** What was named is made: a spec of its own, an entry of the cluster's storage, a label on a host. */
function created({ drive }: Context, sort: Sort, name: string): readonly Fix[] {
  switch (sort) {
    case 'host':
      return createdSpec(drive, 'Host', `hosts/${name}.host.yaml`, name);
    case 'vm':
      return createdSpec(drive, 'VM', `vms/${name}.vm.yaml`, name);
    case 'storage':
      return createdStorage(drive, name);
    case 'label':
      return labelled(drive, name);
    default:
      return [];
  }
}

function createdSpec(drive: Context['drive'], kind: 'Host' | 'VM', file: string, name: string): readonly Fix[] {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return [];
  const text = templateOf(kind, drive, name);
  const existing = drive.files.get(file)?.text;
  const edit: FileEdit = existing === undefined ? { kind: 'create', file, text } : replace({ file, start: existing.length, end: existing.length }, `${/(^|\n)$/.test(existing) ? '' : '\n'}---\n${text}`);
  return [{ title: `Create the ${kind === 'Host' ? 'host' : 'VM'} ${name}`, edits: [edit] }];
}

function createdStorage(drive: Context['drive'], name: string): readonly Fix[] {
  const cluster = documentsOf(drive, 'Cluster')[0];
  if (!cluster) return [];
  const entry = `{name: ${scalarText(name)}, type: nfs, source: "10.77.0.5:/export/${name}", capacity: 1TiB, bandwidth: 100MB/s}`;
  const made = itemAddition({ text: cluster.text, root: cluster.document.yaml.contents }, ['storage'], entry);
  return made ? [{ title: `Add the storage ${name} to ${cluster.file}`, edits: [replace({ file: cluster.file, ...made }, made.text)] }] : [];
}

/** On hosts that don't have the key: one that has it has another value. */
function labelled(drive: Context['drive'], label: string): readonly Fix[] {
  const [key, value] = [label.slice(0, label.indexOf('=')), label.slice(label.indexOf('=') + 1)];
  return documentsOf(drive, 'Host')
    .filter(({ document }) => missingKeys('Host', [], plainValue(document.yaml.contents)).length === 0)
    .flatMap(({ file, text, document }) => {
      const labels = plainValue(document.yaml.contents);
      const has = typeof labels === 'object' && labels !== null && 'labels' in labels && typeof labels.labels === 'object' && labels.labels !== null && Object.hasOwn(labels.labels, key);
      const made = has ? undefined : addition({ text, root: document.yaml.contents }, ['labels'], [[scalarText(key), scalarText(value)]]);
      return made ? [{ title: `Label ${document.name ?? file} with ${label}`, edits: [replace({ file, ...made }, made.text)] }] : [];
    })
    .slice(0, 4);
}

function documentsOf(drive: Context['drive'], kind: 'Cluster' | 'Host') {
  return [...drive.files.values()].flatMap(({ file, text, spec }) => spec.documents.filter((document) => document.kind === kind).map((document) => ({ file, text, document })));
}
