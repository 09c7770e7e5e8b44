/** From a name to where it is defined, and to all places that use it; renaming follows from the two. */

import { replace, type FileEdit, type TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import type { Occurrence } from './occurrences';
import { scalarText } from './shape';

/** The thing named at a position; undefined where nothing is named. */
export function occurrenceAt(drive: EditorDrive, file: string, offset: number): Occurrence | undefined {
  return drive.files.get(file)?.occurrences.find(({ start, end }) => start <= offset && offset <= end);
}

/** Where what is named here is defined: for a label, each host that has it. */
export function definitionsAt(drive: EditorDrive, file: string, offset: number): readonly Occurrence[] {
  return allOf(drive, occurrenceAt(drive, file, offset)).filter(({ role }) => role === 'definition');
}

/** All places that name what is named here. */
export function referencesAt(drive: EditorDrive, file: string, offset: number, options: { readonly withDefinition: boolean }): readonly Occurrence[] {
  return allOf(drive, occurrenceAt(drive, file, offset)).filter(({ role }) => role === 'reference' || options.withDefinition);
}

export interface Renaming {
  readonly edits: readonly FileEdit[];
  /** What the author should know before it is done. */
  readonly caution?: string;
}

export type RenameAnswer = Renaming | { readonly refusal: string };

/** The word that a renaming here would change, or why there is none. */
export function renameable(drive: EditorDrive, file: string, offset: number): (TextRange & { readonly word: string }) | { readonly refusal: string } {
  const occurrence = occurrenceAt(drive, file, offset);
  if (!occurrence) return { refusal: 'There is no name here that could be changed.' };
  if (NOT_RENAMED[occurrence.sort] !== undefined) return { refusal: NOT_RENAMED[occurrence.sort] ?? '' };
  if (occurrence.sort !== 'label') return { ...unquoted(drive, occurrence), word: occurrence.name };
  return labelPart(drive, occurrence, offset);
}

/** Every edit that gives the thing named here another name. */
export function renameAt(drive: EditorDrive, file: string, offset: number, name: string): RenameAnswer {
  const occurrence = occurrenceAt(drive, file, offset);
  const target = renameable(drive, file, offset);
  if (!occurrence || 'refusal' in target) return 'refusal' in target ? target : { refusal: 'There is no name here that could be changed.' };
  if (occurrence.sort === 'label') return renameLabel(drive, occurrence, labelPart(drive, occurrence, offset).part, name);
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return { refusal: `"${name}" can't be a name. Write lower-case letters, digits and hyphens, at most 63, beginning and ending with a letter or digit.` };
  const id = occurrence.id.slice(0, occurrence.id.length - occurrence.name.length) + name;
  if (id !== occurrence.id && drive.occurrences.get(id)?.some(({ role }) => role === 'definition') === true) return { refusal: `There is a ${WORDS[occurrence.sort] ?? 'thing'} "${name}" already. Choose another name.` };
  const edits = allOf(drive, occurrence).map((place) => replace(place, scalarText(name)));
  const caution = CAUTIONS[occurrence.sort];
  return { edits, ...(caution !== undefined && drive.surroundings.driveId !== undefined && { caution }) };
}

const NOT_RENAMED: Partial<Readonly<Record<Occurrence['sort'], string>>> = {
  image: 'A boot image is a folder under images/: rename the folder, then write its new name here.',
  file: 'This is a file on the drive: rename the file, then write its new name here.',
  bridge: 'A bridge is named by the boot image, not by the specs.',
};

const WORDS: Partial<Readonly<Record<Occurrence['sort'], string>>> = { host: 'host', vm: 'VM', storage: 'storage', array: 'array of this host', disk: 'disk of this VM' };

/** What exists already is known by its name: only a drive that has booted has something to lose. */
const CAUTIONS: Partial<Readonly<Record<Occurrence['sort'], string>>> = {
  vm: 'A VM of another name is another VM: it gets another UUID, other MAC addresses and new, blank disks. Those it has stay where they are, under the old name.',
  disk: 'A disk of another name is another disk: it starts blank or from its source. The one that exists stays where it is, under the old name.',
  host: 'VM disks are recorded with the host they lie on: those on this host count as lost until it has booted under the new name.',
  array: 'VM disks are recorded with the array they lie on: those on this array count as lost until its host has booted again.',
};

function renameLabel(drive: EditorDrive, { name: label }: Occurrence, part: 'key' | 'value', name: string): RenameAnswer {
  const [key] = split(label);
  const renamesKey = part === 'key';
  const form = renamesKey ? /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/ : /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
  if (!form.test(name)) return { refusal: `"${name}" can't be a label's ${part}. Write ${renamesKey ? 'lower-case letters, digits and hyphens' : 'letters, digits, dots, hyphens and underscores'}, at most 63.` };
  // A key is renamed with all its values; a value, only where it belongs to this key.
  const affected = [...drive.occurrences.values()].flat().filter((occurrence) => occurrence.sort === 'label' && (renamesKey ? split(occurrence.name)[0] === key : occurrence.name === label));
  const edits = affected.map((occurrence) => {
    const [ownKey, ownValue] = split(occurrence.name);
    if (!occurrence.label) return replace(occurrence, scalarText(renamesKey ? `${name}=${ownValue}` : `${ownKey}=${name}`));
    return replace({ file: occurrence.file, ...(renamesKey ? occurrence.label.key : occurrence.label.value) }, scalarText(name));
  });
  return { edits };
}

/** The key or the value of a label, whichever the cursor is in. */
function labelPart(drive: EditorDrive, occurrence: Occurrence, offset: number): TextRange & { readonly word: string; readonly part: 'key' | 'value' } {
  const [key, value] = split(occurrence.name);
  if (occurrence.label) {
    const part = offset <= occurrence.label.key.end ? 'key' : 'value';
    return { ...unquoted(drive, { file: occurrence.file, ...occurrence.label[part] }), word: part === 'key' ? key : value, part };
  }
  const { start, end } = unquoted(drive, occurrence);
  const sign = start + key.length;
  return offset <= sign ? { start, end: sign, word: key, part: 'key' } : { start: sign + 1, end, word: value, part: 'value' };
}

function split(label: string): readonly [string, string] {
  const sign = label.indexOf('=');
  return [label.slice(0, sign), label.slice(sign + 1)];
}

/** Without the quotes around it. */
function unquoted(drive: EditorDrive, { file, start, end }: TextRange & { readonly file: string }): TextRange {
  const written = drive.files.get(file)?.text.slice(start, end) ?? '';
  return /^(["']).*\1$/s.test(written) ? { start: start + 1, end: end - 1 } : { start, end };
}

function allOf(drive: EditorDrive, occurrence: Occurrence | undefined): readonly Occurrence[] {
  return occurrence ? (drive.occurrences.get(occurrence.id) ?? []) : [];
}
