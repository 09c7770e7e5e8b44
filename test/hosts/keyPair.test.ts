import { utils } from 'ssh2';
import { expect, it } from 'vitest';
import { newKeyPair } from '../../src/backend/hosts/keyPair';

it('makes keys that can be read, each of a thousand', () => {
  const pairs = Array.from({ length: 1000 }, () => newKeyPair('pxen-test'));
  const unreadable = pairs.filter((pair) => [pair.private, pair.public].some((text) => utils.parseKey(text) instanceof Error));
  expect(unreadable).toEqual([]);
  expect(pairs[0]!.public).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]+=* pxen-test$/);
});
