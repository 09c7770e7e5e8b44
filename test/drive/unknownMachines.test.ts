import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { StateFileError } from '../../src/backend/drive/stateFiles';
import { readUnknownMachines, writeUnknownMachines } from '../../src/backend/drive/unknownMachines';
import type { UnknownMachine } from '../../src/protocol';

async function stateFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-unknown-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(path.join(folder, 'state'));
  return path.join(folder, 'state');
}

const machine = (mac: string, lastSeen: string): UnknownMachine => ({ mac, wants: 'boot', architecture: 'x64 UEFI', vendorClass: 'PXEClient:Arch:00007', firstSeen: '2026-01-01T00:00:00.000Z', lastSeen, count: 3 });

test('What was written is read again, the machine heard last first', async () => {
  const folder = await stateFolder();
  const [older, newer] = [machine('52:54:00:00:00:01', '2026-01-02T00:00:00.000Z'), machine('52:54:00:00:00:02', '2026-01-03T00:00:00.000Z')];
  await writeUnknownMachines(folder, [older, newer]);
  expect(await readUnknownMachines(folder)).toEqual([newer, older]);
});

test('A drive that never heard of any has none', async () => {
  expect(await readUnknownMachines(await stateFolder())).toEqual([]);
});

test('A damaged file is an error that says it may be deleted', async () => {
  const folder = await stateFolder();
  await writeUnknownMachines(folder, []);
  await writeFile(path.join(folder, 'unknown-machines.json'), '{"format":1,"machines":{"x":{}}}');
  await expect(readUnknownMachines(folder)).rejects.toThrow(StateFileError);
  await expect(readUnknownMachines(folder)).rejects.toThrow(/"machines\.x\.wants" is missing.*delete it/);
});
