/** The JSON Schemas as a tree to walk: which keys a place knows, what they are for, how a good value looks. */

import clusterSchema from '../../../schemas/cluster.schema.json';
import hostSchema from '../../../schemas/host.schema.json';
import vmSchema from '../../../schemas/vm.schema.json';
import type { SpecPath } from './places';

export type SpecKind = 'Cluster' | 'Host' | 'VM';

export interface SchemaNode {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly if?: { readonly required?: readonly string[] };
  readonly then?: { readonly properties?: Readonly<Record<string, unknown>> };
  readonly else?: { readonly required?: readonly string[] };
  readonly discriminator?: { readonly propertyName: string };
}

export const SCHEMAS: Readonly<Record<SpecKind, SchemaNode>> = { Cluster: clusterSchema, Host: hostSchema, VM: vmSchema };

/**
 * The schema of the value at `path` in a document of this kind, references followed: its own annotations win over the
 * definition's. Where the schema is a tagged union, `data` says which branch; without a known tag the union itself is given.
 */
export function schemaAt(kind: SpecKind, path: SpecPath, data: unknown): SchemaNode | undefined {
  const root = SCHEMAS[kind];
  let node: SchemaNode | undefined = root;
  let value = data;
  for (const step of path) {
    if (!node) return undefined;
    node = branch(root, node, value);
    node = typeof step === 'number' ? node.items : propertySchema(node, step);
    node &&= followed(root, node);
    value = child(value, step);
  }
  return node && branch(root, node, value);
}

/** What a definition calls a well-formed value, as its description has it: "A MAC address of one machine (…)". */
export function definitionOf(kind: SpecKind, name: string): SchemaNode | undefined {
  return SCHEMAS[kind].$defs?.[name];
}

function propertySchema(node: SchemaNode, key: string): SchemaNode | undefined {
  if (node.properties && Object.hasOwn(node.properties, key)) return node.properties[key];
  return typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
}

function followed(root: SchemaNode, node: SchemaNode): SchemaNode {
  const target = node.$ref === undefined ? undefined : root.$defs?.[node.$ref.replace('#/$defs/', '')];
  return target ? { ...target, ...node } : node;
}

/** The branch of a tagged union that the data's tag chooses. */
function branch(root: SchemaNode, union: SchemaNode, value: unknown): SchemaNode {
  const tagName = union.discriminator?.propertyName;
  if (tagName === undefined) return union;
  const tag = child(value, tagName);
  return union.oneOf?.map((candidate) => followed(root, candidate)).find((candidate) => tagsOf(candidate, tagName).includes(tag)) ?? union;
}

/** The tags that a union's branches have, or a branch's own. */
export function tagsOf(node: SchemaNode, tagName: string): readonly unknown[] {
  if (node.oneOf) return node.oneOf.flatMap((candidate) => tagsOf(candidate, tagName));
  const tag = node.properties?.[tagName];
  return tag?.enum ?? (tag?.const === undefined ? [] : [tag.const]);
}

function child(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return (value as Readonly<Record<string | number, unknown>>)[step];
}
