/** Good values for one place: enumerations, quantities with their units, references, addresses, examples. */

import { deriveVmUuid } from '../../backend/drive/identity';
import type { SpecPath } from '../../backend/drive/places';
import { parseQuantity, type QuantityKind } from '../../backend/drive/quantity';
import type { SchemaNode, SpecKind } from '../../backend/drive/schemaTree';
import { freeAddress } from './addresses';
import type { EditorDrive } from './editorDrive';
import { referenceSort, type Sort } from './occurrences';
import { summaryOf } from './summary';
import { meaningOf, quantityKindOf, scalarText, valueAt } from './shape';

export interface Place {
  readonly drive: EditorDrive;
  readonly file: string;
  readonly kind: SpecKind;
  readonly path: SpecPath;
  readonly data: unknown;
  readonly schema: SchemaNode;
  /** What stands before the cursor already. */
  readonly typed: string;
}

export interface Proposal {
  /** As YAML. */
  readonly value: string;
  readonly sort: 'value' | 'unit' | 'reference';
  readonly detail?: string;
  /** Markdown. */
  readonly documentation?: string;
}

/** Best first, without repetitions, without what the list has already. */
export function valuesFor(place: Place): readonly Proposal[] {
  const others = place.path.length > 0 && typeof place.path.at(-1) === 'number' ? listed(valueAt(place.data, place.path.slice(0, -1))) : new Set<string>();
  const seen = new Set<string>();
  return proposals(place).filter(({ value }) => !others.has(value) && !seen.has(value) && seen.add(value));
}

function proposals(place: Place): readonly Proposal[] {
  const { kind, path, schema } = place;
  const quantity = quantityKindOf(schema);
  if (quantity) return quantities(quantity, place);
  const sort = referenceSort(kind, path);
  if (sort) return references(sort, place);
  if (schema.enum ?? schema.const !== undefined) return (schema.enum ?? [schema.const]).map((value) => ({ value: String(value), sort: 'value', ...marked(schema.default === value), ...documented(meaningOf(kind, path, place.data, value) ?? schema.description) }));
  if (schema.type === 'boolean') return [true, false].map((value) => ({ value: String(value), sort: 'value', ...marked(schema.default === value), ...documented(schema.description) }));
  const exact = particular(place);
  return exact.length > 0 ? exact : examples(schema);
}

/** What follows from the drive: names from file names, addresses that are free, a UUID that is derived. */
function particular({ drive, file, kind, path, schema, data }: Place): readonly Proposal[] {
  const stem = /([^/]+)\.(?:host|vm)\.yaml$/i.exec(file)?.[1];
  if (path.length === 1 && path[0] === 'name' && kind !== 'Cluster' && stem !== undefined && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(stem)) return [{ value: scalarText(stem), sort: 'value', detail: "the file's name" }];
  if (kind === 'Host' && path.length === 1 && path[0] === 'address') {
    const address = freeAddress(drive);
    return address === undefined ? [] : [{ value: address, sort: 'value', detail: 'free in the subnet', ...documented(schema.description) }];
  }
  const { driveId } = drive.surroundings;
  const name = valueAt(data, ['name']);
  if (kind === 'VM' && path[0] === 'uuid' && driveId !== undefined && typeof name === 'string') return [{ value: deriveVmUuid(driveId, name), sort: 'value', detail: 'the derived one' }];
  if (kind === 'Host' && path.length === 3 && path[2] === 'mount') {
    const array = valueAt(data, [...path.slice(0, 2), 'name']);
    return typeof array === 'string' ? [{ value: `/srv/${array}`, sort: 'value', detail: 'the default' }] : [];
  }
  return [];
}

function examples(schema: SchemaNode): readonly Proposal[] {
  const values = [schema.default, ...(schema.examples ?? [])].filter((value) => typeof value === 'string' || typeof value === 'number');
  return values.map((value, index) => ({ value: typeof value === 'string' ? scalarText(value) : String(value), sort: 'value', ...marked(index === 0 && schema.default !== undefined), ...(value !== schema.default && { detail: 'for instance' }), ...documented(schema.description) }));
}

/** A number that was begun gets each unit; otherwise whole examples. */
function quantities(quantity: QuantityKind, { typed, schema }: Place): readonly Proposal[] {
  const number = /^(\d+(?:\.\d+)?) ?[A-Za-z/]*$/.exec(typed)?.[1];
  if (number === undefined) return examples(schema);
  return UNITS[quantity]
    .filter(({ unit }) => 'value' in parseQuantity(quantity, number + unit))
    .map(({ unit, meaning }) => ({ value: number + unit, sort: 'unit', detail: meaning, ...documented(schema.description) }));
}

const BYTES = [
  { unit: 'GiB', meaning: '1024³ bytes' },
  { unit: 'MiB', meaning: '1024² bytes' },
  { unit: 'TiB', meaning: '1024⁴ bytes' },
  { unit: 'KiB', meaning: '1024 bytes' },
  { unit: 'GB', meaning: '1000³ bytes' },
  { unit: 'MB', meaning: '1000² bytes' },
  { unit: 'TB', meaning: '1000⁴ bytes' },
  { unit: 'kB', meaning: '1000 bytes' },
];

const UNITS: Readonly<Record<QuantityKind, readonly { readonly unit: string; readonly meaning: string }[]>> = {
  bytes: BYTES,
  bandwidth: ['MB', 'GB', 'MiB', 'GiB', 'kB', 'KiB'].map((unit) => ({ unit: `${unit}/s`, meaning: `${BYTES.find((entry) => entry.unit === unit)?.meaning ?? 'bytes'} a second` })),
  duration: [
    { unit: 's', meaning: 'seconds' },
    { unit: 'm', meaning: 'minutes' },
    { unit: 'h', meaning: 'hours' },
    { unit: 'd', meaning: 'days' },
    { unit: 'ms', meaning: 'milliseconds' },
  ],
};

function references(sort: Sort, { drive, data, path, schema }: Place): readonly Proposal[] {
  const named = (names: readonly string[], of: Sort) =>
    names.map((name): Proposal => {
      const summary = names.length > MOST_SUMMARIES ? undefined : summaryOf(drive, of, name);
      return { value: scalarText(name), sort: 'reference', ...(summary && { detail: summary.line, documentation: summary.markdown }) };
    });
  switch (sort) {
    case 'host':
      return [...named(drive.names('host'), 'host'), ...named(drive.names('label'), 'label')];
    case 'vm':
      return named(drive.names('vm').filter((name) => name !== valueAt(data, ['name']) && !excluded(data, path).has(name)), 'vm');
    case 'image':
      return [...(drive.surroundings.images ?? []).map((name): Proposal => ({ value: scalarText(name), sort: 'reference', detail: 'under images/' })), ...examples(schema)];
    case 'file':
      return [...(drive.surroundings.diskFiles ?? []).map((name): Proposal => ({ value: scalarText(name), sort: 'reference', detail: 'on the drive' })), ...examples(schema)];
    case 'bridge':
      return [...usedBridges(drive), ...examples(schema)];
    default:
      return named(drive.names(sort), sort);
  }
}

/** Nobody reads more of them, and a keystroke has no time for thousands. */
const MOST_SUMMARIES = 300;

/** A VM that must be apart can't be together, and the other way round. */
function excluded(data: unknown, path: SpecPath): ReadonlySet<string> {
  const opposite = path[1] === 'apart' ? 'together' : path[1] === 'together' ? 'apart' : undefined;
  return opposite === undefined ? new Set() : listed(valueAt(data, ['placement', opposite]));
}

function usedBridges(drive: EditorDrive): readonly Proposal[] {
  const uses = [...drive.occurrences.values()].filter(([first]) => first?.sort === 'bridge');
  return uses.sort((a, b) => b.length - a.length).map((all) => ({ value: scalarText(all[0]?.name ?? ''), sort: 'reference', detail: `used by ${all.length} network card${all.length === 1 ? '' : 's'}` }));
}

function listed(values: unknown): ReadonlySet<string> {
  return new Set(Array.isArray(values) ? values.filter((value) => typeof value === 'string').map(scalarText) : []);
}

function marked(isDefault: boolean): { readonly detail?: string } {
  return isDefault ? { detail: 'default' } : {};
}

function documented(documentation: string | undefined): { readonly documentation?: string } {
  return documentation === undefined ? {} : { documentation };
}
