/** Values: what was probably meant, from what was written. */

import { isCollection, isNode, isScalar } from 'yaml';
import { deriveNicMac } from '../../../backend/drive/identity';
import { formatQuantity, parseQuantity } from '../../../backend/drive/quantity';
import type { SchemaNode } from '../../../backend/drive/schemaTree';
import { nearest } from '../../../backend/drive/suggest';
import { freeAddress, networkOf } from '../addresses';
import { replace } from '../edits';
import { descend, itemCount as countOf, rangeOf, textOf } from '../nodes';
import { exampleOf, isObject, missingKeys, quantityKindOf, scalarText, shapeAt, valueAt, withoutKey } from '../shape';
import { freeName } from '../templates';
import { valuesFor } from '../values';
import { add, change, remove, rewrite, writtenOf, type Context, type Fix } from './context';
import { exampleText } from './examples';
import { itemAddition, removal } from './structure';

/** Numbers into quotes where text is meant; one value into brackets where a list is. */
export function typeWrong(context: Context): readonly Fix[] {
  const { kind, spot, data, written } = context;
  const schema = kind && shapeAt(kind, spot.path, data);
  if (!schema) return [];
  const { node } = descend(context.document.yaml.contents, spot.path);
  const value = textOf(node);
  // A key whose value isn't written yet.
  if (!isCollection(node) && value === undefined) return [...emptyValue(context, schema), ...unneeded(context)];
  if (spot.part === 'key' || value === undefined) return remove(context, spot.path, `Remove ${String(spot.path.at(-1))}`);
  if (schema.type === 'string' && isScalar(node) && typeof node.value !== 'string') return notText(context, schema, node.source ?? written);
  if (schema.type === 'array') return [rewrite(context, `[${written}]`, { preferred: true })];
  if ((schema.type === 'integer' || schema.type === 'number') && Number.isFinite(Number(value)) && value.trim() !== '') return [rewrite(context, String(schema.type === 'integer' ? Math.round(Number(value)) : Number(value)))];
  const example = exampleOf(schema);
  return typeof example === 'string' || typeof example === 'number' || typeof example === 'boolean' ? [rewrite(context, String(example))] : [];
}

/** Good values, for a key that has none. */
function emptyValue(context: Context, schema: SchemaNode): readonly Fix[] {
  const { drive, file, kind, spot, data, document } = context;
  const { pair, node } = descend(document.yaml.contents, spot.path);
  if (!kind || !isNode(pair?.key) || isObject(schema) || schema.type === 'array') return [];
  const colon = /^\s*:/.exec(context.text.slice(rangeOf(pair.key).end))?.[0].length;
  if (colon === undefined) return [];
  const end = rangeOf(pair.key).end + colon;
  const range = isScalar(node) && rangeOf(node).end > end ? { start: end, end: rangeOf(node).end } : { start: end, end };
  return valuesFor({ drive, file, kind, path: spot.path, data, schema, typed: '' })
    .slice(0, 3)
    .map(({ value }) => ({ title: `Write ${value}`, edits: [replace({ file, ...range }, ` ${value}`)] }));
}

/** In quotes it is text, but only sometimes a good one. */
function notText(context: Context, schema: SchemaNode, source: string): readonly Fix[] {
  const { drive, file, kind, spot, data } = context;
  const form = new RegExp(schema.pattern ?? '', 'u');
  if (form.test(source)) return [rewrite(context, JSON.stringify(source), { preferred: true })];
  const repaired = repair(schema.$ref?.replace('#/$defs/', ''), source);
  if (repaired !== undefined && form.test(repaired)) return [rewrite(context, scalarText(repaired), { preferred: true })];
  const proposals = kind ? valuesFor({ drive, file, kind, path: spot.path, data, schema, typed: '' }).slice(0, 3) : [];
  return [...proposals.map(({ value }) => rewrite(context, value)), ...unneeded(context)];
}

/** Removal, of what may be absent. */
function unneeded(context: Context): readonly Fix[] {
  const { kind, spot, data, written } = context;
  const step = spot.path.at(-1);
  const isNeeded = kind !== undefined && missingKeys(kind, spot.path.slice(0, -1), withoutKey(data, spot.path)).includes(String(step));
  return isNeeded ? [] : remove(context, spot.path, `Remove ${typeof step === 'number' ? written : String(step)}`);
}

export function valueUnknown(context: Context): readonly Fix[] {
  const { drive, file, kind, spot, data, written } = context;
  const schema = kind && shapeAt(kind, spot.path, data);
  if (!schema) return [];
  const allowed = valuesFor({ drive, file, kind, path: spot.path, data: withoutTag(data, spot.path), schema, typed: '' }).map(({ value }) => value);
  const meant = nearest(written.replace(/^["']|["']$/g, ''), allowed);
  return [...allowed].sort((a, b) => Number(b === meant) - Number(a === meant)).map((value) => rewrite(context, value, { preferred: value === meant || allowed.length === 1 }));
}

/** Names in the letters they may have, MAC addresses in their usual form. */
export function malformed(context: Context): readonly Fix[] {
  const { kind, spot, data, drive, file } = context;
  const schema = kind && shapeAt(kind, spot.path, data);
  const value = textOf(descend(context.document.yaml.contents, spot.path).node);
  if (!schema || value === undefined) return [];
  const derived = derivedMac(context);
  const repaired = repair(schema.$ref?.replace('#/$defs/', ''), value);
  if (repaired !== undefined && new RegExp(schema.pattern ?? '', 'u').test(repaired)) return [rewrite(context, scalarText(repaired), { preferred: true }), ...derived];
  return valuesFor({ drive, file, kind, path: spot.path, data, schema, typed: '' }).slice(0, 3).map((proposal) => rewrite(context, proposal.value)).concat(derived);
}

/** A VM's card needs no address of its own: it has one that follows from the drive and the VM's name. */
function derivedMac(context: Context): readonly Fix[] {
  const { kind, spot } = context;
  return kind === 'VM' && spot.path[0] === 'nics' && spot.path.at(-1) === 'mac' ? change(context, removal(writtenOf(context), spot.path, 'keep'), "Remove it: the card's address is then derived") : [];
}

/** `Größe` → `Grosse`. */
function withoutAccents(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').replaceAll('ß', 'ss');
}

function repair(definition: string | undefined, value: string): string | undefined {
  switch (definition) {
    case 'name':
      return withoutAccents(value).toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 63).replace(/^-+|-+$/g, '') || undefined;
    case 'mac':
    case 'secureOnPassword': {
      const digits = value.replace(/[^0-9a-f]/gi, '').toLowerCase();
      // An odd first byte means multicast: which machine is meant can't be guessed.
      return digits.length === 12 && (definition !== 'mac' || /^.[02468ace]/.test(digits)) ? (digits.match(/../g) ?? []).join(':') : undefined;
    }
    case 'arrayUuid': {
      const digits = value.replace(/[^0-9a-f]/gi, '').toLowerCase();
      return digits.length === 32 ? (digits.match(/.{8}/g) ?? []).join(':') : undefined;
    }
    case 'hostSelector':
      return value.replace(/\s/g, '');
    case 'drivePath':
    case 'diskSource':
      return value.replaceAll('\\', '/').replace(/^(?:\.?\/)+/, '') || undefined;
    default:
      return undefined;
  }
}

/** The nearest number that is allowed. */
export function numberRange(context: Context): readonly Fix[] {
  const { kind, spot, data } = context;
  const schema = kind && shapeAt(kind, spot.path, data);
  const value = Number(valueAt(data, spot.path));
  const bound = schema?.minimum !== undefined && value < schema.minimum ? schema.minimum : schema?.maximum;
  return bound === undefined ? [] : [rewrite(context, String(bound))];
}

/** What dom0 gets by itself when that leaves room; else a quarter. */
export function reserveTooLarge(context: Context): readonly Fix[] {
  const { data, spot } = context;
  const key = spot.path.at(-1);
  const total = valueAt(data, [String(key)]);
  if (key === 'cpus' && typeof total === 'number') return reserved(context, 'cpus', String(Math.min(1, Math.floor(total))));
  const memory = key === 'memory' && typeof total === 'string' ? parseQuantity('bytes', total) : undefined;
  if (!memory || 'fault' in memory) return [];
  const quarter = Math.max(MIB, Math.floor(memory.value / 4 / MIB) * MIB);
  return quarter < memory.value ? reserved(context, 'memory', formatQuantity('bytes', Math.min(quarter, 2 * GIB))) : [];
}

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

function reserved(context: Context, key: string, value: string): readonly Fix[] {
  const title = `Reserve ${value}${key === 'cpus' ? ` CPU${value === '1' ? '' : 's'}` : ' of memory'} for dom0`;
  // Where the spec says nothing of it, the host is blamed.
  return context.spot.path[0] === 'reserve' ? [rewrite(context, value, { title, preferred: true })] : add(context, ['reserve'], [[key, value]], title, true);
}

export function itemCount(context: Context): readonly Fix[] {
  const { kind, spot, data } = context;
  const schema = kind && shapeAt(kind, spot.path, data);
  if (!schema?.minItems || countOf(context.document.yaml.contents, spot.path) >= schema.minItems) return [];
  const example = exampleText(context, spot.path).replace(/^\[|\]$/g, '');
  return change(context, itemAddition(writtenOf(context), spot.path, example), `Add ${example}`);
}

/** Units for a number, another unit for one that isn't known. */
export function quantity(context: Context): readonly Fix[] {
  const { kind, spot, data } = context;
  const schema = kind && shapeAt(kind, spot.path, data);
  const quantityKind = schema && quantityKindOf(schema);
  if (!quantityKind) return [];
  const result = parseQuantity(quantityKind, valueAt(data, spot.path));
  const suggestions = 'fault' in result ? result.fault.suggestions : [];
  return suggestions.filter((text) => 'value' in parseQuantity(quantityKind, text)).map((text, index) => rewrite(context, text, { preferred: index === 0 && suggestions.length === 1 }));
}

/** The next name of its row that nobody has. */
export function nameDuplicate(context: Context): readonly Fix[] {
  const { drive, kind, spot, data } = context;
  const name = textOf(spot.node);
  if (name === undefined) return [];
  const list = spot.path.length === 3 ? spot.path.slice(0, 1) : undefined;
  const siblings = list ? valueAt(data, list) : undefined;
  const taken = Array.isArray(siblings) ? siblings.map((item) => String(valueAt(item, ['name']))) : drive.names(kind === 'Host' ? 'host' : 'vm');
  return [rewrite(context, scalarText(freeName(name, new Set(taken))), { title: `Rename to ${freeName(name, new Set(taken))}` })];
}

/** A VM's card does without: its address is derived, or derived anew where two are alike. */
export function macDuplicate(context: Context): readonly Fix[] {
  const { drive, kind, spot, document, data } = context;
  const [list, index] = spot.path;
  // A host needs the one it boots from.
  if (kind === 'Host') return countOf(document.yaml.contents, ['macs']) > 1 ? remove(context, spot.path, `Remove ${context.written}`) : [];
  if (list !== 'nics' || typeof index !== 'number') return [];
  if (valueAt(data, ['nics', index, 'mac']) !== undefined) return change(context, removal(writtenOf(context), ['nics', index, 'mac'], 'keep'), "Remove it: the card's address is then derived", true);
  const { driveId } = drive.surroundings;
  if (driveId === undefined || document.name === undefined) return [];
  // Beyond the sixteen cards that a VM can have.
  const mac = deriveNicMac(driveId, document.name, 16 + index);
  return add(context, ['nics', index], [['mac', mac]], `Give this card the address ${mac}`, true);
}

export function address(context: Context): readonly Fix[] {
  const free = context.kind === 'Host' ? freeAddress(context.drive) : undefined;
  return free === undefined ? [] : [rewrite(context, free)];
}

export function uuidDuplicate(context: Context): readonly Fix[] {
  return context.kind === 'VM' ? remove(context, ['uuid'], "Remove it: the VM's UUID is then derived") : [];
}

export function mountOverlap(context: Context): readonly Fix[] {
  const { spot, data } = context;
  const path = spot.path.slice(0, 2);
  const name = valueAt(data, [...path, 'name']);
  const arrays = valueAt(data, ['arrays']);
  const mounts = new Set(Array.isArray(arrays) ? arrays.map((array: unknown) => valueAt(array, ['mount']) ?? `/srv/${String(valueAt(array, ['name']))}`) : []);
  if (typeof name !== 'string') return [];
  const free = freeName(`/srv/${name}`, new Set([...mounts].map(String)));
  return valueAt(data, [...path, 'mount']) === undefined ? add(context, path, [['mount', free]], `Mount it on ${free}`) : [rewrite(context, free, { preferred: true })];
}

export function subnetHostBits(context: Context): readonly Fix[] {
  const network = networkOf(textOf(context.spot.node) ?? '');
  return network === undefined ? [] : [rewrite(context, network, { preferred: true })];
}

/** The levels that this many disks can make. */
export function arrayMembers(context: Context): readonly Fix[] {
  const { data, spot, document, file } = context;
  const array = spot.path.slice(0, 2);
  const count = countOf(document.yaml.contents, [...array, 'members']);
  const level = valueAt(data, [...array, 'level']);
  const { node } = descend(document.yaml.contents, [...array, 'level']);
  if (!node?.range) return [];
  const [start, end] = node.range;
  const fitting = Object.entries(LEAST_MEMBERS).filter(([other, least]) => other !== level && least <= count);
  return fitting.map(([other]) => ({ title: `Change the level to ${other}`, edits: [{ kind: 'replace', file, start, end, text: other }] }));
}

/** md(4). */
const LEAST_MEMBERS: Readonly<Record<string, number>> = { raid0: 2, raid1: 2, raid10: 2, raid4: 3, raid5: 3, raid6: 4 };

function withoutTag(data: unknown, path: Context['spot']['path']): unknown {
  if (path.length !== 2 || typeof data !== 'object' || data === null) return data;
  const [key = '', tag = ''] = path.map(String);
  const owner = valueAt(data, [key]);
  if (typeof owner !== 'object' || owner === null) return data;
  return { ...data, [key]: Object.fromEntries(Object.entries(owner).filter(([name]) => name !== tag)) };
}
