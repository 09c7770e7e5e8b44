/** What the schemas say of a place in a spec that may be half written: the keys it takes, and the values. */

import type { SpecPath } from '../../backend/drive/places';
import type { QuantityKind } from '../../backend/drive/quantity';
import { scalarText } from '../../backend/drive/scalars';
import { definitionOf, schemaAt, tagsOf, type SchemaNode, type SpecKind } from '../../backend/drive/schemaTree';

export { scalarText } from '../../backend/drive/scalars';

/** The schema of the value at `path`, also below a tagged union whose tag isn't written yet. */
export function shapeAt(kind: SpecKind, path: SpecPath, data: unknown): SchemaNode | undefined {
  const exact = schemaAt(kind, path, data);
  const key = path.at(-1);
  if (exact || typeof key !== 'string') return exact;
  return keysAt(kind, path.slice(0, -1), data).get(key);
}

/** Every key that the map at `path` may have beside those it has: what contradicts them is left out. */
export function keysAt(kind: SpecKind, path: SpecPath, data: unknown): ReadonlyMap<string, SchemaNode> {
  const schema = schemaAt(kind, path, data);
  if (!schema) return new Map();
  const present = keysOf(valueAt(data, path));
  const tagName = schema.discriminator?.propertyName;
  const branches = schema.properties ? [schema] : (schema.oneOf ?? []).filter((branch) => present.every((key) => branch.properties && Object.hasOwn(branch.properties, key)));
  const keys = new Map<string, SchemaNode>();
  for (const branch of branches) {
    const excluded = excludedKeys(branch, present);
    for (const [key, node] of Object.entries(branch.properties ?? {})) if (!excluded.includes(key)) keys.set(key, key === tagName ? { description: schema.description ?? '', enum: tagsOf({ oneOf: branches }, key) } : followed(kind, node));
  }
  return keys;
}

/** The keys that the map at `path` still lacks. */
export function missingKeys(kind: SpecKind, path: SpecPath, data: unknown): readonly string[] {
  const schema = schemaAt(kind, path, data);
  const present = keysOf(valueAt(data, path));
  const triggered = schema?.if?.required?.every((key) => present.includes(key)) ?? true;
  const required = [...(schema?.required ?? []), ...(triggered ? [] : (schema?.else?.required ?? []))];
  return [...new Set(required)].filter((key) => !present.includes(key));
}

/** What each value of an enumeration or tag means, where the schema says. */
export function meaningOf(kind: SpecKind, path: SpecPath, data: unknown, value: unknown): string | undefined {
  const key = String(path.at(-1));
  const parent = schemaAt(kind, path.slice(0, -1), withoutKey(data, path));
  const branch = parent?.oneOf?.find((candidate) => tagsOf(candidate, key).includes(value));
  return branch?.properties?.[key]?.description ?? branch?.description;
}

export function quantityKindOf({ $ref }: SchemaNode): QuantityKind | undefined {
  const name = $ref?.replace('#/$defs/', '');
  return name === 'bytes' || name === 'bandwidth' || name === 'duration' ? name : undefined;
}

/** A good value, from the schema's examples or defaults. */
export function exampleOf({ examples, default: byDefault, const: only, enum: allowed }: SchemaNode): unknown {
  return examples?.[0] ?? byDefault ?? only ?? allowed?.[0];
}

export function isObject(schema: SchemaNode): boolean {
  return schema.type === 'object' || schema.properties !== undefined || schema.oneOf !== undefined;
}

/** The definition's own words on how a well-formed value looks. */
export function formOf(kind: SpecKind, { $ref }: SchemaNode): string | undefined {
  return $ref === undefined ? undefined : definitionOf(kind, $ref.replace('#/$defs/', ''))?.description;
}

/** The item schema of a list, references followed. */
export function itemShape(kind: SpecKind, { items }: SchemaNode): SchemaNode | undefined {
  return items && followed(kind, items);
}

export function valueAt(data: unknown, path: SpecPath): unknown {
  return path.reduce((value: unknown, step) => (typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? (value as Readonly<Record<string | number, unknown>>)[step] : undefined), data);
}

/** Markdown on a key or value: what it is for, in which unit, its default and its limits. */
export function describe(kind: SpecKind, schema: SchemaNode): string {
  const form = formOf(kind, schema);
  const allowed = schema.enum?.map((value) => `\`${String(value)}\``).join(', ');
  return [
    schema.description ?? '',
    schema.description === form ? '' : (form ?? ''),
    allowed === undefined ? '' : `One of ${allowed}.`,
    limits(schema),
    schema.default === undefined ? '' : `Default: \`${flowText(schema.default)}\`.`,
  ]
    .filter((line) => line !== '')
    .join('\n\n');
}

/** A value in YAML's flow style, quoted where it must be. */
export function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return `{${Object.entries(value).map(([key, entry]) => `${key}: ${flowText(entry)}`).join(', ')}}`;
  return typeof value === 'string' ? scalarText(value) : String(value);
}

function limits({ minimum, maximum, minItems, maxItems, type }: SchemaNode): string {
  const [low, high] = [minimum ?? minItems, maximum ?? maxItems];
  const what = type === 'array' ? 'items' : type === 'integer' ? 'whole number' : 'number';
  if (low === undefined && high === undefined) return '';
  const range = low === undefined ? `at most ${high ?? ''}` : high === undefined ? `at least ${low}` : `${low} to ${high}`;
  return type === 'array' ? `Holds ${range} ${what}.` : `A ${what}, ${range}.`;
}

/** Keys of a branch that can't be added to those that are present. */
function excludedKeys({ if: condition, then }: SchemaNode, present: readonly string[]): readonly string[] {
  const trigger = condition?.required ?? [];
  const forbidden = Object.entries(then?.properties ?? {}).flatMap(([key, allowed]) => (allowed === false ? key : []));
  if (trigger.length === 0) return [];
  if (trigger.every((key) => present.includes(key))) return forbidden;
  return forbidden.some((key) => present.includes(key)) ? trigger : [];
}

function followed(kind: SpecKind, node: SchemaNode): SchemaNode {
  const target = node.$ref === undefined ? undefined : definitionOf(kind, node.$ref.replace('#/$defs/', ''));
  return target ? { ...target, ...node } : node;
}

function keysOf(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

/** The data without one key: without its tag, the union it chose from can be seen. */
export function withoutKey(data: unknown, path: SpecPath): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof data !== 'object' || data === null) return data;
  if (Array.isArray(data)) return data.map((item: unknown, index) => (index === step ? withoutKey(item, rest) : item));
  return Object.fromEntries(Object.entries(data).flatMap(([key, value]): [string, unknown][] => (key !== step ? [[key, value]] : rest.length === 0 ? [] : [[key, withoutKey(value, rest)]])));
}
