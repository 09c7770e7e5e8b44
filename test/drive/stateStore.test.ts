import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readLeases } from '../../src/backend/drive/leases';
import type { HostBootRecord, PlacementLock } from '../../src/backend/drive/state';
import { StateFileError } from '../../src/backend/drive/stateFiles';
import { openDriveState } from '../../src/backend/drive/stateStore';
import { asOrdinaryUser, countingRandom, stoppedClock, temporaryFolder } from './folder';

const LOCK: PlacementLock = {
  assignments: { web1: 'node2', db1: 'node1' },
  disks: {
    'web1/root': { place: { storage: 'nas' }, generation: 1, sizeBytes: 2, adopted: true },
    'db1/root': { place: { host: 'node1', array: 'r0' }, generation: 3, sizeBytes: 42_949_672_960 },
  },
};

const BOOT: HostBootRecord = {
  mac: '52:54:00:aa:00:01',
  image: 'dom0-1',
  tokenSha256: 'ab'.repeat(32),
  issuedAt: '2026-01-02T03:04:05.000Z',
  hello: { at: '2026-01-02T03:05:00.000Z', address: '10.77.0.11', hostKeys: ['ssh-ed25519 AAAA'] },
};

const open = (folder: string) => openDriveState(folder, stoppedClock, countingRandom);

describe('The state folder', () => {
  test('Nothing is written before it is needed', async () => {
    const folder = path.join(temporaryFolder(), 'state');
    const state = open(folder);
    expect(await state.placement()).toEqual({ assignments: {}, disks: {} });
    expect(await state.hostBoot('node1')).toBeUndefined();
    expect(() => readdirSync(folder)).toThrow('ENOENT');
  });

  test('The identity is made once, however many ask at the same time', async () => {
    const folder = temporaryFolder();
    let drawn = 0;
    const random = (size: number) => Buffer.alloc(size, (drawn += 1));
    const state = openDriveState(folder, stoppedClock, random);
    const others = Array.from({ length: 5 }, () => openDriveState(folder, stoppedClock, random));
    const asked = await Promise.all([state, state, ...others].map((asking) => asking.identity()));
    expect(new Set(asked.map(({ driveId }) => driveId)).size).toBe(1);
    expect(await open(folder).identity()).toEqual(asked[0]);
    expect(readdirSync(folder)).toEqual(['identity.json']);
  });

  test('What was written is read again, by this or another process', async () => {
    const folder = temporaryFolder();
    await open(folder).writePlacement(LOCK);
    await open(folder).writeHostBoot('node1', BOOT);
    expect(await open(folder).placement()).toEqual(LOCK);
    expect(await open(folder).hostBoot('node1')).toEqual(BOOT);
    const { hello, ...issued } = BOOT;
    const fetchedAgain = { ...issued, formerTokens: [{ mac: BOOT.mac, tokenSha256: 'cd'.repeat(32) }], formerHello: { ...hello!, tokenSha256: 'ef'.repeat(32) } };
    await open(folder).writeHostBoot('node1', fetchedAgain);
    expect(await open(folder).hostBoot('node1')).toEqual(fetchedAgain);
  });

  test('A placement reads well in a diff: its keys are sorted, whatever the order it was given in', async () => {
    const folder = temporaryFolder();
    await open(folder).writePlacement(LOCK);
    expect(readFileSync(path.join(folder, 'placement.json'), 'utf8')).toMatchInlineSnapshot(`
      "{
        "assignments": {
          "db1": "node1",
          "web1": "node2"
        },
        "disks": {
          "db1/root": {"generation": 3, "place": {"array": "r0", "host": "node1"}, "sizeBytes": 42949672960},
          "web1/root": {"adopted": true, "generation": 1, "place": {"storage": "nas"}, "sizeBytes": 2}
        },
        "format": 1
      }
      "
    `);
  });

  test('A disk that moved changes its line of the placement and that of its VM, and no other', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'placement.json');
    const lines = () => readFileSync(file, 'utf8').split('\n');
    await open(folder).writePlacement(LOCK);
    const before = lines();
    await open(folder).writePlacement({ assignments: { ...LOCK.assignments, db1: 'node2' }, disks: { ...LOCK.disks, 'db1/root': { ...LOCK.disks['db1/root']!, place: { host: 'node2', array: 'r0' } } } });
    const changed = lines().filter((line, index) => line !== before[index]);
    expect(lines()).toHaveLength(before.length);
    expect(changed.map((line) => line.trim())).toEqual(['"db1": "node2",', '"db1/root": {"generation": 3, "place": {"array": "r0", "host": "node2"}, "sizeBytes": 42949672960},']);
  });

  test('The last write asked for is the one that stays', async () => {
    const state = open(temporaryFolder());
    await Promise.all(Array.from({ length: 20 }, (_, round) => state.writePlacement({ ...LOCK, assignments: { db1: `node${round}` } })));
    expect((await state.placement()).assignments).toEqual({ db1: 'node19' });
  });

  test.each<[string, string | Uint8Array, string]>([
    ['empty', '', 'it is empty'],
    ['zeros', new Uint8Array(4096), 'it holds only zeros'],
    ['torn', '{"format": 1, "assignments": {"db1": "no', "it isn't JSON"],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), "it isn't JSON"],
    ['a list', '[]', "its content isn't an object"],
    ['without disks', '{"format": 1, "assignments": {}}', '"disks" is missing'],
    ['a disk without a place', '{"format": 1, "assignments": {}, "disks": {"db1/root": {"generation": 1, "sizeBytes": 1}}}', '"disks.db1/root.place" is missing'],
    ['a negative generation', '{"format": 1, "assignments": {}, "disks": {"d": {"place": {"storage": "nas"}, "generation": -1, "sizeBytes": 1}}}', '"disks.d.generation" isn\'t a whole number'],
    ['newer', '{"format": 2}', 'a newer PXEN wrote it'],
  ])('A placement lock that is %s is never taken for an empty one', async (_what, content, cause) => {
    const folder = temporaryFolder({ 'placement.json': content });
    const reading = open(folder).placement();
    await expect(reading).rejects.toThrow(StateFileError);
    await expect(reading).rejects.toThrow(`${path.join(folder, 'placement.json')} can't be used: ${cause}`);
    await expect(reading).rejects.toThrow('put back its last good copy');
  });

  test('A lost identity beside a placement is not made anew', async () => {
    const folder = temporaryFolder();
    await open(folder).writePlacement(LOCK);
    await expect(open(folder).identity()).rejects.toThrow(/identity\.json can't be used: it is missing, though .*placement\.json exists/);
  });

  test("Garbage in one host's file says nothing about the others", async () => {
    const folder = temporaryFolder({ 'hosts/node1.json': '\0\0' });
    const state = open(folder);
    await state.writeHostBoot('node2', BOOT);
    await expect(state.hostBoot('node1')).rejects.toThrow('node1.json');
    expect(await state.hostBoot('node2')).toEqual(BOOT);
  });

  test('What a cut-off write left behind is not read', async () => {
    const folder = temporaryFolder({ '.pxen-tmp-placement.json-0123': '{"format' });
    expect(await open(folder).placement()).toEqual({ assignments: {}, disks: {} });
  });

  test("A host's name can't lead out of the folder", async () => {
    await expect(open(temporaryFolder()).hostBoot('../../etc/passwd')).rejects.toThrow(RangeError);
  });

  test('A folder in the place of a file is told of', async () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'placement.json'));
    await expect(open(folder).placement()).rejects.toThrow("it can't be read (EISDIR");
  });

  test("A file that another user keeps to himself isn't said to be damaged", async () => {
    const folder = temporaryFolder({ 'placement.json': '{}', 'leases.json': '{}' });
    chmodSync(folder, 0o755);
    for (const name of readdirSync(folder)) chmodSync(path.join(folder, name), 0);
    for (const read of [(): Promise<unknown> => open(folder).placement(), () => readLeases(folder)]) {
      await expect(asOrdinaryUser(read)).rejects.toThrow(/can't be read \(EACCES.*\)\. Run pxen as the user whom it belongs to, or give it to this one \(chown\)\.$/);
    }
  });
});

describe('The journal', () => {
  test('Entries are on the drive when append resolves, in order, each with its time', async () => {
    const folder = temporaryFolder();
    const journal = await open(folder).openJournal('2026-01-02T03:04:05.678Z');
    await Promise.all([journal.append({ event: 'a' }), journal.append({ event: 'b', host: 'node1' })]);
    expect(readFileSync(path.join(folder, 'runs/2026-01-02T03-04-05.678Z.jsonl'), 'utf8')).toBe(
      '{"at":"2026-01-02T03:04:05.000Z","event":"a"}\n{"at":"2026-01-02T03:04:05.000Z","event":"b","host":"node1"}\n',
    );
    await journal.close();
    await expect(journal.append({ event: 'late' })).rejects.toThrow();
  });

  test('Two runs that begin at the same time write two files', async () => {
    const folder = temporaryFolder();
    const state = open(folder);
    const journals = [await state.openJournal('2026-01-02T03:04:05Z'), await state.openJournal('2026-01-02T03:04:05Z')];
    for (const journal of journals) await journal.close();
    expect(readdirSync(path.join(folder, 'runs'))).toEqual(['2026-01-02T03-04-05Z-2.jsonl', '2026-01-02T03-04-05Z.jsonl']);
  });

  test('A former run is never written to', async () => {
    const folder = temporaryFolder({ 'runs/t.jsonl': 'old\n' });
    const journal = await open(folder).openJournal('t');
    await journal.append({ event: 'new' });
    await journal.close();
    expect(readFileSync(path.join(folder, 'runs/t.jsonl'), 'utf8')).toBe('old\n');
  });
});
