import { describe, expect, it } from 'vitest';
import { degradedSentence, judgeMembers } from '../../src/backend/hosts/arrays';
import type { BlockDevice } from '../../src/backend/hosts/blockdevices';
import { ARRAY } from './dom0';

const member = (path: string, serial?: string): BlockDevice => ({ path, type: 'disk', filesystem: 'linux_raid_member', uuid: ARRAY.uuid, ...(serial === undefined ? {} : { serial }) });
const verdictOn = (degraded: 'allow' | 'never', ...found: BlockDevice[]) => judgeMembers({ ...ARRAY, degraded }, found);

describe('comparing members with the spec', () => {
  it('assembles from all that are listed, in whatever order and case', () => {
    expect(verdictOn('never', member('/dev/sdb', 'sn-b'), member('/dev/sda', 'SN-A'))).toEqual({ kind: 'assemble', devices: ['/dev/sdb', '/dev/sda'], start: 'complete' });
  });

  it('starts with a member missing only when the spec allows it', () => {
    expect(verdictOn('allow', member('/dev/sda', 'SN-A'))).toEqual({ kind: 'assemble', devices: ['/dev/sda'], start: 'degraded' });
    expect(verdictOn('never', member('/dev/sda', 'SN-A'))).toEqual({
      kind: 'out',
      state: 'refused',
      detail: 'The disk with serial number SN-B is missing, and its spec says degraded: never. Put the disk back, or allow it to start degraded.',
    });
  });

  it('is missing when no disk carries it', () => {
    expect(verdictOn('allow')).toMatchObject({ kind: 'out', state: 'missing', detail: `No disk of this host carries array ${ARRAY.uuid}. See whether SN-A and SN-B are in it and have power.` });
  });

  it.each([
    ['a disk the spec does not list', member('/dev/sdc', 'SN-X'), 'has serial number SN-X, which the spec does not list'],
    ['a disk that tells no serial number', member('/dev/sdc'), 'tells no serial number, which the spec does not list'],
    ['a copy of a member', member('/dev/sdc', 'SN-A'), 'Two devices with serial number SN-A carry this array'],
  ])('refuses %s, even where it could start without', (_what, device, sentence) => {
    const verdict = verdictOn('allow', member('/dev/sda', 'SN-A'), member('/dev/sdb', 'SN-B'), device);
    expect(verdict).toMatchObject({ kind: 'out', state: 'refused', detail: expect.stringContaining(sentence) as string });
  });

  it('says how a disk that came back is taken in again', () => {
    const detail = { level: 'raid1', devices: 2, members: ['/dev/sda'], missing: 1, writable: true };
    expect(degradedSentence(ARRAY, detail, [member('/dev/sda', 'SN-A'), member('/dev/sdb', 'SN-B')])).toBe(
      'The disk with serial number SN-B is back but out of date: mdadm /dev/md/pxen-r0 --re-add /dev/sdb takes it in again.',
    );
    expect(degradedSentence(ARRAY, { ...detail, members: ['/dev/sda', '/dev/sdb'] }, [member('/dev/sda', 'SN-A'), member('/dev/sdb', 'SN-B')])).toBe('It is being rebuilt: see /proc/mdstat on the host.');
  });
});
