/**
 * The same questions to yaml-language-server, with the same schemas, and to ajv at run time: of the cases below, and of every golden case.
 * Where they differ, the difference is listed here with its reason; any other one is a defect of one of them, and a listed one that
 * doesn't show any more is none.
 */

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { AJV_OPTIONS } from '../../scripts/generate.mjs';
import { readDrive } from '../../src/backend/drive/read';
import { SCHEMAS } from '../../src/backend/drive/schemaTree';
import { kindOfFile } from '../../src/backend/drive/specFile';
import { LineIndex } from '../../src/backend/drive/text';
import { completionsAt } from '../../src/editor/features/completion';
import { EditorDrive } from '../../src/editor/features/editorDrive';
import { readGolden } from '../drive/golden';
import { atCursor } from './cursor';
import { FILES, markedLines, suggestedLabels, type Kind } from './peer';

interface CompletionCase {
  readonly title: string;
  readonly kind: Kind;
  /** `|` is the cursor. */
  readonly text: string;
  /** What only PXEN suggests, and why. */
  readonly onlyHere?: readonly [labels: readonly string[], reason: string];
  readonly onlyThere?: readonly [labels: readonly string[], reason: string];
}

const WHOLE = 'it proposes a whole object under the schema’s title; here each key comes with what its value needs, and whole documents in empty ones';

const COMPLETIONS: readonly CompletionCase[] = [
  { title: 'keys of a VM', kind: 'VM', text: 'kind: VM\nname: a\n|', onlyThere: [['VM'], WHOLE] },
  { title: 'keys of a host, half a word typed', kind: 'Host', text: 'kind: Host\nname: a\nmem|', onlyThere: [['Host'], WHOLE] },
  { title: 'keys of a nested map', kind: 'Cluster', text: 'kind: Cluster\nnetwork:\n  subnet: 10.0.0.0/24\n  |', onlyThere: [['Network'], WHOLE] },
  { title: 'keys after a dash', kind: 'VM', text: 'kind: VM\ndisks:\n  - |', onlyThere: [['Disk'], WHOLE] },
  { title: 'keys of an item, beside others', kind: 'VM', text: 'kind: VM\ndisks:\n  - name: root\n    |', onlyThere: [['Disk'], WHOLE] },
  { title: 'an enumeration', kind: 'Cluster', text: 'kind: Cluster\nplacement:\n  goal: |' },
  { title: 'a RAID level', kind: 'Host', text: 'kind: Host\narrays:\n  - level: |' },
  { title: 'a boolean', kind: 'VM', text: 'kind: VM\nstart:\n  auto: |' },
  { title: 'the kind', kind: 'VM', text: 'kind: |' },
];

describe('Suggestions beside those of yaml-language-server', () => {
  for (const { title, kind, text: marked, onlyHere, onlyThere } of COMPLETIONS) {
    test(title, async () => {
      const offset = marked.indexOf('|');
      const text = marked.replace('|', '');
      const there = await suggestedLabels(kind, text, offset);
      const here = completionsAt(EditorDrive.of(new Map([[FILES[kind], text]])), FILES[kind], offset).map(({ label }) => label);
      const minus = (a: readonly string[], b: readonly string[]) => [...new Set(a)].filter((label) => !b.includes(label)).sort();
      expect({ onlyHere: minus(here, there), onlyThere: minus(there, here) }).toEqual({ onlyHere: onlyHere?.[0] ?? [], onlyThere: onlyThere?.[0] ?? [] });
    });
  }
});

interface ProblemCase {
  readonly title: string;
  readonly kind: Kind;
  readonly text: string;
  /** Lines, from 1, that only one of the two marks, and why. */
  readonly onlyHere?: readonly [lines: readonly number[], reason: string];
  readonly onlyThere?: readonly [lines: readonly number[], reason: string];
}

const SOUND_VM = 'kind: VM\nname: a\nvcpus: 1\nmemory: 1GiB\nboot: {type: hvm}\n';

const PROBLEMS: readonly ProblemCase[] = [
  { title: 'a sound VM', kind: 'VM', text: SOUND_VM },
  { title: 'an unknown key', kind: 'VM', text: `${SOUND_VM}colour: red\n` },
  { title: 'a missing key', kind: 'VM', text: 'kind: VM\nname: a\nvcpus: 1\nboot: {type: hvm}\n' },
  { title: 'values of the wrong type', kind: 'VM', text: 'kind: VM\nname: 12\nvcpus: two\nmemory: 1GiB\nboot: {type: hvm}\n' },
  { title: 'a number out of range', kind: 'VM', text: SOUND_VM.replace('vcpus: 1', 'vcpus: 0') },
  { title: 'a text without its form', kind: 'VM', text: SOUND_VM.replace('1GiB', '1 gigabyte') },
  { title: 'a value that is not among the possible ones', kind: 'Cluster', text: 'kind: Cluster\nname: c\nnetwork: {subnet: 10.0.0.0/24, server: 10.0.0.1}\nplacement:\n  goal: fastest\n' },
  { title: 'a key that is there twice', kind: 'VM', text: `${SOUND_VM}vcpus: 2\n` },
  { title: 'broken syntax', kind: 'VM', text: 'kind: VM\nname: a\ndisks: [\n', onlyThere: [[1], 'it checks against the schema what broken YAML left; here nothing else is told of a document that can’t be read'] },
  { title: 'YAML 1.1 booleans', kind: 'VM', text: `${SOUND_VM}start: {auto: yes}\n` },
  { title: 'a number with a leading zero', kind: 'VM', text: SOUND_VM.replace('vcpus: 1', 'vcpus: 010'), onlyHere: [[3], 'YAML 1.2 reads 10, which nobody who writes 010 expects'] },
  { title: 'an anchor', kind: 'VM', text: SOUND_VM.replace('vcpus: 1', 'vcpus: &few 1') },
];

describe('Problems beside those of yaml-language-server', () => {
  for (const { title, kind, text, onlyHere, onlyThere } of PROBLEMS) {
    test(title, async () => {
      const there = await markedLines(kind, text);
      const cluster: [string, string][] = kind === 'Cluster' ? [] : [['pxen.yaml', 'kind: Cluster\nname: c\nnetwork: {subnet: 10.0.0.0/24, server: 10.0.0.1}\n']];
      const here = EditorDrive.of(new Map([...cluster, [FILES[kind], text]])).checked.problems.filter(({ file }) => file === FILES[kind]).map(({ line }) => line);
      const minus = (a: readonly number[], b: readonly number[]) => [...new Set(a)].filter((line) => !b.includes(line));
      expect({ onlyHere: minus(here, there), onlyThere: minus(there, here) }).toEqual({ onlyHere: onlyHere?.[0] ?? [], onlyThere: onlyThere?.[0] ?? [] });
    });
  }
});

const BETWEEN = 'a schema sees one value at a time: what holds between documents, or between the keys of one, it can’t tell';
const AROUND = 'what lies on the drive beside the specs is in no document';
const MEANING = 'the text has the form that the schema asks for; what it means is wrong';
const TRAP = 'to YAML it is right; it isn’t what its author meant';

/** Codes of problems on lines that no schema finds fault with, and why. */
const BEYOND_SCHEMAS: Readonly<Record<string, string>> = {
  'address-duplicate': BETWEEN,
  'address-outside': BETWEEN,
  'address-reserved': BETWEEN,
  'apart-and-together': BETWEEN,
  'array-members': BETWEEN,
  'cluster-second': BETWEEN,
  'disk-file-missing': AROUND,
  'file-empty': 'a document of comments alone is nothing to check; PXEN expects one in each file',
  'forwarder-self': BETWEEN,
  'host-missing': BETWEEN,
  'image-missing': AROUND,
  'item-repeated': 'references may be written only once, which is told with all that is wrong with them',
  'mac-duplicate': BETWEEN,
  'member-duplicate': BETWEEN,
  'menu-unseen': BETWEEN,
  'mount-overlap': BETWEEN,
  'name-duplicate': BETWEEN,
  'placeholder-left': MEANING,
  'quantity-range': MEANING,
  'range-order': BETWEEN,
  'range-overlap': BETWEEN,
  'range-size': BETWEEN,
  'range-unused': BETWEEN,
  'reference-self': BETWEEN,
  'reference-unknown': BETWEEN,
  'reserve-too-large': BETWEEN,
  'start-cycle': BETWEEN,
  'subnet-host-bits': MEANING,
  'uuid-duplicate': BETWEEN,
  'vm-too-large': BETWEEN,
  'yaml-alias': TRAP,
  'yaml-directive': TRAP,
  'yaml-leading-zero': TRAP,
  'yaml-merge-key': TRAP,
  'yaml-tag': TRAP,
};

const LEFT = 'the schema is asked of what broken YAML left; here one thing is told of a document that can’t be read';

/** Codes of PXEN's problems in whose files only yaml-language-server marks further lines, and why. */
const MORE_THERE: Readonly<Record<string, string>> = {
  'yaml-syntax': LEFT,
  'yaml-tab': LEFT,
  'yaml-nesting': LEFT,
  'file-empty': 'an empty document beside others is taken for a spec there; here it is passed over, as it is by other tools',
  'kind-misplaced': 'it goes by the file’s name; here by the kind that is written, so that one thing is wrong and not each key',
  'key-unknown': 'a required key with a typo is an unknown one and a missing one there; here the typo is told, with what was meant',
};

const GOLDENS = path.join(import.meta.dirname, '..', 'drive', 'problems');

/** Every spec of the golden cases, with the problems that PXEN tells of it. */
const SPECS = readdirSync(GOLDENS).flatMap((name) =>
  readGolden(path.join(GOLDENS, name)).flatMap(({ title, files, surroundings }) => {
    const { problems } = readDrive(files, surroundings);
    return [...files].flatMap(([file, text]) => {
      const kind = kindOfFile(file);
      return kind === undefined ? [] : [{ title: `${name}: ${title}: ${file}`, kind, text, problems: problems.filter((problem) => problem.file === file) }];
    });
  }),
);

describe('Problems of every golden case', () => {
  const [beyond, more] = [new Set<string>(), new Set<string>()];

  for (const { title, kind, text, problems } of SPECS) {
    test(title, async () => {
      const there = await markedLines(kind, text);
      const onlyHere = problems.filter(({ line }) => !there.includes(line)).map(({ code }) => code);
      expect(onlyHere.filter((code) => !Object.hasOwn(BEYOND_SCHEMAS, code))).toEqual([]);
      const onlyThere = there.filter((line) => !problems.some((problem) => problem.line === line));
      const explained = problems.map(({ code }) => code).filter((code) => Object.hasOwn(MORE_THERE, code));
      expect({ title, lines: explained.length > 0 ? [] : onlyThere }).toEqual({ title, lines: [] });
      for (const code of onlyHere) beyond.add(code);
      if (onlyThere.length > 0) for (const code of explained) more.add(code);
    });
  }

  afterAll(() => {
    expect({ beyond: [...beyond].sort(), more: [...more].sort() }).toEqual({ beyond: Object.keys(BEYOND_SCHEMAS).sort(), more: Object.keys(MORE_THERE).sort() });
  });

  test('ajv at run time refuses no document that is right here, and takes none in which more is wrong than it could know', () => {
    const runtime = { Cluster: new Ajv2020(AJV_OPTIONS).compile(SCHEMAS.Cluster), Host: new Ajv2020(AJV_OPTIONS).compile(SCHEMAS.Host), VM: new Ajv2020(AJV_OPTIONS).compile(SCHEMAS.VM) };
    const differing = SPECS.flatMap(({ title, text, problems }) => {
      const lines = new LineIndex(text);
      return [...parseAllDocuments(text, { version: '1.2', logLevel: 'silent' })].flatMap((document) => {
        const data: unknown = document.errors.length > 0 ? undefined : document.toJS();
        const kind = (['Cluster', 'Host', 'VM'] as const).find((one) => (data as { readonly kind?: unknown } | null | undefined)?.kind === one);
        if (kind === undefined) return [];
        const [first, last] = [lines.at(document.range[0]).line, lines.at(Math.max(document.range[0], document.range[2] - 1)).line];
        const codes = problems.filter(({ line }) => first <= line && line <= last).map(({ code }) => code);
        const known = codes.filter((code) => !Object.hasOwn(BEYOND_SCHEMAS, code) && code !== 'kind-misplaced');
        const agrees = runtime[kind](data) ? known.length === 0 : codes.length > 0;
        return agrees ? [] : [`${title} ${first}: ${codes.join(' ')}`];
      });
    });
    expect(differing).toEqual([]);
  });
});

const FLOW = 'inside an unfinished flow map it suggests nothing, or only the whole';
const OWN_VALUE = 'it repeats the schema’s example; here the value follows from the drive';
const DEFAULT = 'it offers the schema’s default as a text; here the forms that the value can take';

/** Golden cases of completion by title, in which the two suggest other keys or values, and why. */
const OTHER_SUGGESTIONS: Readonly<Record<string, { readonly here?: readonly string[]; readonly there?: readonly string[]; readonly why: string }>> = {
  'after another document': { here: ['address', 'architecture', 'arrays', 'cpuFeatures', 'cpus', 'devices', 'kind', 'labels', 'macs', 'memory', 'name', 'reserve', 'wake'], why: 'it suggests nothing in an empty document behind another' },
  'the required ones first, without those that are there': { there: ['VM'], why: WHOLE },
  'in the middle of a word': { there: ['VM', 'boot'], why: 'the key that follows the cursor’s is missing to it, because of the broken line between' },
  'a key that has a value already keeps it': { there: ['VM'], why: WHOLE },
  'below a key whose map is empty': { there: ['Network'], why: WHOLE },
  'after a dash': { there: ['Disk'], why: WHOLE },
  'in a later line of a list\'s item': { there: ['Disk'], why: WHOLE },
  'in a flow map that is closed': { here: ['bandwidth', 'iops', 'size', 'source', 'storage'], why: FLOW },
  'in a flow map that isn\'t closed yet': { there: ['Disk'], why: WHOLE },
  'in a flow list of maps': { here: ['bridge', 'mac'], why: FLOW },
  'a union whose tag isn\'t written: what the other keys allow': { here: ['cmdline', 'ramdisk', 'type'], why: FLOW },
  'a union whose tag is written': { there: ['WakeByController'], why: WHOLE },
  'a second document of the same file': { there: ['VM'], why: WHOLE },
  'while the rest of the file is broken': { there: ['VM', 'disks'], why: 'a key that is there twice would be the next mistake' },
  'a list that isn\'t begun offers its items in brackets': { there: ['Default value', '["dns1"]'], why: DEFAULT },
  'an enumeration': { here: ['off'], there: ['"off"'], why: 'in YAML 1.2 `off` is a text without quotes too' },
  'right behind the colon, where YAML wants a blank': { here: ['balance', 'consolidate'], why: 'the blank that is missing comes with the value' },
  'the tag of a union, each with what it means': { here: ['pv', 'pvh'], why: FLOW },
  'a wrong unit gives way to the others': { there: ['0s'], why: 'the number that was typed is kept' },
  'a name, after the file': { here: ['db7'], there: ['db1'], why: OWN_VALUE },
  'the next free address': { here: ['10.77.0.13'], there: ['10.77.0.11'], why: OWN_VALUE },
  'where a map belongs: the forms it can take': { there: ['Default value'], why: DEFAULT },
  'where a list of maps belongs': { there: ['Default value'], why: DEFAULT },
  'the UUID that would be derived': { here: ['25068176-7e95-560f-84dc-41b1dc7a05ff'], there: ['8f0e8a52-6c1d-4a6b-9f0b-3f4c0d2e7a11'], why: OWN_VALUE },
  'an array\'s mount, after its name': { here: ['/srv/r7'], there: ['/srv/r0'], why: OWN_VALUE },
};

describe('Keys and values suggested in every golden case', () => {
  const folder = path.join(import.meta.dirname, 'completion');
  const cases = readdirSync(folder).flatMap((name) => readGolden(path.join(folder, name)));

  for (const golden of cases) {
    test(golden.title, async () => {
      const { drive, file, text, offset } = atCursor(golden);
      const there = await suggestedLabels(kindOfFile(file) ?? 'VM', text, offset);
      // References, units and snippets are what no schema has.
      const all = completionsAt(drive, file, offset);
      const here = all.filter(({ sort }) => sort === 'key' || sort === 'value').map(({ label }) => label);
      const minus = (a: readonly string[], b: readonly string[]) => [...new Set(a)].filter((label) => !b.includes(label)).sort();
      const { here: onlyHere = [], there: onlyThere = [] } = OTHER_SUGGESTIONS[golden.title] ?? {};
      expect({ onlyHere: minus(here, there), onlyThere: minus(there, all.map(({ label }) => label)) }).toEqual({ onlyHere, onlyThere });
    });
  }

  test('no difference is listed that there is no case for', () => {
    expect(Object.keys(OTHER_SUGGESTIONS).filter((title) => !cases.some((golden) => golden.title === title))).toEqual([]);
  });
});
