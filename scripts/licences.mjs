// Collects the licence texts of the packages that esbuild put into the bundles.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * One text for all of `metafiles` (esbuild's, of builds rooted at `root`): name, version, licence and its full text,
 * sorted by name. Throws for a package that carries neither a licence file nor the name of one.
 */
export async function thirdPartyLicences(root, metafiles) {
  const folders = new Set(metafiles.flatMap(({ inputs }) => Object.keys(inputs)).flatMap((input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []));
  const parts = await Promise.all([...folders].sort().map((folder) => licenceOf(join(root, folder))));
  return `PXEN contains these packages, under these licences.\n\n${[...new Set(parts)].join('\n')}`;
}

async function licenceOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined && license === undefined) throw new Error(`${name} in ${folder} says nothing of its licence.`);
  const text = file === undefined ? '' : await readFile(join(folder, file), 'utf8');
  return `---- ${name} ${version} (${license ?? 'see below'})\n\n${text.trim()}\n`;
}
