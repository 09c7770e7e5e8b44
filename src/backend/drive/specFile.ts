/** The first stage: one file's text → its documents. A pure function of (name, text), so that a caller may keep the result. */

import { parseAllDocuments, isMap, type Document } from 'yaml';
import { clusterModel, hostModel, vmModel, type Conversion } from './convert';
import { validateCluster, validateHost, validateVm } from './generated/validators';
import type { ClusterModel, HostModel, VmModel } from './model';
import { Places } from './places';
import * as problems from './problems';
import type { Problem } from './problems';
import { schemaProblems } from './schemaProblems';
import type { SpecKind } from './schemaTree';
import { nearest } from './suggest';
import { LineIndex, type Place } from './text';
import { deepNesting, featureProblems, leadingZeros, syntaxProblems } from './yamlProblems';

export interface SpecFile {
  /** Relative to the drive, with forward slashes. */
  readonly file: string;
  readonly lines: LineIndex;
  readonly documents: readonly SpecDocument[];
  readonly problems: readonly Problem[];
}

/** One document. Its kind and name are known even where the rest of it is wrong, so that what refers to it isn't blamed. */
export interface SpecDocument {
  readonly file: string;
  readonly kind: SpecKind | undefined;
  readonly name: string | undefined;
  readonly text: string;
  readonly places: Places;
  /** The document as it was parsed, with the ranges of its nodes: for who looks at what stands at a position. */
  readonly yaml: Document.Parsed;
  /** Absent when the document has an error of its own. */
  readonly part: SpecPart | undefined;
}

/** A document's share of the model, its lists in the order of the spec. References in it are not yet checked; `placement.on` of a VM still holds selectors. */
export type SpecPart =
  | { readonly kind: 'Cluster'; readonly model: ClusterModel }
  | { readonly kind: 'Host'; readonly model: HostModel }
  | { readonly kind: 'VM'; readonly model: VmModel };

/** 1 MiB: a thousand times a usual spec. */
export const MAX_SPEC_BYTES = 1024 * 1024;

/** Never throws, whatever the text. */
export function readSpecFile(file: string, text: string): SpecFile {
  const lines = new LineIndex(text);
  const unread = (problem: Problem): SpecFile => ({ file, lines, documents: [], problems: [problem] });
  if (text.length > MAX_SPEC_BYTES) return unread(problems.fileTooLarge({ file, start: 0, end: 0 }, MAX_SPEC_BYTES));
  const nesting = deepNesting(text);
  if (nesting) return unread(problems.yamlNesting({ file, ...nesting }));

  const parsed = [...parseAllDocuments(text, { version: '1.2', prettyErrors: false, logLevel: 'silent' })];
  const read = parsed.map((document, index) => readDocument(file, text, lines, document, parsed[index - 1]?.range[2] ?? 0));
  const documents = read.flatMap(({ document }) => document ?? []);
  const found = read.flatMap((result) => result.problems);
  if (documents.length === 0 && found.length === 0) found.push(problems.fileEmpty({ file, start: 0, end: 0 }));
  return { file, lines, documents, problems: found };
}

/** Which kind a file of this name holds; undefined for a file that PXEN doesn't read. FAT drives may show names in capitals. */
export function kindOfFile(file: string): SpecKind | undefined {
  if (/^pxen\.yaml$/i.test(file)) return 'Cluster';
  if (/^hosts\/[^/.][^/]*\.host\.yaml$/i.test(file)) return 'Host';
  if (/^vms\/[^/.][^/]*\.vm\.yaml$/i.test(file)) return 'VM';
  return undefined;
}

/** Where documents of a kind belong, in words. */
export const FILES_OF_KIND: Readonly<Record<SpecKind, string>> = { Cluster: 'pxen.yaml', Host: 'hosts/*.host.yaml', VM: 'vms/*.vm.yaml' };

interface DocumentResult {
  readonly document?: SpecDocument;
  readonly problems: readonly Problem[];
}

function readDocument(file: string, text: string, lines: LineIndex, parsed: Document.Parsed, textStart: number): DocumentResult {
  const places = new Places(file, text, parsed);
  const base = { file, text: documentText(text.slice(textStart, parsed.range[2])), places, yaml: parsed };
  const unusable = [...syntaxProblems(parsed, places, lines), ...featureProblems(parsed, places)];
  // A document of nothing but comments or `---` says nothing.
  if (unusable.length === 0 && (parsed.contents === null || (parsed.contents.range[0] === parsed.contents.range[1] && !isMap(parsed.contents)))) return { problems: [] };
  if (unusable.length > 0) return { document: { ...base, ...recoveredIdentity(parsed, file), part: undefined }, problems: unusable };

  const data: unknown = parsed.toJS();
  const name = textAt(data, 'name');
  const kind = kindOf(data, file, places);
  if ('problem' in kind) return { document: { ...base, kind: kindOfFile(file), name, part: undefined }, problems: [kind.problem] };

  const zeros = leadingZeros(parsed, places);
  const { part, problems: found } = validated(kind.kind, data, places, zeros);
  const misplaced = kindOfFile(file) === kind.kind ? [] : [problems.kindMisplaced(places.value(['kind']), kind.kind, FILES_OF_KIND[kind.kind])];
  const all = [...misplaced, ...zeros, ...found];
  return { document: { ...base, kind: kind.kind, name, part: zeros.length > 0 ? undefined : part }, problems: all };
}

function kindOf(data: unknown, file: string, places: Places): { readonly kind: SpecKind } | { readonly problem: Problem } {
  const written = textAt(data, 'kind');
  if (isSpecKind(written)) return { kind: written };
  if (written === undefined) return { problem: problems.kindMissing(places.owner([]), kindOfFile(file) ?? 'VM') };
  return { problem: problems.kindUnknown(places.value(['kind']), written, nearest(written, KINDS)) };
}

/** Schema, then quantities. Only a document without any error becomes a part of the model. */
function validated(kind: SpecKind, data: unknown, places: Places, reported: readonly Place[]): { readonly part?: SpecPart; readonly problems: readonly Problem[] } {
  const convert = <Spec, Model>(valid: (data: unknown) => data is Spec, conversion: (spec: Spec, places: Places) => Conversion<Model>) =>
    valid(data) ? conversion(data, places) : undefined;
  switch (kind) {
    case 'Cluster': {
      const result = convert(validateCluster, clusterModel);
      return result ? partOf(result, (model) => ({ kind, model })) : { problems: schemaProblems({ kind, data, places }, validateCluster.errors ?? [], reported) };
    }
    case 'Host': {
      const result = convert(validateHost, hostModel);
      return result ? partOf(result, (model) => ({ kind, model })) : { problems: schemaProblems({ kind, data, places }, validateHost.errors ?? [], reported) };
    }
    case 'VM': {
      const result = convert(validateVm, vmModel);
      return result ? partOf(result, (model) => ({ kind, model })) : { problems: schemaProblems({ kind, data, places }, validateVm.errors ?? [], reported) };
    }
  }
}

function partOf<Model>(conversion: Conversion<Model>, wrap: (model: Model) => SpecPart): { readonly part?: SpecPart; readonly problems: readonly Problem[] } {
  return { ...(conversion.problems.length === 0 && { part: wrap(conversion.model) }), problems: conversion.problems };
}

/** What can still be told of a document whose YAML is broken: yaml recovers what it can; the file's name says the rest. */
function recoveredIdentity(parsed: Document.Parsed, file: string): { readonly kind: SpecKind | undefined; readonly name: string | undefined } {
  const kind = isMap(parsed.contents) ? parsed.contents.get('kind') : undefined;
  const name = isMap(parsed.contents) ? parsed.contents.get('name') : undefined;
  const stem = /([^/]+)\.(?:host|vm)\.yaml$/i.exec(file)?.[1];
  return { kind: isSpecKind(kind) ? kind : kindOfFile(file), name: typeof name === 'string' ? name : stem };
}

const KINDS: readonly SpecKind[] = ['Cluster', 'Host', 'VM'];

function isSpecKind(value: unknown): value is SpecKind {
  return KINDS.some((kind) => kind === value);
}

function textAt(data: unknown, key: string): string | undefined {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, key)) return undefined;
  const value: unknown = (data as Readonly<Record<string, unknown>>)[key];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** The document with its comments, without the marks around it. */
function documentText(slice: string): string {
  return `${slice.replace(/^(?:---[ \t]*(?:\r\n|\r|\n))/, '').replace(/(?:\r\n|\r|\n)\.\.\.\s*$/, '').trim()}\n`;
}
