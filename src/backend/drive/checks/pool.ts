/** The second stage's input: the documents of all files, by kind and by name. */

import type { ClusterModel, HostModel, VmModel } from '../model';
import type { Places } from '../places';
import type { SpecKind } from '../schemaTree';
import type { SpecDocument, SpecFile } from '../specFile';
import type { LineIndex, Place } from '../text';

/** What the specs speak of that isn't in them. */
export interface Surroundings {
  /** Names of the folders under `images/` that have a manifest; undefined when there is no such folder. */
  readonly images?: readonly string[];
  /** Files under `disks/`, relative to the drive; undefined when there is no such folder. */
  readonly diskFiles?: readonly string[];
  /** Once the drive has an identity: MAC addresses derived from it are checked too. */
  readonly driveId?: string;
}

export interface SpecPool {
  readonly documents: readonly SpecDocument[];
  readonly clusters: readonly Located<ClusterModel>[];
  readonly hosts: readonly Located<HostModel>[];
  readonly vms: readonly Located<VmModel>[];
  /** Also names in documents that have errors, so that what refers to them isn't blamed. */
  readonly names: Readonly<Record<SpecKind, ReadonlySet<string>>>;
  readonly surroundings: Surroundings;
  /** `hosts/node1.host.yaml:4`, for messages that name another place. */
  readonly describe: (place: Place) => string;
}

/** A document's share of the model and where it is written. */
export interface Located<Model> {
  readonly model: Model;
  readonly places: Places;
}

export function specPool(files: readonly SpecFile[], surroundings: Surroundings): SpecPool {
  const documents = files.flatMap((file) => file.documents);
  const lines = new Map<string, LineIndex>(files.map((file) => [file.file, file.lines]));
  const located: { clusters: Located<ClusterModel>[]; hosts: Located<HostModel>[]; vms: Located<VmModel>[] } = { clusters: [], hosts: [], vms: [] };
  for (const { part, places } of documents) {
    if (part?.kind === 'Cluster') located.clusters.push({ model: part.model, places });
    if (part?.kind === 'Host') located.hosts.push({ model: part.model, places });
    if (part?.kind === 'VM') located.vms.push({ model: part.model, places });
  }
  const namesOf = (kind: SpecKind) => new Set(documents.filter((document) => document.kind === kind).flatMap(({ name }) => name ?? []));
  return {
    documents,
    ...located,
    names: { Cluster: namesOf('Cluster'), Host: namesOf('Host'), VM: namesOf('VM') },
    surroundings,
    describe: (place) => `${place.file}:${lines.get(place.file)?.at(place.start).line ?? 1}`,
  };
}
