/** Which filesystem a path of a simulated dom0 lies on. */

import { type FileNode, type Filesystem, parentOf, usedBytes } from './files';
import type { Memory, MountPoint } from './state';

export interface Place {
  readonly mount: MountPoint;
  readonly filesystem: Filesystem;
  /** Inside the filesystem. */
  readonly path: string;
}

export function placeOf(memory: Memory, path: string): Place {
  const clean = path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  const holding = memory.mounts.filter(({ target }) => target === '/' || clean === target || clean.startsWith(`${target}/`));
  const mount = holding.reduce((longest, candidate) => (candidate.target.length >= longest.target.length ? candidate : longest));
  return { mount, filesystem: mount.filesystem, path: mount.target === '/' ? clean : clean.slice(mount.target.length) || '/' };
}

export function readNode(memory: Memory, path: string): FileNode | undefined {
  const place = placeOf(memory, path);
  return place.filesystem.files.get(place.path);
}

export function exists(memory: Memory, path: string): boolean {
  const place = placeOf(memory, path);
  return place.filesystem.files.has(place.path) || place.filesystem.folders.has(place.path);
}

/** Undefined when written, else the error as the C library words it. */
export function writeNode(memory: Memory, path: string, node: FileNode): string | undefined {
  const { filesystem, mount, path: inside } = placeOf(memory, path);
  if (!mount.writable) return 'Read-only file system';
  if (!filesystem.folders.has(parentOf(inside))) return 'No such file or directory';
  if (filesystem.folders.has(inside)) return 'Is a directory';
  const others = usedBytes(filesystem) - (filesystem.files.get(inside)?.sizeBytes ?? 0);
  if (others + node.sizeBytes > filesystem.capacityBytes) return 'No space left on device';
  filesystem.files.set(inside, node);
  return undefined;
}
