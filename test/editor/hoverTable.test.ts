/** Every key of every schema: what a hover over it must say, whatever is added to the schemas. */

import { describe, expect, test } from 'vitest';
import { SCHEMAS, tagsOf, type SchemaNode, type SpecKind } from '../../src/backend/drive/schemaTree';
import { hoverAt } from '../../src/editor/features/hover';
import { EditorDrive } from '../../src/editor/features/editorDrive';

const FILES: Readonly<Record<SpecKind, string>> = { Cluster: 'pxen.yaml', Host: 'hosts/a.host.yaml', VM: 'vms/a.vm.yaml' };

interface Leaf {
  readonly path: string;
  readonly schema: SchemaNode;
  /** A document that holds the key, with a mark as its value. */
  readonly document: unknown;
}

const MARK = 'the-value';

/** Every key with the schema that is written for it, references not followed. */
function leaves(kind: SpecKind, node: SchemaNode, path: string, wrap: (value: unknown) => unknown): readonly Leaf[] {
  const root = SCHEMAS[kind];
  const target = node.$ref === undefined ? node : { ...root.$defs?.[node.$ref.replace('#/$defs/', '')], ...node };
  if (target.items) return leaves(kind, target.items, `${path}[]`, (value) => wrap([value]));
  return (target.oneOf ?? [target]).flatMap((branch) => {
    const tagName = target.discriminator?.propertyName;
    const tag = tagName === undefined ? {} : { [tagName]: tagsOf(branch, tagName)[0] };
    return Object.entries(branch.properties ?? {}).flatMap(([key, schema]) => {
      const inside = (value: unknown) => wrap({ ...tag, [key]: value });
      const own: Leaf = { path: `${path}${path === '' ? '' : '.'}${key}`, schema, document: key === 'kind' ? wrap({ kind }) : inside(key in tag ? tag[key] : MARK) };
      return [own, ...leaves(kind, schema, own.path, inside)];
    });
  });
}

/** What hovering the key tells. */
function hovered(kind: SpecKind, { path, document }: Leaf): string {
  const text = JSON.stringify({ kind, ...(document as object) }, undefined, 1);
  const key = path.replaceAll('[]', '').split('.').at(-1) ?? '';
  const drive = EditorDrive.of(new Map([[FILES[kind], text]]));
  return hoverAt(drive, FILES[kind], text.lastIndexOf(`"${key}"`) + 2)?.markdown ?? '';
}

for (const kind of ['Cluster', 'Host', 'VM'] as const) {
  describe(`${kind}: a hover tells what a key is for, its default and its limits`, () => {
    test.each(leaves(kind, SCHEMAS[kind], '', (value) => value).map((leaf) => [leaf.path, leaf] as const))('%s', (_path, leaf) => {
      const { $ref, ...own } = leaf.schema;
      const definition: SchemaNode = $ref === undefined ? {} : (SCHEMAS[kind].$defs?.[$ref.replace('#/$defs/', '')] ?? {});
      const schema: SchemaNode = { ...definition, ...own };
      const told = hovered(kind, leaf);
      expect(schema.description, 'the schema describes it').toBeTruthy();
      const tag = schema.const !== undefined || told.includes(definition.description ?? '\0');
      expect(told.includes(schema.description ?? '') || tag, `description in:\n${told}`).toBe(true);
      // The form of a text or the units of a quantity are told by the definition.
      if (definition.type === 'string') expect(told).toContain(definition.description);
      for (const value of schema.enum ?? []) expect(told).toContain(`\`${String(value)}\``);
      for (const bound of [schema.minimum, schema.maximum, schema.minItems, schema.maxItems]) if (bound !== undefined) expect(told).toContain(String(bound));
      if (schema.default !== undefined) expect(told).toMatch(/Default: `/);
    });
  });
}
