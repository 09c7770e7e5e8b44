import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { completionsAt } from '../../src/editor/features/completion';
import { EditorDrive } from '../../src/editor/features/editorDrive';
import type { TextRange } from '../../src/editor/features/edits';
import { diagnosticsOf } from '../../src/editor/features/diagnostics';
import { fixesAt } from '../../src/editor/features/fixes';
import { formatEdits } from '../../src/editor/features/format';
import { hintsIn } from '../../src/editor/features/hints';
import { hoverAt } from '../../src/editor/features/hover';
import { definitionsAt, referencesAt, renameable, renameAt } from '../../src/editor/features/navigation';
import { lensesOf } from '../../src/editor/features/lenses';
import { driveSymbols, outlineOf, type OutlineSymbol } from '../../src/editor/features/outline';
import { placementOf } from '../../src/editor/features/placement';
import { rewritesAt } from '../../src/editor/features/rewrites';
import { LineIndex } from '../../src/backend/drive/text';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { applied, aroundDrive } from './cursor';

const homelab = path.join(import.meta.dirname, '..', '..', 'examples', 'homelab');
const SPECS = ['pxen.yaml', 'hosts/node1.host.yaml', 'hosts/rack-b.host.yaml', 'vms/db1.vm.yaml', 'vms/apps.vm.yaml'].map((file) => ({ file, text: readFileSync(path.join(homelab, file), 'utf8') }));

/** What upsets parsers: YAML's own signs, its breaks and blanks, and what looks like the lexer's marks. */
const PIECES = ['\n', '\r\n', ' ', '\t', ':', ': ', '- ', '-', '? ', '{', '}', '[', ']', ',', '#', ' # ', '"', "'", '|', '>', '&a ', '*a', '!!str ', '<<: ', '---\n', '...\n', '%YAML 1.1\n', '\u0002', '\u001f', '\ufeff', '\ud800', '0755', 'yes', '8', '8GB', '__proto__: ', 'constructor: ', 'name: ', 'kind: VM\n', 'boot: {', '- {name: '];

/** A homelab spec in which things were put, cut and doubled; or anything at all. */
const anyText = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom(...SPECS), fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(30), put: fc.constantFrom('', ...PIECES) }), { minLength: 1, maxLength: 4 })).map(([{ file, text }, changes]) => ({
      file,
      text: changes.reduce((before, { at, cut, put }) => {
        const position = Math.floor(at * before.length);
        return before.slice(0, position) + put + before.slice(position + cut);
      }, text),
    })),
  },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((pieces) => ({ file: 'vms/a.vm.yaml', text: pieces.join('') })) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }).map((text) => ({ file: 'hosts/a.host.yaml', text })) },
);

const RUNS = { numRuns: Number(process.env['PXEN_PROPERTY_RUNS'] ?? 400) };
const aroundTexts = new Map([...aroundDrive().files].map(([file, { text }]) => [file, text]));
const surroundings = { driveId: '11111111-2222-4333-8444-555555555555', images: ['dom0-1'], diskFiles: ['disks/a.raw'] };

/** As it was before the text became what it is. */
const placement = placementOf(aroundDrive().checked.model!, planPlacement(aroundDrive().checked.model!, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT), NO_PREVIOUS_PLACEMENT);

test('No text makes a feature throw, and every range lies in its document', () => {
  fc.assert(
    fc.property(anyText, fc.double({ min: 0, max: 1, noNaN: true }), ({ file, text }, share) => {
      const drive = EditorDrive.of(new Map([...aroundTexts, [file, text]]), surroundings);
      const offset = Math.floor(share * text.length);
      const inside = (range: TextRange, of = file) => {
        const { length } = drive.files.get(of)?.text ?? '';
        expect(range.start >= 0 && range.start <= range.end && range.end <= length, `${JSON.stringify(range)} in ${of} of ${length} characters`).toBe(true);
      };

      for (const { range, text: inserted, cursor = 0 } of completionsAt(drive, file, offset)) {
        inside(range);
        expect(range.start <= offset && offset <= range.end && cursor <= inserted.length).toBe(true);
      }
      const hover = hoverAt(drive, file, offset);
      if (hover) inside(hover.range);
      for (const place of [...definitionsAt(drive, file, offset), ...referencesAt(drive, file, offset, { withDefinition: true })]) inside(place, place.file);
      const word = renameable(drive, file, offset);
      if ('word' in word) inside(word);
      const renaming = renameAt(drive, file, offset, 'new-name');
      const fixes = fixesAt(drive, file, { start: 0, end: text.length });
      const rewrites = rewritesAt(drive, file, { start: offset, end: offset });
      for (const edit of [...('edits' in renaming ? renaming.edits : []), ...[...fixes, ...rewrites].flatMap(({ edits }) => edits)]) if (edit.kind === 'replace') inside(edit, edit.file);
      const eachSymbol = ({ range, selection, children }: OutlineSymbol) => {
        inside(range);
        inside(selection);
        expect(range.start <= selection.start && selection.end <= range.end).toBe(true);
        children.forEach(eachSymbol);
      };
      outlineOf(drive, file).forEach(eachSymbol);
      for (const symbol of driveSymbols(drive)) inside(symbol, symbol.file);
      for (const { offset: at } of hintsIn(drive, file, { start: 0, end: text.length })) inside({ start: at, end: at });
      for (const edit of formatEdits(text)) inside(edit);
      for (const { range } of lensesOf(drive, file, placement)) inside(range);
      const lines = new LineIndex(text);
      for (const { line, column, endLine, endColumn } of diagnosticsOf(drive, placement).get(file) ?? []) {
        const [start, end] = [lines.offset({ line, column }), lines.offset({ line: endLine, column: endColumn })];
        inside({ start, end });
        // No column beyond its line's end.
        expect([lines.at(start), lines.at(end)]).toEqual([{ line, column }, { line: endLine, column: endColumn }]);
      }
    }),
    RUNS,
  );
});

test('Formatting what was formatted changes nothing more', () => {
  const format = (text: string) => applied(new Map([['a', text]]), formatEdits(text).map((edit) => ({ kind: 'replace' as const, file: 'a', ...edit }))).get('a') ?? '';
  fc.assert(
    fc.property(anyText, ({ text }) => {
      const once = format(text);
      expect(format(once)).toBe(once);
    }),
    RUNS,
  );
});

test('Formatting takes away a blank last line and puts no other in its place', () => {
  expect(formatEdits('\n\t')).toEqual([{ start: 1, end: 2, text: '' }]);
});

test('An edit of one file leaves what was parsed of the others', () => {
  const before = aroundDrive();
  const after = before.with('vms/dns.vm.yaml', 'kind: VM\n');
  expect(after.files.get('pxen.yaml')).toBe(before.files.get('pxen.yaml'));
  expect(after.files.get('vms/dns.vm.yaml')?.spec).not.toBe(before.files.get('vms/dns.vm.yaml')?.spec);
  expect(after.with('vms/dns.vm.yaml', 'kind: VM\n')).toBe(after);
});

test('After any row of edits a drive tells what the drive read anew tells', () => {
  const edit = fc.oneof({ weight: 5, arbitrary: anyText }, { weight: 1, arbitrary: fc.constantFrom(...aroundTexts.keys()).map((file) => ({ file, text: undefined })) });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
      let drive = aroundDrive(surroundings);
      const texts = new Map(aroundTexts);
      for (const { file, text } of edits) {
        drive = drive.with(file, text);
        if (text === undefined) texts.delete(file);
        else texts.set(file, text);
        // As the window asks after each keystroke, so that whatever is kept from before would show.
        expect(drive.checked.problems.length).toBeGreaterThanOrEqual(0);
      }
      const anew = EditorDrive.of(texts, surroundings);
      expect(drive.checked.problems).toEqual(anew.checked.problems);
      expect(drive.checked.model).toEqual(anew.checked.model);
      expect([...drive.occurrences]).toEqual([...anew.occurrences]);
    }),
    { numRuns: 60 },
  );
});
