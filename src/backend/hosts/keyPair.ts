/** New ssh keys. */

import { utils } from 'ssh2';

export interface KeyPair {
  /** OpenSSH format. */
  readonly private: string;
  /** One line of OpenSSH's public key format. */
  readonly public: string;
}

/**
 * A new ed25519 pair that ssh2 can read. Its own generator drops leading zero bytes, and with them one key in 256 is spoilt
 * (ssh2 1.17, lib/keygen.js), so each is tried before anyone is given it.
 */
export function newKeyPair(comment = ''): KeyPair {
  for (;;) {
    const pair = utils.generateKeyPairSync('ed25519', { comment });
    if (isSound(pair)) return pair;
  }
}

function isSound(pair: KeyPair): boolean {
  const privateKey = utils.parseKey(pair.private);
  const publicKey = utils.parseKey(pair.public);
  if (privateKey instanceof Error || publicKey instanceof Error) return false;
  const message = Buffer.from('PXEN');
  return publicKey.verify(message, privateKey.sign(message));
}
