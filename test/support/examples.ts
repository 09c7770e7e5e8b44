import { cp } from 'node:fs/promises';
import path from 'node:path';

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples');

/** What running PXEN leaves in a drive, as `npm start` does in the example. */
const NOT_CLONED = ['state', 'images', 'disks', 'keys'];

/** Copies an example's drive as it is in a fresh clone. A program that is bundled says where the examples are. */
export async function copyExample(name: 'homelab' | 'qemu-lab', to: string, examples = EXAMPLES): Promise<void> {
  const example = path.join(examples, name);
  await cp(example, to, { recursive: true, filter: (source) => !NOT_CLONED.includes(path.relative(example, source)) });
}
