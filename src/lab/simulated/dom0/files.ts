/**
 * Files of a simulated dom0. Contents are kept while they are small; of larger ones the beginning, the size and the sum are,
 * so that a lab of many disks fits into memory.
 */

import { createHash, type Hash } from 'node:crypto';

const KEPT_BYTES = 256 * 1024;

export interface FileNode {
  readonly sizeBytes: number;
  /** The whole of a small file, the beginning of a large one. */
  readonly head: Buffer;
  /** Of the whole; undefined once the size was changed without writing. */
  readonly sha256: string | undefined;
}

export function fileOf(content: string | Buffer): FileNode {
  const writer = new FileWriter();
  writer.write(Buffer.from(content));
  return writer.end();
}

export class FileWriter {
  private readonly hash: Hash = createHash('sha256');
  private readonly kept: Buffer[] = [];
  private size = 0;

  write(chunk: Buffer): void {
    this.hash.update(chunk);
    if (this.size < KEPT_BYTES) this.kept.push(chunk.subarray(0, KEPT_BYTES - this.size));
    this.size += chunk.length;
  }

  end(): FileNode {
    return { sizeBytes: this.size, head: Buffer.concat(this.kept), sha256: this.hash.digest('hex') };
  }
}

export function resized(file: FileNode, sizeBytes: number): FileNode {
  return sizeBytes === file.sizeBytes ? file : { sizeBytes, head: file.head.subarray(0, sizeBytes), sha256: undefined };
}

/** One filesystem: paths inside it, always beginning with a slash, its root being `/`. */
export interface Filesystem {
  readonly capacityBytes: number;
  readonly files: Map<string, FileNode>;
  readonly folders: Set<string>;
}

export function newFilesystem(capacityBytes: number): Filesystem {
  return { capacityBytes, files: new Map(), folders: new Set(['/']) };
}

export function usedBytes(filesystem: Filesystem): number {
  let sum = 0;
  for (const file of filesystem.files.values()) sum += file.sizeBytes;
  return sum;
}

export function makeFolders(filesystem: Filesystem, path: string): void {
  for (let at = path; !filesystem.folders.has(at); at = parentOf(at)) filesystem.folders.add(at);
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
