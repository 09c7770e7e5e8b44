/** A good value for a key that is missing, as YAML's flow style has it. */

import type { SpecPath } from '../../../backend/drive/places';
import { exampleOf, flowText, isObject, itemShape, missingKeys, shapeAt } from '../shape';
import { valuesFor } from '../values';
import type { Context } from './context';

/** A map gets the keys it must have, each with a good value. */
export function exampleText(context: Pick<Context, 'drive' | 'file' | 'kind' | 'data'>, path: SpecPath): string {
  const { drive, file, kind, data } = context;
  const schema = kind && shapeAt(kind, path, data);
  if (!kind || !schema) return '""';
  if (isObject(schema)) {
    const entries: string[] = [];
    let known: unknown = withValue(data, path, {});
    for (let [key] = missingKeys(kind, path, known); key !== undefined; [key] = missingKeys(kind, path, known)) {
      const text = exampleText({ ...context, data: known }, [...path, key]);
      entries.push(`${key}: ${text}`);
      known = withValue(known, [...path, key], text);
    }
    return `{${entries.join(', ')}}`;
  }
  if (schema.type === 'array') {
    const example = exampleOf(schema);
    return example === undefined || !itemShape(kind, schema) ? '[]' : flowText(example);
  }
  return valuesFor({ drive, file, kind, path, data, schema, typed: '' })[0]?.value ?? '""';
}

function withValue(data: unknown, path: SpecPath, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(data)) return data.map((item: unknown, index) => (index === step ? withValue(item, rest, value) : item));
  const record: Readonly<Record<string, unknown>> = typeof data === 'object' && data !== null ? { ...data } : {};
  return { ...record, [step]: withValue(record[step], rest, value) };
}
