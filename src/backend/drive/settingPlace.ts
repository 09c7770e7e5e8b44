/** Where a setting of the cluster stands, for sentences that say what to change. */

import path from 'node:path';
import { readSpecText } from './load';
import { FILES_OF_KIND, readSpecFile } from './specFile';

/**
 * As `/drive/pxen.yaml:12`; where the setting isn't written, as `/drive/pxen.yaml:5, under "network:",`. Looked up in the file
 * as it is now. Without a line when the file can't be read.
 */
export async function settingPlace(root: string, section: string, key: string): Promise<string> {
  const read = await readSpecText(root, FILES_OF_KIND.Cluster);
  const file = path.join(root, FILES_OF_KIND.Cluster);
  const under = `, under "${section}:",`;
  if ('problem' in read) return `${file}${under}`;
  const { lines, documents } = readSpecFile(read.file, read.text);
  const places = documents.find(({ kind }) => kind === 'Cluster')?.places;
  if (places === undefined) return `${file}${under}`;
  const isWritten = places.written([section, key]) !== undefined;
  const { start } = places.key(isWritten ? [section, key] : [section]);
  return `${file}:${lines.at(start).line}${isWritten ? '' : under}`;
}
