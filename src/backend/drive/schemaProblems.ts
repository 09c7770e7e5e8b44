/** ajv's errors in the author's words, at their exact places, each thing told once. */

import type { ErrorObject } from 'ajv';
import type { Places, SpecPath } from './places';
import * as problems from './problems';
import type { Problem } from './problems';
import { parseQuantity, QUANTITY_NAMES, type QuantityKind } from './quantity';
import { definitionOf, schemaAt, tagsOf, type SchemaNode, type SpecKind } from './schemaTree';
import { nearest } from './suggest';
import type { Place } from './text';

/** One document under validation. */
export interface CheckedDocument {
  readonly kind: SpecKind;
  readonly data: unknown;
  readonly places: Places;
}

/** `reported` are places about which something more exact was said already. */
export function schemaProblems(document: CheckedDocument, errors: readonly ErrorObject[], reported: readonly Place[]): readonly Problem[] {
  const told = new Set(reported.map(placeKey));
  const found: Problem[] = [];
  for (const error of withoutConsequences(errors, document)) {
    const problem = schemaProblem(document, error);
    // A value that is wrong in two ways is told of once; several keys may be missing at one place.
    const key = problem && (problem.code === 'key-missing' ? `${placeKey(problem)} ${problem.message}` : placeKey(problem));
    if (problem === undefined || key === undefined || told.has(key)) continue;
    told.add(key);
    found.push(problem);
  }
  return found;
}

/** A misspelt key is unknown, and the key that was meant is missing: the first says it all. */
function withoutConsequences(errors: readonly ErrorObject[], document: CheckedDocument): readonly ErrorObject[] {
  const meant = new Set(
    errors
      .filter(({ keyword }) => keyword === 'additionalProperties')
      .map((error) => {
        const path = pathOf(document.data, error.instancePath);
        return `${error.instancePath}/${nearest(param(error, 'additionalProperty'), knownKeys(document, path)) ?? ''}`;
      }),
  );
  return errors.filter((error) => error.keyword !== 'required' || !meant.has(`${error.instancePath}/${param(error, 'missingProperty')}`));
}

function schemaProblem(document: CheckedDocument, error: ErrorObject): Problem | undefined {
  const { kind, data, places } = document;
  const path = pathOf(data, error.instancePath);
  const key = lastKey(path);
  const written = () => describe(document, path);
  switch (error.keyword) {
    case 'additionalProperties': {
      const unknown = param(error, 'additionalProperty');
      const known = knownKeys(document, path);
      return problems.keyUnknown(places.key([...path, unknown]), unknown, nearest(unknown, known), known);
    }
    case 'required': {
      const missing = param(error, 'missingProperty');
      const union = schemaAt(kind, path, data);
      const example = union?.discriminator?.propertyName === missing ? tagsOf(union, missing).map(String)[0] : exampleOf(kind, [...path, missing], data);
      return problems.keyMissing(places.owner(path), missing, example);
    }
    case 'discriminator': {
      const tag = param(error, 'tag');
      const union = schemaAt(kind, path, data);
      const tags = union ? tagsOf(union, tag).map(String) : [];
      // A missing tag is told of by `required`.
      if (valueAt(data, [...path, tag]) === undefined) return undefined;
      const text = describe(document, [...path, tag]);
      return problems.valueUnknown(places.value([...path, tag]), tag, text, tags, nearest(unquoted(text), tags));
    }
    case 'false schema':
      return problems.keyConflict(places.key(path), key, 'bootloader');
    case 'enum':
    case 'const': {
      const allowed = (error.keyword === 'enum' ? (error.params as { allowedValues: unknown[] }).allowedValues : [(error.params as { allowedValue: unknown }).allowedValue]).map(String);
      return problems.valueUnknown(places.value(path), key, written(), allowed, nearest(unquoted(written()), allowed));
    }
    case 'pattern':
    case 'minLength':
    case 'maxLength':
      return malformed(document, path, error);
    case 'minimum':
      return problems.numberRange(places.value(path), key, written(), `at least ${param(error, 'limit')}`);
    case 'maximum':
      return problems.numberRange(places.value(path), key, written(), `at most ${param(error, 'limit')}`);
    case 'minItems':
      return problems.itemCount(places.value(path), key, `at least ${param(error, 'limit')} item${param(error, 'limit') === '1' ? '' : 's'}`);
    case 'maxItems':
      return problems.itemCount(places.value(path), key, `at most ${param(error, 'limit')} items`);
    case 'type':
      return quantityProblem(document, path, error) ?? typeProblem(document, path, param(error, 'type'));
    // These only say that something inside them failed, which is told of there.
    case 'if':
    case 'propertyNames':
      return undefined;
    default:
      throw new Error(`No words for the schema keyword "${error.keyword}"`);
  }
}

/** A text that doesn't have its definition's form. */
function malformed(document: CheckedDocument, path: SpecPath, error: ErrorObject): Problem {
  const { kind, data, places } = document;
  const expected = words(definitionOf(kind, definitionName(error) ?? ''));
  if (error.propertyName !== undefined) return problems.keyMalformed(places.key([...path, error.propertyName]), error.propertyName, expected);
  return quantityProblem(document, path, error) ?? problems.valueMalformed(places.value(path), lastKey(path), describe(document, path), expected, exampleOf(kind, path, data));
}

/** What a definition takes, as the end of a sentence. */
function words(definition: SchemaNode | undefined): string {
  return lowerFirst((definition?.description ?? 'a text that is not empty').replace(/\.$/, ''));
}

function quantityProblem(document: CheckedDocument, path: SpecPath, error: ErrorObject): Problem | undefined {
  const definition = definitionName(error);
  if (!isQuantityKind(definition)) return undefined;
  const value = valueAt(document.data, path);
  if (value === null) return undefined;
  const result = parseQuantity(definition, value);
  // The schema's pattern and the parser agree (a test holds them to it); should they ever not, the schema decides.
  const fault = 'fault' in result ? result.fault : { reason: 'malformed' as const, suggestions: [] };
  return problems.quantityFault(document.places.value(path), lastKey(path), definition, describe(document, path), fault);
}

function typeProblem(document: CheckedDocument, path: SpecPath, type: string): Problem {
  const place = document.places.value(path);
  const key = lastKey(path);
  const value = valueAt(document.data, path);
  const source = document.places.written(path);
  if (type === 'boolean' && typeof value === 'string' && BOOLEAN_WORDS.has(value.toLowerCase()))
    return problems.yamlBoolean(place, source ?? value, BOOLEAN_WORDS.get(value.toLowerCase()) ?? false);
  const schema = schemaAt(document.kind, path, document.data);
  const isUnquoted = type === 'string' && source !== undefined && (typeof value === 'number' || typeof value === 'boolean');
  // In quotes `1234` is text, but still no UUID.
  const remedy = !isUnquoted
    ? remedyFor(type, exampleOf(document.kind, path, document.data))
    : new RegExp(schema?.pattern ?? '', 'u').test(source)
      ? `Put it in quotes: "${source}".`
      : `Write ${words(definitionOf(document.kind, schema?.$ref?.replace('#/$defs/', '') ?? ''))}, in quotes where it is all digits.`;
  const quantity = schema?.$ref?.replace('#/$defs/', '');
  return problems.typeWrong(place, key, isQuantityKind(quantity) ? QUANTITY_NAMES[quantity] : (TYPE_NAMES[type] ?? type), describe(document, path), remedy);
}

/** What YAML 1.1 took for yes and no. */
const BOOLEAN_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['yes', true], ['y', true], ['on', true], ['true', true],
  ['no', false], ['n', false], ['off', false], ['false', false],
]);

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys and values',
};

function remedyFor(type: string, example: string | undefined): string {
  if (example !== undefined) return `Write, for instance, ${example}.`;
  const forms: Readonly<Record<string, string>> = {
    array: 'Write it as [one, two], or one item a line, each after "- ".',
    object: 'Write its keys on lines of their own, indented.',
    boolean: 'Write true or false.',
  };
  return forms[type] ?? `Write ${TYPE_NAMES[type] ?? type}.`;
}

/** A value as the author sees it: scalars as written, the rest by its sort. */
function describe(document: CheckedDocument, path: SpecPath): string {
  const value = valueAt(document.data, path);
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map of keys and values';
  const text = typeof value === 'string' ? value : (document.places.written(path) ?? JSON.stringify(value));
  const short = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return typeof value === 'string' ? JSON.stringify(short) : short;
}

function unquoted(text: string): string {
  return text.replace(/^"|"$/g, '');
}

function knownKeys({ kind, data }: CheckedDocument, path: SpecPath): readonly string[] {
  return Object.keys(schemaAt(kind, path, data)?.properties ?? {});
}

/** A good value from the schema, as YAML's flow style has it. */
function exampleOf(kind: SpecKind, path: SpecPath, data: unknown): string | undefined {
  const schema = schemaAt(kind, path, data);
  const example = schema?.examples?.[0] ?? schema?.const ?? schema?.enum?.[0] ?? schema?.default;
  const telling = typeof example === 'object' && example !== null ? Object.keys(example).length > 0 : example !== undefined;
  return telling ? flow(example) : undefined;
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return `{${Object.entries(value).map(([key, entry]) => `${key}: ${flow(entry)}`).join(', ')}}`;
  return String(value);
}

/** `#/$defs/bytes/pattern` → `bytes`. */
function definitionName({ schemaPath }: ErrorObject): string | undefined {
  return /^#\/\$defs\/([A-Za-z0-9]+)\/[A-Za-z]+$/.exec(schemaPath)?.[1];
}

function isQuantityKind(name: string | undefined): name is QuantityKind {
  return name === 'bytes' || name === 'bandwidth' || name === 'duration';
}

/** A JSON pointer (RFC 6901) as a path; list indices become numbers. */
function pathOf(data: unknown, pointer: string): SpecPath {
  const path: (string | number)[] = [];
  let value = data;
  for (const escaped of pointer.split('/').slice(1)) {
    const key = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(key) : key);
    value = valueAt(value, path.slice(-1));
  }
  return path;
}

function valueAt(data: unknown, path: SpecPath): unknown {
  return path.reduce((value: unknown, step) => (typeof value === 'object' && value !== null ? (value as Readonly<Record<string | number, unknown>>)[step] : undefined), data);
}

function lastKey(path: SpecPath): string {
  return path.findLast((step) => typeof step === 'string') ?? 'this document';
}

function param(error: ErrorObject, name: string): string {
  return String((error.params as Readonly<Record<string, unknown>>)[name]);
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]* /.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

function placeKey({ start, end }: Place): string {
  return `${start}-${end}`;
}
