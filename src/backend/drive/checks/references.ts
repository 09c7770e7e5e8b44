/** References between documents, and from documents to files of the drive. */

import * as problems from '../problems';
import type { Problem } from '../problems';
import type { Place } from '../text';
import { nearest } from '../suggest';
import type { SpecPool } from './pool';

export function referenceProblems(pool: SpecPool): readonly Problem[] {
  return [...vmReferences(pool), ...selectors(pool), ...storages(pool), ...images(pool), ...diskFiles(pool)];
}

/** Labels of all hosts, as `key=value`. */
export function labelsOf(pool: SpecPool): ReadonlySet<string> {
  return new Set(pool.hosts.flatMap(({ model }) => Object.entries(model.labels).map(([key, value]) => `${key}=${value}`)));
}

function vmReferences(pool: SpecPool): readonly Problem[] {
  return pool.vms.flatMap(({ model, places }) => {
    const lists = [
      { path: ['placement', 'apart'], names: model.placement.apart },
      { path: ['placement', 'together'], names: model.placement.together },
      { path: ['start', 'after'], names: model.start.after },
    ];
    return lists.flatMap(({ path, names }) =>
      names.flatMap((name, index) => {
        const place = () => places.value([...path, index]);
        if (name === model.name) return problems.referenceSelf(place(), name);
        if (!pool.names.VM.has(name)) return unknown(place(), 'VM', name, pool.names.VM);
        return names.indexOf(name) < index ? problems.itemRepeated(place(), name) : [];
      }),
    );
  });
}

function selectors(pool: SpecPool): readonly Problem[] {
  const labels = labelsOf(pool);
  // Labels of a host that has errors are not known: nobody is blamed for selecting them.
  const allHostsKnown = pool.documents.every(({ kind, part }) => kind !== 'Host' || part !== undefined);
  return pool.vms.flatMap(({ model, places }) =>
    (model.placement.on ?? []).flatMap((selector, index, all) => {
      const place = () => places.value(['placement', 'on', index]);
      if (all.indexOf(selector) < index) return problems.itemRepeated(place(), selector);
      if (selector.includes('=')) return labels.has(selector) || !allHostsKnown ? [] : unknown(place(), 'host with the label', selector, labels);
      return pool.names.Host.has(selector) ? [] : unknown(place(), 'host', selector, pool.names.Host);
    }),
  );
}

function storages(pool: SpecPool): readonly Problem[] {
  const cluster = pool.clusters[0];
  if (!cluster) return [];
  const names = new Set(cluster.model.storage.map(({ name }) => name));
  return pool.vms.flatMap(({ model, places }) =>
    model.disks.flatMap(({ storage }, index) => (storage === undefined || names.has(storage) ? [] : unknown(places.value(['disks', index, 'storage']), 'storage', storage, names))),
  );
}

/** Only once an image was built: a new drive has none, and `pxen boot` says how to make it. */
function images(pool: SpecPool): readonly Problem[] {
  const present = pool.surroundings.images ?? [];
  if (present.length === 0) return [];
  return pool.clusters.flatMap(({ model, places }) =>
    present.includes(model.boot.image) ? [] : problems.imageMissing(places.written(['boot', 'image']) === undefined ? places.owner(['boot']) : places.value(['boot', 'image']), model.boot.image, present, nearest(model.boot.image, present)),
  );
}

/** Only when the drive has a `disks` folder: otherwise they are kept elsewhere until they are needed. */
function diskFiles(pool: SpecPool): readonly Problem[] {
  const { diskFiles: present } = pool.surroundings;
  if (!present) return [];
  const known = new Set(present);
  return pool.vms.flatMap(({ model, places }) => {
    const boot = 'kernel' in model.boot ? model.boot : undefined;
    const files = [
      ...model.disks.map(({ source }, index) => ({ file: source, path: ['disks', index, 'source'] })),
      { file: boot?.kernel, path: ['boot', 'kernel'] },
      { file: boot?.ramdisk, path: ['boot', 'ramdisk'] },
    ];
    return files.flatMap(({ file, path }) => (file === undefined || !file.startsWith('disks/') || known.has(file) ? [] : problems.diskFileMissing(places.value(path), file, nearest(file, known))));
  });
}

function unknown(place: Place, what: string, written: string, known: Iterable<string>): Problem {
  return problems.referenceUnknown(place, what, written, nearest(written, known));
}
