/** `pxen image build`: makes the boot image that hosts run. */

import path from 'node:path';
import { buildImage } from '../image/build';
import { imageAssetsFolder } from '../image/assetsFolder';
import { missingTools, installCommand } from '../image/tools';
import { IMAGE_FILES, type Manifest } from '../image/manifest';
import { systemClock, type Log } from '../system';
import { EXIT, type VerbIo } from './io';

export interface ImageBuildOptions {
  readonly drive: string;
  readonly name: string;
  readonly suite: string;
  readonly mirror: string;
  readonly force: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
}

/** With `--json`: `{"outcome":"built"|"unchanged","folder","manifest"}`. Exits 1 when the build failed, 2 when it can't begin. */
export async function runImageBuild(options: ImageBuildOptions, io: VerbIo): Promise<number> {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(options.name)) {
    io.err(`"${options.name}" can't name an image: use lower-case letters, digits and hyphens, as in dom0-1.\n`);
    return EXIT.usage;
  }
  const epochText = io.env['SOURCE_DATE_EPOCH'];
  if (epochText !== undefined && !/^\d+$/.test(epochText)) {
    io.err(`SOURCE_DATE_EPOCH must be a whole number of seconds, not "${epochText}".\n`);
    return EXIT.usage;
  }
  const missing = await missingTools('image build');
  if (missing.length > 0) {
    io.err(`Building an image needs ${missing.map((tool) => tool.name).join(', ')}. Install with:\n  ${installCommand(missing)}\n`);
    return EXIT.usage;
  }
  const log: Log = (level, sentence) => {
    if (level !== 'debug' || options.verbose) io.err(`${sentence}\n`);
  };
  try {
    const built = await buildImage({
      name: options.name,
      suite: options.suite,
      mirror: options.mirror,
      ...(epochText === undefined ? {} : { sourceDateEpoch: Number(epochText) }),
      imagesFolder: path.resolve(options.drive, 'images'),
      assetsFolder: imageAssetsFolder(__dirname),
      force: options.force,
      clock: systemClock,
      log,
      signal: io.signal,
    });
    io.out(options.json ? `${JSON.stringify(built)}\n` : `${built.outcome === 'built' ? 'Built' : 'Nothing to do; built before from the same inputs (--force takes in Debian\'s present packages):'} ${built.folder}\n${describe(built.manifest)}`);
    return EXIT.ok;
  } catch (error) {
    io.err(`The image wasn't built. ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.problems;
  }
}

function describe(manifest: Manifest): string {
  const { xen, linux, debian } = manifest.versions;
  const bytes = IMAGE_FILES.reduce((sum, name) => sum + manifest.files[name].size, 0);
  return `  Xen ${xen ?? '?'}, Linux ${linux ?? '?'}, Debian ${debian ?? '?'}; ${(bytes / 1e6).toFixed(0)} MB, root.squashfs ${(manifest.files['root.squashfs'].size / 1e6).toFixed(0)} MB\n`;
}
