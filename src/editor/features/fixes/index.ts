/** What can be done about problems: one builder for each code that has a remedy. */

import type { ProblemJson } from '../../../protocol';
import { PROBLEM_CODES, type ProblemCode } from '../../../backend/drive/problems';
import { touches, type TextRange } from '../edits';
import type { EditorDrive } from '../editorDrive';
import { contextOf, type Context, type Fix } from './context';
import { fileFixes } from './files';
import * as range from './range';
import * as references from './references';
import * as shape from './shape';
import * as syntax from './syntax';
import * as values from './values';
import * as yaml from './yaml';

export type { Fix } from './context';

export interface ProblemFix extends Fix {
  readonly problem: ProblemJson;
}

/** Fixes of the problems that touch a range of a file, in the order of the problems. */
export function fixesAt(drive: EditorDrive, file: string, range: TextRange): readonly ProblemFix[] {
  const lines = drive.files.get(file)?.spec.lines;
  if (!lines) return [];
  return drive.checked.problems
    .filter((problem) => problem.file === file && touches(range, { start: lines.offset(problem), end: lines.offset({ line: problem.endLine, column: problem.endColumn }) }))
    .flatMap((problem) => fixesOf(drive, problem).map((fix) => ({ ...fix, problem })));
}

/** Best first. */
export function fixesOf(drive: EditorDrive, problem: ProblemJson): readonly Fix[] {
  const code = PROBLEM_CODES.find((known) => known === problem.code);
  if (code === undefined) return [];
  const context = contextOf(drive, problem);
  return [...(context ? (BUILDERS[code]?.(context) ?? []) : []), ...fileFixes(drive, problem, code)];
}

/** Codes that are absent leave nothing to an automaton: what is right only the author knows. */
const BUILDERS: Readonly<Partial<Record<ProblemCode, (context: Context) => readonly Fix[]>>> = {
  'yaml-tab': yaml.tab,
  'yaml-duplicate-key': yaml.duplicateKey,
  'yaml-syntax': syntax.repaired,
  'yaml-alias': yaml.alias,
  'yaml-merge-key': yaml.mergeKey,
  'yaml-tag': yaml.tag,
  'yaml-leading-zero': yaml.leadingZero,
  'yaml-boolean': yaml.boolean,
  'cluster-second': shape.removeDocument,
  'kind-missing': shape.kindMissing,
  'kind-unknown': shape.kindUnknown,
  'kind-misplaced': shape.kindMisplaced,
  'key-unknown': shape.keyUnknown,
  'key-missing': shape.keyMissing,
  'key-conflict': shape.keyConflict,
  'key-malformed': shape.keyMalformed,
  'type-wrong': values.typeWrong,
  'value-unknown': values.valueUnknown,
  'value-malformed': values.malformed,
  'number-range': values.numberRange,
  'item-count': values.itemCount,
  'item-repeated': shape.removeItem,
  'unit-missing': values.quantity,
  'unit-unknown': values.quantity,
  'quantity-malformed': values.quantity,
  'quantity-range': values.quantity,
  'name-duplicate': values.nameDuplicate,
  'mac-duplicate': values.macDuplicate,
  'address-duplicate': values.address,
  'address-outside': values.address,
  'address-reserved': values.address,
  'uuid-duplicate': values.uuidDuplicate,
  'member-duplicate': shape.removeItem,
  'mount-overlap': values.mountOverlap,
  'reserve-too-large': values.reserveTooLarge,
  'subnet-host-bits': values.subnetHostBits,
  'range-order': range.exchangeEnds,
  'range-unused': range.removeKey,
  'menu-unseen': range.removeKey,
  'reference-unknown': references.unknown,
  'reference-self': shape.removeItem,
  'forwarder-self': shape.removeItem,
  'start-cycle': shape.removeItem,
  'apart-and-together': shape.removeItem,
  'array-members': values.arrayMembers,
  'image-missing': references.image,
  'disk-file-missing': references.diskFile,
};
