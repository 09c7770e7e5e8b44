/** Hints between the lines: what follows from what is written. */

import { isMap, isScalar, visit } from 'yaml';
import { deriveNicMac, deriveVmUuid } from '../../backend/drive/identity';
import { parseQuantity } from '../../backend/drive/quantity';
import type { SpecDocument } from '../../backend/drive/specFile';
import { endOf } from './fixes/structure';
import { touches, type TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import { descend, itemCount, pathTo, plainValue, rangeOf, textOf } from './nodes';
import { inOtherFamily } from './quantities';
import { quantityKindOf, shapeAt } from './shape';

export interface Hint {
  readonly offset: number;
  readonly label: string;
  readonly tooltip: string;
}

/** In the part of the file that is seen. */
export function hintsIn(drive: EditorDrive, file: string, range: TextRange): readonly Hint[] {
  const entry = drive.files.get(file);
  if (!entry) return [];
  return entry.spec.documents
    .filter(({ yaml }) => touches(range, { start: yaml.range[0], end: yaml.range[2] }))
    .flatMap((document) => [...identityHints(drive, document, entry.text), ...quantityHints(document)])
    .filter(({ offset }) => range.start <= offset && offset <= range.end);
}

/** A UUID or MAC address that the spec leaves to be derived; none before the drive has an identity. */
function identityHints({ surroundings: { driveId } }: EditorDrive, { kind, name, yaml }: SpecDocument, text: string): readonly Hint[] {
  if (kind !== 'VM' || driveId === undefined || name === undefined) return [];
  const root: unknown = yaml.contents;
  const nameNode = descend(root, ['name']).node;
  const uuid = !nameNode || descend(root, ['uuid']).pair ? [] : [{ offset: rangeOf(nameNode).end, label: `UUID ${deriveVmUuid(driveId, name)}`, tooltip: "Derived from the drive's identity and the VM's name." }];
  const macs = Array.from({ length: itemCount(root, ['nics']) }).flatMap((_, index) => {
    const nic = descend(root, ['nics', index]).node;
    if (!isMap(nic) || nic.has('mac')) return [];
    return [{ offset: endOf(text, nic), label: deriveNicMac(driveId, name, index), tooltip: "The card's MAC address, derived from the drive's identity, the VM's name and the card's place in the list." }];
  });
  return [...uuid, ...macs];
}

function quantityHints({ kind, yaml }: SpecDocument): readonly Hint[] {
  if (kind === undefined) return [];
  const data = plainValue(yaml.contents);
  const hints: Hint[] = [];
  visit(yaml, {
    Scalar: (key, node, ancestors) => {
      const written = textOf(node);
      // A look at the text first: most scalars have no unit.
      if (key === 'key' || written === undefined || !isScalar(node) || !/^\d.*B(?:\/s)?$/.test(written)) return;
      const schema = shapeAt(kind, pathTo([...ancestors, node]), data);
      const quantity = schema && quantityKindOf(schema);
      const result = quantity && parseQuantity(quantity, written);
      const other = result && 'value' in result ? inOtherFamily(quantity, written, result.value) : undefined;
      if (other !== undefined) hints.push({ offset: rangeOf(node).end, label: `= ${other}`, tooltip: 'The same in the other family of units: kB, MB, GB count in thousands, KiB, MiB, GiB in 1024s.' });
    },
  });
  return hints;
}
