/** Changes of what is right already, offered where the cursor is. */

import { parseQuantity } from '../../backend/drive/quantity';
import { replace, type TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import type { Fix } from './fixes';
import { documentAt, plainValue, rangeOf, spotAt, textOf } from './nodes';
import { quantityKindOf, shapeAt } from './shape';

/** `8GB` to `8GiB`: sizes of memory and disks are nearly always meant in 1024s, and the other way round where they aren't. */
export function rewritesAt(drive: EditorDrive, file: string, { start }: TextRange): readonly Fix[] {
  const document = documentAt(drive.files.get(file)?.spec.documents ?? [], start);
  const spot = document && spotAt(document.yaml, start);
  const written = spot?.part === 'value' ? textOf(spot.node) : undefined;
  if (!document?.kind || !spot || written === undefined) return [];
  const schema = shapeAt(document.kind, spot.path, plainValue(document.yaml.contents));
  const kind = schema && quantityKindOf(schema);
  if (kind === undefined || kind === 'duration' || 'fault' in parseQuantity(kind, written)) return [];
  const other = /[KMGTP]iB/.test(written) ? written.replace(/([KMGTP])iB/, (_, prefix: string) => `${prefix === 'K' ? 'k' : prefix}B`) : written.replace(/([kMGTP])B/, (_, prefix: string) => `${prefix.toUpperCase()}iB`);
  return other === written ? [] : [{ title: `Change to ${other}`, edits: [replace({ file, ...rangeOf(spot.node) }, other)] }];
}
