/** What VS Code makes of media/language-configuration.json; the rules are read as its editor reads them. */

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..', '..');
const read = (file: string): unknown => JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'));

interface Configuration {
  readonly comments: { readonly lineComment: string };
  readonly folding: { readonly offSide: boolean; readonly markers: { readonly start: string; readonly end: string } };
  readonly indentationRules: { readonly increaseIndentPattern: string };
  readonly onEnterRules: readonly { readonly beforeText: { readonly pattern: string }; readonly action: { readonly indent: 'none' | 'indent'; readonly appendText?: string } }[];
}

const configuration = read('media/language-configuration.json') as Configuration;

/** What stands on the new line after Enter at the line's end: the first rule that fits decides, else the indentation rules do. */
function afterEnter(line: string): string {
  const indent = /^ */.exec(line)?.[0] ?? '';
  const rule = configuration.onEnterRules.find(({ beforeText }) => new RegExp(beforeText.pattern).test(line));
  if (rule) return indent + (rule.action.appendText ?? '');
  return new RegExp(configuration.indentationRules.increaseIndentPattern).test(line) ? `${indent}  ` : indent;
}

test.each([
  ['a key without a value opens a map below it', 'placement:', '  '],
  ['also with a comment behind it', '  reserve:   # for dom0', '    '],
  ['a key with a value is followed by another', 'memory: 8GiB', ''],
  ['a flow map is followed by another key', '  boot: {type: pv, kernel: disks/k}', '  '],
  ['a MAC address or a URL is no key', 'address: 10.77.0.11   # fixed:', ''],
  ['a list item is followed by another', '  - node1', '  - '],
  ['a quoted one too', '  - "rack=a"', '  - '],
  ['a flow item too, whatever colons it holds', '  - {name: root, size: 20GiB}   # first', '  - '],
  ['a map in a list goes on below its first key', '  - name: root', '    '],
  ['a map inside it goes further in', '  - reserve:', '      '],
  ['an empty item is not followed by another', '  - ', '  '],
  ['a comment is followed by a comment', '  # RAID arrays', '  # '],
  ['an empty comment ends it', '  #', '  '],
])('%s', (_title, line, next) => {
  expect(`${line}⏎${afterEnter(line)}`).toBe(`${line}⏎${next}`);
});

test('Parts fold by indentation, and by region marks in comments', () => {
  const { offSide, markers } = configuration.folding;
  expect(offSide).toBe(true);
  expect([new RegExp(markers.start).test('  # region hosts of rack a'), new RegExp(markers.end).test('# endregion'), new RegExp(markers.start).test('region: a')]).toEqual([true, true, false]);
  expect(configuration.comments.lineComment).toBe('#');
});

interface Manifest {
  readonly contributes: {
    readonly languages: readonly { readonly id: string; readonly filenames: readonly string[]; readonly extensions: readonly string[]; readonly configuration: string; readonly icon: { readonly light: string; readonly dark: string } }[];
    readonly commands: readonly { readonly command: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string }[]>>;
  };
}

test('The language has its files, icons for light and dark, and its configuration', () => {
  const [language] = (read('package.json') as Manifest).contributes.languages;
  for (const file of [language?.icon.light, language?.icon.dark, language?.configuration]) expect(existsSync(path.join(ROOT, file ?? 'absent')), file).toBe(true);
});

test('Every command of a menu is one that the manifest declares and the extension registers', () => {
  const { commands, menus } = (read('package.json') as Manifest).contributes;
  const declared = commands.map(({ command }) => command);
  const source = readFileSync(path.join(ROOT, 'src/extension.ts'), 'utf8');
  const registered = [...(/const COMMANDS[^{]*\{\n(.*?)\n\};/s.exec(source)?.[1] ?? '').matchAll(/^ {2}(\w+)/gm)].map(([, name]) => `pxen.${name ?? ''}`);
  expect(Object.values(menus).flat().map(({ command }) => command).filter((command) => !declared.includes(command))).toEqual([]);
  expect(registered.toSorted()).toEqual(declared.toSorted());
});
