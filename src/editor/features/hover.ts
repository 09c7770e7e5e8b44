/** What a key or value means: (drive, file, offset) → Markdown. */

import { formatQuantity, parseQuantity, type QuantityKind } from '../../backend/drive/quantity';
import type { SpecKind } from '../../backend/drive/schemaTree';
import type { TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import { documentAt, plainValue, rangeOf, spotAt, textOf, type Spot } from './nodes';
import { referenceSort } from './occurrences';
import { inOtherUnits } from './quantities';
import { describe, meaningOf, quantityKindOf, shapeAt, valueAt } from './shape';
import { identity, summaryOf } from './summary';

export interface Hover {
  readonly range: TextRange;
  readonly markdown: string;
}

/** Undefined where there is nothing to say. */
export function hoverAt(drive: EditorDrive, file: string, offset: number): Hover | undefined {
  const document = documentAt(drive.files.get(file)?.spec.documents ?? [], offset);
  const spot = document && spotAt(document.yaml, offset);
  if (!document || !spot || document.kind === undefined) return undefined;
  const { kind, yaml } = document;
  const data = plainValue(yaml.contents);
  const schema = shapeAt(kind, spot.path, data);
  if (!schema) return undefined;
  if (spot.part === 'value' && textOf(spot.node) === undefined) return undefined;
  const key = spot.path.findLast((step) => typeof step === 'string') ?? kind;
  const value = valueAt(data, spot.path);
  const paragraphs = [
    ...referred(drive, kind, spot),
    `**${key}**`,
    // An item is what its list holds.
    ...(typeof spot.path.at(-1) === 'number' ? [shapeAt(kind, spot.path.slice(0, -1), data)?.description ?? ''] : []),
    describe(kind, schema),
    ...(spot.part === 'value' || typeof value !== 'object' ? meaning(kind, spot, data, value).filter((words) => words !== schema.description) : []),
    ...resolved(quantityKindOf(schema), value),
    ...(kind === 'VM' && spot.path.join() === 'name' && document.name !== undefined ? identity(drive, document.name) : []),
  ];
  return { range: rangeOf(spot.node), markdown: paragraphs.filter((paragraph) => paragraph !== '').join('\n\n') };
}

/** What a value names, first: that is what one looks for at a reference. */
function referred(drive: EditorDrive, kind: SpecKind, { path, part, node }: Spot): readonly string[] {
  const sort = referenceSort(kind, path);
  const name = textOf(node);
  if (sort === undefined || part === 'key' || name === undefined) return [];
  const summary = summaryOf(drive, sort === 'host' && name.includes('=') ? 'label' : sort, name);
  return summary ? [summary.markdown] : [];
}

function meaning(kind: SpecKind, { path }: Spot, data: unknown, value: unknown): readonly string[] {
  const words = typeof value === 'string' ? meaningOf(kind, path, data, value) : undefined;
  return words === undefined ? [] : [words];
}

function resolved(quantity: QuantityKind | undefined, value: unknown): readonly string[] {
  if (quantity === undefined || value === undefined || value === null) return [];
  const result = parseQuantity(quantity, value);
  if ('fault' in result) return [];
  const others = inOtherUnits(quantity, result.value);
  const exact = quantity === 'duration' ? formatQuantity(quantity, result.value) : `${result.value.toLocaleString('en-US')} bytes${quantity === 'bandwidth' ? ' a second' : ''}`;
  return [`= ${[...others, exact].join(' = ')}`];
}
