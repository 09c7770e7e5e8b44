/** The pool's ssh key: made once for a drive, private to its owner. Hosts take its public half from the answer to their hello. */

import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import { utils } from 'ssh2';
import { writeFileAtomic } from '../drive/atomic';
import { makeFolder } from '../drive/owner';
import { newKeyPair } from '../hosts/keyPair';

export interface PoolKeys {
  /** OpenSSH format. */
  readonly privateKey: string;
  /** Lines for hosts' authorized_keys: the pool's own key first, then those of the drive's `authorized_keys` file. */
  readonly authorizedKeys: readonly string[];
}

/** Tells which file in the keys folder can't be used, and what to do about it. */
export class PoolKeyError extends Error {
  override readonly name = 'PoolKeyError';
}

const PRIVATE_KEY = 'pool_ed25519';
const AUTHORIZED_KEYS = 'authorized_keys';

/**
 * Reads the pool's key, making an ed25519 pair when there is none. `authorized_keys` beside it may hold further public keys,
 * in the format of sshd(8); empty lines and comments are left out. Rejects with a `PoolKeyError` for a file that is damaged or can't be read.
 */
export async function openPoolKeys(folder: string, comment: string): Promise<PoolKeys> {
  const file = path.join(folder, PRIVATE_KEY);
  const privateKey = (await readIfPresent(file)) ?? (await makeKey(folder, file, comment));
  return { privateKey, authorizedKeys: [publicKeyOf(privateKey, file, comment), ...(await furtherKeys(folder))] };
}

async function makeKey(folder: string, file: string, comment: string): Promise<string> {
  await makeFolder(folder, 0o700);
  const pair = newKeyPair(comment);
  await writeFileAtomic(file, pair.private, { mode: 0o600 });
  // Also where the process's umask is unusual; a FAT drive knows no modes, and its mount options decide.
  await chmod(file, 0o600);
  await writeFileAtomic(`${file}.pub`, `${pair.public}\n`);
  return pair.private;
}

function publicKeyOf(privateKey: string, file: string, comment: string): string {
  const parsed = utils.parseKey(privateKey);
  if (parsed instanceof Error) {
    throw new PoolKeyError(`${file} isn't a private key that can be read (${parsed.message}). Restore it, or remove it: a new one is made, and hosts that are up must then be booted again.`);
  }
  return `${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${comment}`;
}

async function furtherKeys(folder: string): Promise<readonly string[]> {
  const file = path.join(folder, AUTHORIZED_KEYS);
  const lines = ((await readIfPresent(file)) ?? '').split(/\r?\n/).map((line) => line.trim());
  return lines.flatMap((line, index) => {
    if (line === '' || line.startsWith('#')) return [];
    if (utils.parseKey(line) instanceof Error) throw new PoolKeyError(`${file}:${index + 1} isn't a public key. Write one key to a line, as in ~/.ssh/id_ed25519.pub.`);
    return [line];
  });
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PoolKeyError(`${file} can't be read (${(error as Error).message}). Run pxen as the user whom it belongs to, or give it to this one (chown).`);
  }
}
