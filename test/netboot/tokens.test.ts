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
  it('a later boot makes the former token void', async () => {
    const { tokens, pass } = setUp();
    const former = await tokens.issue(MAC);
    pass(10 * 60_000);
    const present = await tokens.issue(MAC);
    expect(await tokens.redeem({ mac: MAC, token: former, hostKeys: KEYS })).toBe(false);
    expect(await tokens.redeem({ mac: MAC, token: present, hostKeys: KEYS })).toBe(true);
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
    const { tokens, records, pass } = setUp();
    const first = await tokens.issue(MAC);
    await tokens.redeem({ mac: MAC, token: first, hostKeys: KEYS });
    const spoken = [...records.values()][0]?.hello;
    const fetched = [];
    for (let time = 0; time < 2; time += 1) {
      pass(10 * 60_000);
      fetched.push(await tokens.issue(MAC));
      const [record] = records.values();
      expect(record).toMatchObject({ formerHello: spoken });
      expect(record?.hello).toBeUndefined();
    }
    expect(await tokens.redeem({ mac: MAC, token: fetched[1] ?? '', hostKeys: ['ssh-ed25519 AAAA two'] })).toBe(true);
    const [record] = records.values();
    expect(record?.hello?.hostKeys).toEqual(['ssh-ed25519 AAAA two']);
    expect(record?.formerHello).toBeUndefined();
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
