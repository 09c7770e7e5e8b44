import { describe, expect, it } from 'vitest';
import { createBootTokens } from '../../src/backend/netboot/tokens';
import { systemRandom, type Clock } from '../../src/backend/system';
import { aHost } from '../pool/models';
import { recordsInMemory } from './bootServerFixture';
import { MAC, pool, STRANGER } from './clients';

const KEYS = ['ssh-ed25519 AAAA one'];

function setUp(model = () => pool()) {
  let now = Date.UTC(2026, 0, 1);
  const clock: Clock = { now: () => now, after: () => () => undefined };
  const { state, records } = recordsInMemory();
  const open = () => createBootTokens({ state, model, clock, random: systemRandom });
  return { tokens: open(), open, records, pass: (ms: number) => (now += ms) };
}

describe('boot tokens', () => {
  it('is the same for whoever asks, however late, until it is spent: nobody makes void what a host has booted with', async () => {
    const { tokens, pass } = setUp();
    const first = await tokens.issue(MAC);
    pass(24 * 3_600_000);
    expect(await tokens.issue(MAC)).toBe(first);
    expect(await tokens.redeem({ mac: MAC, token: first, hostKeys: KEYS })).toBe(true);
  });

  it('of every backend since the last hello counts; the first that is spent makes the others void', async () => {
    const { open, records } = setUp();
    const tokens = [];
    for (let restart = 0; restart < 3; restart += 1) tokens.push(await open().issue(MAC));
    const [first = '', second = '', third = ''] = tokens;
    expect(new Set(tokens).size).toBe(3);
    expect(await open().redeem({ mac: MAC, token: second, hostKeys: KEYS })).toBe(true);
    for (const void_ of [first, third]) expect(await open().redeem({ mac: MAC, token: void_, hostKeys: ['ssh-ed25519 AAAA two'] })).toBe(false);
    expect(records.get('node1')).toMatchObject({ hello: { hostKeys: KEYS } });
    expect(records.get('node1')?.formerTokens).toBeUndefined();
  });

  it('of so many restarts that they would fill the record are the latest nine', async () => {
    const { open, records } = setUp();
    const tokens = [];
    for (let restart = 0; restart < 12; restart += 1) tokens.push(await open().issue(MAC));
    expect(records.get('node1')?.formerTokens).toHaveLength(8);
    expect(await open().redeem({ mac: MAC, token: tokens[2] ?? '', hostKeys: KEYS })).toBe(false);
    expect(await open().redeem({ mac: MAC, token: tokens[3] ?? '', hostKeys: KEYS })).toBe(true);
  });

  it('may be spent again by the same hello though somebody fetched the script after the first, whose answer was lost', async () => {
    const { tokens } = setUp();
    const token = await tokens.issue(MAC);
    await tokens.redeem({ mac: MAC, token, hostKeys: KEYS });
    await tokens.issue(MAC);
    expect(await tokens.redeem({ mac: MAC, token, hostKeys: ['ssh-ed25519 AAAA two'] })).toBe(false);
    expect(await tokens.redeem({ mac: MAC, token, hostKeys: KEYS })).toBe(true);
  });

  it('that is given out anew is of a boot that begins now: of the image of now, and not of a host that was switched off', async () => {
    let model = pool();
    const { tokens, records } = setUp(() => model);
    const token = await tokens.issue(MAC);
    records.set('node1', { ...records.get('node1')!, poweredOffAt: '2026-01-01T00:00:01.000Z' });
    model = { ...model, cluster: { ...model.cluster, boot: { ...model.cluster.boot, image: 'dom0-2' } } };
    expect(await tokens.issue(MAC)).toBe(token);
    expect(records.get('node1')?.image).toBe('dom0-2');
    expect(records.get('node1')?.poweredOffAt).toBeUndefined();
  });

  it('a spent token is not given out again, however soon the machine boots anew', async () => {
    const { tokens } = setUp();
    const first = await tokens.issue(MAC);
    await tokens.redeem({ mac: MAC, token: first, hostKeys: KEYS });
    expect(await tokens.issue(MAC)).not.toBe(first);
  });

  it('a restarted backend takes a token that the one before it issued', async () => {
    const { tokens, open } = setUp();
    const token = await tokens.issue(MAC);
    expect(await open().redeem({ mac: MAC, token, hostKeys: KEYS })).toBe(true);
  });

  it('of two scripts asked for at once only what was recorded last counts, and both name it', async () => {
    const { tokens, records } = setUp();
    const [one, two] = await Promise.all([tokens.issue(MAC), tokens.issue(MAC)]);
    expect(one).toBe(two);
    expect(records.size).toBe(1);
  });

  it('two machines’ tokens are not interchangeable', async () => {
    const { tokens } = setUp();
    const token = await tokens.issue(MAC);
    await tokens.issue('52:54:00:aa:00:02');
    expect(await tokens.redeem({ mac: '52:54:00:aa:00:02', token, hostKeys: KEYS })).toBe(false);
  });

  it('whoever fetches a script makes nobody forget the keys of the host that runs, until it says hello anew', async () => {
    const { tokens, open, records } = setUp();
    const first = await tokens.issue(MAC);
    await tokens.redeem({ mac: MAC, token: first, hostKeys: KEYS });
    const spoken = [...records.values()][0]?.hello;
    const fetched = [];
    for (let time = 0; time < 2; time += 1) {
      fetched.push(await open().issue(MAC));
      const [record] = records.values();
      expect(record?.formerHello).toMatchObject(spoken!);
      expect(record?.hello).toBeUndefined();
    }
    expect(await tokens.redeem({ mac: MAC, token: fetched[1] ?? '', hostKeys: ['ssh-ed25519 AAAA two'] })).toBe(true);
    const [record] = records.values();
    expect(record?.hello?.hostKeys).toEqual(['ssh-ed25519 AAAA two']);
    expect(record?.formerHello).toBeUndefined();
  });

  it('a script fetched for a host’s second card voids nothing of the first, which is booting', async () => {
    const SECOND = '52:54:00:bb:00:01';
    const { tokens } = setUp(() => pool('authoritative', [{ ...aHost('node1'), macs: [MAC, SECOND] }]));
    const token = await tokens.issue(MAC);
    const other = await tokens.issue(SECOND);
    expect([await tokens.issue(MAC), await tokens.issue(SECOND)]).toEqual([token, other]);
    expect(await tokens.redeem({ mac: SECOND, token, hostKeys: KEYS })).toBe(false);
    expect(await tokens.redeem({ mac: MAC, token, hostKeys: KEYS })).toBe(true);
  });

  it('a script fetched by a host’s second card, while the first says hello, loses no keys', async () => {
    const SECOND = '52:54:00:bb:00:01';
    const { tokens, records } = setUp(() => pool('authoritative', [{ ...aHost('node1'), macs: [MAC, SECOND] }]));
    const token = await tokens.issue(MAC);
    await Promise.all([tokens.redeem({ mac: MAC, token, hostKeys: KEYS }), tokens.issue(SECOND)]);
    expect(records.get('node1')?.formerHello?.hostKeys).toEqual(KEYS);
  });

  it('no machine outside the drive gets one', async () => {
    await expect(setUp().tokens.issue(STRANGER)).rejects.toThrow(/no host on the drive/);
  });
});
