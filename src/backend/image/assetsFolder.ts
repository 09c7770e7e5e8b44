/** Where the files that go into images lie, for a bundle in `dist/` and for the sources alike. */

import { existsSync } from 'node:fs';
import path from 'node:path';

/** `here` is the calling module's folder: `dist/` when bundled (assets are copied to `dist/image`), `src/backend/image` otherwise. */
export function imageAssetsFolder(here: string): string {
  const bundled = path.join(here, 'image');
  return existsSync(path.join(bundled, 'customize.sh')) ? bundled : path.join(here, 'assets');
}
