import { chownSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openDriveState } from '../../src/backend/drive/stateStore';
import { openPoolKeys } from '../../src/backend/pool/keys';
import { systemClock, systemRandom } from '../../src/backend/system';
import { temporaryFolder } from './folder';

test.skipIf(process.geteuid?.() !== 0)("What root writes on a person's drive belongs to that person (needs root)", async () => {
  const drive = temporaryFolder();
  chownSync(drive, 12345, 12346);
  writeFileSync(path.join(drive, 'pxen.yaml'), '');
  const state = openDriveState(path.join(drive, 'state'), systemClock, systemRandom);
  await state.identity();
  await (await state.openJournal('2026-01-02T03:04:05Z')).close();
  await openPoolKeys(path.join(drive, 'keys'), 'pxen');
  const owners = ['state', 'state/identity.json', 'state/runs', 'state/runs/2026-01-02T03-04-05Z.jsonl', 'keys', 'keys/pool_ed25519', 'keys/pool_ed25519.pub'].map((file) => {
    const { uid, gid } = statSync(path.join(drive, file));
    return `${file} ${uid}:${gid}`;
  });
  expect(owners).toEqual(owners.map((line) => `${line.split(' ')[0] ?? ''} 12345:12346`));
});
