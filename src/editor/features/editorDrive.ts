/**
 * A drive while it is edited: all its texts, saved or not. A new state is made from the one before it, so that a keystroke
 * costs the parsing of one file; what holds between the files is looked at when it is asked for.
 */

import type { Problem } from '../../backend/drive/problems';
import { checkDrive, type ReadDrive, type Surroundings } from '../../backend/drive/read';
import { readSpecFile, type SpecFile } from '../../backend/drive/specFile';
import { occurrencesIn, type Occurrence } from './occurrences';

export class EditorFile {
  readonly spec: SpecFile;
  #occurrences: readonly Occurrence[] | undefined;
  #definitions: readonly Occurrence[] | undefined;

  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    this.spec = readSpecFile(file, text);
  }

  get occurrences(): readonly Occurrence[] {
    return (this.#occurrences ??= this.spec.documents.flatMap(occurrencesIn));
  }

  get definitions(): readonly Occurrence[] {
    return (this.#definitions ??= this.occurrences.filter(({ role }) => role === 'definition'));
  }
}

export class EditorDrive {
  #checked: ReadDrive | undefined;
  #occurrences: ReadonlyMap<string, readonly Occurrence[]> | undefined;
  #definitions: ReadonlyMap<string, Occurrence> | undefined;

  private constructor(
    readonly files: ReadonlyMap<string, EditorFile>,
    readonly surroundings: Surroundings,
    private readonly unread: readonly Problem[],
  ) {}

  /** `texts` by file name relative to the drive. What `earlier` parsed of the same text isn't parsed again. */
  static of(texts: ReadonlyMap<string, string>, surroundings: Surroundings = {}, unread: readonly Problem[] = [], earlier?: EditorDrive): EditorDrive {
    const files = [...texts].map(([file, text]): [string, EditorFile] => {
      const known = earlier?.files.get(file);
      return [file, known?.text === text ? known : new EditorFile(file, text)];
    });
    return new EditorDrive(new Map(files), surroundings, unread);
  }

  /** The drive after a change of one file; undefined when the file is gone. */
  with(file: string, text: string | undefined): EditorDrive {
    if (this.files.get(file)?.text === text) return this;
    const files = new Map(this.files);
    if (text === undefined) files.delete(file);
    else files.set(file, new EditorFile(file, text));
    return new EditorDrive(files, this.surroundings, this.unread.filter((problem) => problem.file !== file));
  }

  /** The model and every problem, as `pxen validate` tells them. */
  get checked(): ReadDrive {
    return (this.#checked ??= checkDrive([...this.files.values()].map(({ spec }) => spec), this.surroundings, this.unread));
  }

  /** Where each thing is defined and referred to, by `Occurrence.id`, files in order. */
  get occurrences(): ReadonlyMap<string, readonly Occurrence[]> {
    return (this.#occurrences ??= grouped([...this.files.values()].toSorted((a, b) => (a.file < b.file ? -1 : 1)).flatMap(({ occurrences }) => occurrences)));
  }

  /** Where each thing is defined, by `Occurrence.id`; in the first file in order where several do. */
  get definitions(): ReadonlyMap<string, Occurrence> {
    return (this.#definitions ??= firstDefinitions(this.files.values()));
  }

  /** Names of all things of a sort that are defined on the drive and can be referred to, in order. */
  names(sort: Occurrence['sort']): readonly string[] {
    const names = new Set<string>();
    for (const { definitions } of this.files.values()) for (const { sort: own, name } of definitions) if (own === sort) names.add(name);
    return [...names].filter((name) => REFERABLE.test(name)).sort();
  }
}

/** What the schemas take as a reference: a name, or a label as `key=value`. */
const REFERABLE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(=[A-Za-z0-9][A-Za-z0-9._-]{0,62})?$/;

/** Looked for after each keystroke, among thousands of files, of which one has changed: nothing is sorted. */
function firstDefinitions(files: Iterable<EditorFile>): ReadonlyMap<string, Occurrence> {
  const first = new Map<string, Occurrence>();
  for (const { definitions } of files) {
    for (const definition of definitions) {
      const known = first.get(definition.id);
      if (known === undefined || definition.file < known.file) first.set(definition.id, definition);
    }
  }
  return first;
}

function grouped(occurrences: readonly Occurrence[]): ReadonlyMap<string, readonly Occurrence[]> {
  const groups = new Map<string, Occurrence[]>();
  for (const occurrence of occurrences) {
    const group = groups.get(occurrence.id);
    if (group) group.push(occurrence);
    else groups.set(occurrence.id, [occurrence]);
  }
  return groups;
}
