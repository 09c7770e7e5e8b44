import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { newKeyPair } from '../../src/backend/hosts/keyPair';
import { openPoolKeys } from '../../src/backend/pool/keys';
import { emptyFolder } from './driveFolder';

describe('the pool’s ssh key', () => {
  it('is made when there is none, for its owner’s eyes only, and kept from then on', async () => {
    const folder = path.join(await emptyFolder(), 'keys');
    const made = await openPoolKeys(folder, 'pxen-test');
    expect(made.privateKey).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----/);
    expect((await stat(path.join(folder, 'pool_ed25519'))).mode & 0o777).toBe(0o600);
    expect(made.authorizedKeys).toEqual([expect.stringMatching(/^ssh-ed25519 [A-Za-z0-9+/]+=* pxen-test$/)]);
    expect((await readFile(path.join(folder, 'pool_ed25519.pub'), 'utf8')).trim()).toBe(made.authorizedKeys[0]);
    expect(await openPoolKeys(folder, 'pxen-test')).toEqual(made);
  });

  it('is handed out with the administrator’s own keys', async () => {
    const folder = await emptyFolder();
    const mine = newKeyPair('me@laptop').public;
    await writeFile(path.join(folder, 'authorized_keys'), `# mine\n\n${mine}\r\n`);
    expect((await openPoolKeys(folder, 'pxen')).authorizedKeys.slice(1)).toEqual([mine]);
  });

  it('that the system doesn’t give out is told with its file and the way out', async () => {
    const folder = await emptyFolder();
    await mkdir(path.join(folder, 'pool_ed25519'));
    await expect(openPoolKeys(folder, 'pxen')).rejects.toThrow(/pool_ed25519 can't be read \(EISDIR.*\)\. Run pxen as the user whom it belongs to/);
  });

  it('that can’t be read is told with its file and the way out', async () => {
    const folder = await emptyFolder();
    await writeFile(path.join(folder, 'pool_ed25519'), 'garbage');
    await expect(openPoolKeys(folder, 'pxen')).rejects.toThrow(/pool_ed25519 isn't a private key .* Restore it, or remove it/);
  });

  it('beside a line that is no key is told with its line', async () => {
    const folder = await emptyFolder();
    await writeFile(path.join(folder, 'authorized_keys'), '# mine\nnot a key\n');
    await expect(openPoolKeys(folder, 'pxen')).rejects.toThrow(/authorized_keys:2 isn't a public key/);
  });
});
