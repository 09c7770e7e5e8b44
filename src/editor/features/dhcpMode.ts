/** Switches the pool to the boot files only, beside another DHCP server. */

import { replace, type FileEdit } from './edits';
import type { EditorDrive } from './editorDrive';
import { addition } from './fixes/structure';
import { descend, rangeOf } from './nodes';

/** Writes `dhcp: proxy` under the cluster's `network`; none when there is no such map. */
export function proxyModeEdit(drive: EditorDrive): readonly FileEdit[] {
  for (const { file, text, spec } of drive.files.values()) {
    const cluster = spec.documents.find(({ kind }) => kind === 'Cluster');
    if (!cluster) continue;
    const root = cluster.yaml.contents;
    const { node } = descend(root, ['network', 'dhcp']);
    if (node) return [replace({ file, ...rangeOf(node) }, 'proxy')];
    const made = addition({ text, root }, ['network'], [['dhcp', 'proxy']]);
    return made ? [replace({ file, ...made }, made.text)] : [];
  }
  return [];
}
