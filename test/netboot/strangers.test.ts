import { readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLeases } from '../../src/backend/drive/leases';
import { readUnknownMachines } from '../../src/backend/drive/unknownMachines';
import { answerDhcp, type DhcpAnswer } from '../../src/backend/netboot/answers/dhcp';
import { describeClient, type Client } from '../../src/backend/netboot/answers/client';
import { addressFor, inRange, type Lease, type Leases } from '../../src/backend/netboot/answers/leases';
import { unknownMachineScript } from '../../src/backend/netboot/answers/unknownScript';
import { openLeaseBook, type LeaseBook } from '../../src/backend/netboot/dhcp/leaseBook';
import { createLending } from '../../src/backend/netboot/dhcp/lending';
import { messageTypeOf, OPTION, textValue, type MessageType } from '../../src/backend/netboot/dhcp/options';
import { neighbourIn, type Neighbour } from '../../src/backend/netboot/neighbours';
import { openUnknownMachines } from '../../src/backend/netboot/unknownMachines';
import type { PoolModel } from '../../src/backend/drive/model';
import { temporaryFolder } from './bootServerFixture';
import { address, answerText, CLIENTS, pool, request, STRANGER } from './clients';

const RANGE = { from: '10.77.0.100', to: '10.77.0.103', leaseMs: 3_600_000 };
const START = Date.parse('2026-01-01T00:00:00Z');

function lendingPool(range = RANGE): PoolModel {
  const model = pool();
  return { ...model, cluster: { ...model.cluster, network: { ...model.cluster.network, range, menuForUnknown: true } } };
}

const macOf = (number: number) => `52:54:00:ff:00:${number.toString(16).padStart(2, '0')}`;

class TestClock {
  time = START;
  readonly timers: { readonly at: number; readonly callback: () => void }[] = [];
  now = () => this.time;
  after = (delayMs: number, callback: () => void) => {
    const timer = { at: this.time + delayMs, callback };
    this.timers.push(timer);
    return () => void this.timers.splice(this.timers.indexOf(timer) >>> 0, 1);
  };
  /** To a time, calling what is due on the way. */
  async to(time: number) {
    for (;;) {
      const [next] = this.timers.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.time = next.at;
      next.callback();
    }
    this.time = time;
    await Promise.resolve();
  }
}

/**
 * A server of the range without its sockets. `used` are addresses that machines have without being lent them, `remembered` those
 * where the system remembers somebody.
 */
async function lender({ used = {}, remembered = {}, folder }: { readonly used?: Readonly<Record<string, string>>; readonly remembered?: Record<string, string>; readonly folder?: string } = {}) {
  const stateFolder = folder ?? path.join(await temporaryFolder(), 'state');
  await mkdir(stateFolder, { recursive: true });
  const clock = new TestClock();
  const troubles: string[] = [];
  const onTrouble = (sentence: string) => void troubles.push(sentence);
  const book: LeaseBook = await openLeaseBook(stateFolder, clock, onTrouble);
  const neighbourAt = (at: string): Neighbour | undefined => {
    const [now, before] = [used[at], remembered[at]];
    return now !== undefined ? { mac: now, isRemembered: false } : before !== undefined ? { mac: before, isRemembered: true } : undefined;
  };
  const settle = createLending({ book, clock, onTrouble, findNeighbour: (at) => Promise.resolve(neighbourAt(at)) });
  const ask = (type: MessageType, { mac = STRANGER, wants, server, ciaddr = '0.0.0.0', relay = '0.0.0.0', model = lendingPool() }: { readonly mac?: string; readonly wants?: string; readonly server?: string; readonly ciaddr?: string; readonly relay?: string; readonly model?: PoolModel } = {}): Promise<DhcpAnswer> => {
    const message = request({
      type,
      mac,
      fields: { clientAddress: ciaddr, relayAddress: relay },
      options: [...(wants === undefined ? [] : [[OPTION.requestedAddress, address(wants)] as const]), ...(server === undefined ? [] : [[OPTION.serverIdentifier, address(server)] as const])],
    });
    const decide = () => answerDhcp(model, message, { address: '10.77.0.1', httpPort: 80, image: 'dom0-1', port: 'dhcp', lending: { leases: book, nowMs: clock.now() } });
    return settle(decide(), decide);
  };
  const lend = async (mac: string) => {
    const offered = addressIn(await ask('discover', { mac }));
    return offered === undefined ? undefined : addressIn(await ask('request', { mac, wants: offered, server: '10.77.0.1' }));
  };
  return { stateFolder, clock, troubles, book, ask, lend };
}

const addressIn = (answer: DhcpAnswer) => (answer.kind === 'reply' && answer.message.yourAddress !== '0.0.0.0' ? answer.message.yourAddress : undefined);
const typeOf = (answer: DhcpAnswer) => (answer.kind === 'silence' ? 'silence' : messageTypeOf(answer.message.options));

describe('the range for strangers', () => {
  it.each(Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])('%s is offered an address for a time, and what leads to the menu', async (client) => {
    const answer = answerDhcp(lendingPool(), request({ type: 'discover', mac: STRANGER, options: CLIENTS[client] }), { address: '10.77.0.1', httpPort: 80, image: 'dom0-1', port: 'dhcp' });
    await expect(answerText(answer)).toMatchFileSnapshot(`answers/stranger-${client}.txt`);
  });

  it('changes nothing for hosts, not by a byte', () => {
    for (const type of ['discover', 'request', 'inform'] as const) {
      for (const client of Object.values(CLIENTS)) {
        const message = request({ type, options: [...client, [OPTION.requestedAddress, address('10.77.0.11')]] });
        const facts = { address: '10.77.0.1', httpPort: 80, image: 'dom0-1', port: 'dhcp' } as const;
        expect(answerDhcp(lendingPool(), message, facts)).toEqual(answerDhcp(pool(), message, facts));
      }
    }
  });

  it('is lent by offer and request, each machine its own address, until all are gone', async () => {
    const { lend, ask } = await lender();
    const lent = await Promise.all([1, 2, 3, 4].map((number) => lend(macOf(number))));
    expect([...lent].sort()).toEqual(['10.77.0.100', '10.77.0.101', '10.77.0.102', '10.77.0.103']);
    expect(await ask('discover', { mac: macOf(5) })).toMatchObject({ kind: 'silence', interest: 'notable', sentence: expect.stringMatching(/all 4 of the range from 10\.77\.0\.100 to 10\.77\.0\.103 are lent or in use: widen network\.range/) as string });
    expect(await lend(macOf(2))).toBe(lent[1]);
  });

  it('is lent on once a lease has ended by the clock', async () => {
    const { lend, clock } = await lender();
    for (const number of [1, 2, 3, 4]) await lend(macOf(number));
    await clock.to(START + RANGE.leaseMs - 1);
    expect(await lend(macOf(5))).toBeUndefined();
    await clock.to(START + RANGE.leaseMs);
    expect(await lend(macOf(5))).toMatch(/^10\.77\.0\.10[0-3]$/);
  });

  it('holds an offer that nobody takes for half a minute only', async () => {
    const { ask, clock } = await lender();
    for (const number of [1, 2, 3, 4]) await ask('discover', { mac: macOf(number) });
    expect(typeOf(await ask('discover', { mac: macOf(5) }))).toBe('silence');
    await clock.to(START + 30_000);
    expect(typeOf(await ask('discover', { mac: macOf(5) }))).toBe('offer');
  });

  it('survives a restart on the drive', async () => {
    const first = await lender();
    const lent = await first.lend(macOf(1));
    const second = await lender({ folder: first.stateFolder });
    expect(await second.lend(macOf(1))).toBe(lent);
    const others = await Promise.all([2, 3, 4].map((number) => second.lend(macOf(number))));
    expect(others).not.toContain(lent);
    expect(Object.keys(await readLeases(first.stateFolder))).toHaveLength(4);
  });

  it('begins anew when its record is damaged, and says so', async () => {
    const folder = path.join(await temporaryFolder(), 'state');
    await mkdir(folder);
    await writeFile(path.join(folder, 'leases.json'), '{"format":1,');
    const { lend, troubles } = await lender({ folder });
    expect(await lend(macOf(1))).toBeDefined();
    expect(troubles).toEqual([expect.stringMatching(/leases\.json can't be used: .*delete it/)]);
  });

  it('is lent from memory while the drive can’t be written, and all of it reaches the drive when that is back', async () => {
    const { stateFolder, book, lend, troubles } = await lender();
    await rm(stateFolder, { recursive: true });
    expect(await lend(macOf(1))).toBeDefined();
    expect(troubles).toEqual([expect.stringMatching(/^The leases can't be written to the drive: .*leases\.json can't be written: the drive isn't there any more \(ENOENT\)\. Plug it in .*\. They are kept in memory meanwhile\.$/)]);
    await mkdir(stateFolder);
    await book.saved();
    expect(Object.keys(await readLeases(stateFolder))).toHaveLength(1);
  });

  it('begins anew when its record can’t be read, and says so', async () => {
    const folder = path.join(await temporaryFolder(), 'state');
    await mkdir(path.join(folder, 'leases.json'), { recursive: true });
    const { ask, troubles } = await lender({ folder });
    expect(typeOf(await ask('discover'))).toBe('offer');
    expect(troubles).toEqual([expect.stringMatching(/EISDIR/)]);
  });

  it('a machine that uses a second address, which it wasn’t lent, keeps the one that it was lent', async () => {
    const first = await lender();
    const lent = await first.lend(STRANGER);
    const used = Object.fromEntries([0, 1, 2, 3].map((number) => [`10.77.0.10${number}`, STRANGER]));
    const { lend, book } = await lender({ used, folder: first.stateFolder });
    await lend(macOf(1));
    expect(book.ofAddress(lent!)).toMatchObject({ mac: STRANGER, state: 'lent' });
  });

  it('a machine keeps the address that it works with though the record of it was lost', async () => {
    const { ask } = await lender();
    expect(addressIn(await ask('request', { ciaddr: '10.77.0.102' }))).toBe('10.77.0.102');
  });

  it('an address that somebody has without being lent it is left alone, and told of with the MAC', async () => {
    const used = { '10.77.0.100': '52:54:00:00:00:99', '10.77.0.101': '52:54:00:00:00:98' };
    const { lend, troubles } = await lender({ used });
    const lent = await Promise.all([1, 2].map((number) => lend(macOf(number))));
    expect([...lent].sort()).toEqual(['10.77.0.102', '10.77.0.103']);
    expect(await lend(macOf(3))).toBeUndefined();
    expect(troubles.join('\n')).toMatch(/in use by 52:54:00:00:00:9[89], to which PXEN didn't lend it/);
  });

  it('an address where the system only remembers somebody is passed over without a word, and lent once that is known to be past', async () => {
    const remembered: Record<string, string> = Object.fromEntries([0, 1, 2].map((number) => [`10.77.0.10${number}`, macOf(90 + number)]));
    const { ask, lend, clock, troubles } = await lender({ remembered });
    expect(await lend(macOf(1))).toBe('10.77.0.103');
    // All others are remembered: more than are tried when somebody answers.
    expect(typeOf(await ask('discover', { mac: macOf(2) }))).toBe('silence');
    await clock.to(START + 9_999);
    delete remembered['10.77.0.101'];
    expect(typeOf(await ask('discover', { mac: macOf(2) }))).toBe('silence');
    await clock.to(START + 10_000);
    expect(await lend(macOf(2))).toBe('10.77.0.101');
    expect(troubles).toEqual([]);
  });

  it('an address where somebody is still known when the system must have asked anew is in use', async () => {
    const remembered = { '10.77.0.100': macOf(90), '10.77.0.101': macOf(91), '10.77.0.102': macOf(92) };
    const { ask, lend, clock, troubles } = await lender({ remembered });
    await lend(macOf(1));
    for (let seconds = 0; seconds < 50; seconds += 10) {
      await clock.to(START + seconds * 1000);
      await ask('discover', { mac: macOf(2) });
    }
    // The system believed what it heard for 45 s; only what it was made to send after that has it ask.
    await clock.to(START + 50_000);
    await ask('discover', { mac: macOf(2) });
    await clock.to(START + 58_999);
    await ask('discover', { mac: macOf(2) });
    expect(troubles).toEqual([]);
    await clock.to(START + 60_000);
    await ask('discover', { mac: macOf(2) });
    expect([...troubles].sort()).toEqual(Object.entries(remembered).map(([address, mac]) => expect.stringContaining(`${address} of the range is in use by ${mac}, to which PXEN didn't lend it`) as string));
  });

  it('machines that are made up take the range with whole exchanges, and nothing from hosts', async () => {
    const { ask, lend, stateFolder, clock } = await lender();
    for (let number = 0; number < 40; number += 1) await lend(macOf(100 + number));
    expect(await lend(macOf(1))).toBeUndefined();
    expect(Object.keys(await readLeases(stateFolder))).toHaveLength(4);
    const host = pool().hosts[0]!;
    const offer = await ask('discover', { mac: host.macs[0] });
    expect(addressIn(offer)).toBe(host.address);
    await clock.to(START + RANGE.leaseMs);
    expect(await lend(macOf(1))).toBeDefined();
  });

  it('a machine that has the address itself is lent it', async () => {
    const used = Object.fromEntries([0, 1, 2, 3].map((number) => [`10.77.0.10${number}`, STRANGER]));
    expect(await (await lender({ used })).lend(STRANGER)).toBeDefined();
  });

  it('an address that a machine declines is not lent for an hour; one that it did not have changes nothing', async () => {
    const { ask, lend } = await lender();
    const lent = await lend(macOf(1));
    const other = await lend(macOf(2));
    expect(await ask('decline', { mac: macOf(1), wants: lent! })).toMatchObject({ kind: 'silence', interest: 'notable', disputed: lent });
    expect(await ask('decline', { mac: macOf(1), wants: other! })).toMatchObject({ kind: 'silence', interest: 'quiet' });
    const later = await Promise.all([1, 3, 4].map((number) => lend(macOf(number))));
    expect(later).not.toContain(lent);
    expect(await lend(macOf(2))).toBe(other);
  });

  it('an address given back is lent to the next who needs it', async () => {
    const { ask, lend } = await lender();
    const lent = [];
    for (const number of [1, 2, 3, 4]) lent.push(await lend(macOf(number)));
    await ask('release', { mac: macOf(3), ciaddr: lent[2]! });
    expect(await lend(macOf(5))).toBe(lent[2]);
  });

  it.each([
    ['an address of the range that another has', { wants: 'other' }, 'nak'],
    ['an address outside the range', { wants: '10.77.0.50', server: '10.77.0.1' }, 'nak'],
    ['an address of another network', { wants: '192.168.1.5' }, 'nak'],
    ['the address of a host', { wants: '10.77.0.11' }, 'nak'],
    ['the offer of another server', { wants: '10.77.0.100', server: '10.77.0.2' }, 'silence'],
    ['nothing', {}, 'silence'],
    ['an address through a relay of another network', { wants: '10.77.0.100', relay: '10.78.0.1' }, 'silence'],
  ] as const)('a request for %s', async (_what, how, expected) => {
    const { ask, lend } = await lender();
    const other = await lend(macOf(1));
    const wants = 'wants' in how ? { wants: how.wants === 'other' ? other! : how.wants } : {};
    expect(typeOf(await ask('request', { ...how, ...wants }))).toBe(expected);
  });

  it('a flood of machines that never were takes no lease from anybody, and is let in slowly', async () => {
    const model = lendingPool({ ...RANGE, to: '10.77.0.250' });
    const { ask, clock } = await lender();
    const mine = await ask('discover', { model });
    await ask('request', { model, wants: addressIn(mine)!, server: '10.77.0.1' });
    const flood = [];
    for (let number = 0; number < 200; number += 1) flood.push(typeOf(await ask('discover', { model, mac: `52:54:00:ee:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}` })));
    expect(flood.filter((type) => type === 'offer').length).toBeLessThanOrEqual(32);
    expect(addressIn(await ask('request', { model, ciaddr: addressIn(mine)! }))).toBe(addressIn(mine));
    await clock.to(START + 2000);
    expect(typeOf(await ask('discover', { model, mac: macOf(9) }))).toBe('offer');
  });

  it('is full of distinct addresses, whoever asks in whatever order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 0xffffff }), { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 20 }), (numbers, size) => {
        const range = { from: '10.77.0.250', to: `10.77.1.${size}`, leaseMs: 1000 };
        const lent = new Map<string, Lease>();
        const leases: Leases = { ofMac: (mac) => [...lent.values()].find((lease) => lease.mac === mac), ofAddress: (at) => lent.get(at) };
        for (const number of numbers) {
          const mac = `52:54:00:${[16, 8, 0].map((shift) => ((number >> shift) & 255).toString(16).padStart(2, '0')).join(':')}`;
          const got = addressFor(range, leases, mac, 0);
          expect(got === undefined).toBe(lent.size === size + 7);
          if (got === undefined) continue;
          expect([inRange(range, got), lent.has(got)]).toEqual([true, false]);
          lent.set(got, { address: got, mac, state: 'lent', untilMs: 1 });
          expect(addressFor(range, leases, mac, 0)).toBe(got);
        }
      }),
    );
  });
});

it('a host that declines an address which isn’t its own makes nobody look for that', () => {
  const told = (wants: string) => answerDhcp(pool(), request({ type: 'decline', options: [[OPTION.requestedAddress, address(wants)]] }), { address: '10.77.0.1', httpPort: 80, image: 'dom0-1', port: 'dhcp' });
  expect(told('10.77.0.11')).toMatchObject({ interest: 'notable', disputed: '10.77.0.11' });
  expect(told('8.8.8.8')).toMatchObject({ interest: 'quiet', sentence: `node1 (52:54:00:aa:00:01) declined 8.8.8.8, which isn't its address` });
  expect(told('8.8.8.8')).not.toHaveProperty('disputed');
});

describe('the memory of unknown machines', () => {
  const client = (mac: string, kind: 'linux' | 'uefi' = 'uefi', vendorClass?: string): Client =>
    describeClient(request({ type: 'discover', mac, options: [...CLIENTS[kind], ...(vendorClass === undefined ? [] : [[OPTION.vendorClass, textValue(vendorClass)] as const])] }))!;

  async function memory(folder?: string) {
    const stateFolder = folder ?? path.join(await temporaryFolder(), 'state');
    await mkdir(stateFolder, { recursive: true });
    const clock = new TestClock();
    const troubles: string[] = [];
    return { stateFolder, clock, troubles, unknown: await openUnknownMachines(stateFolder, clock, (sentence) => void troubles.push(sentence)) };
  }

  it('tells who asked, what for, when first and last, how often; across restarts', async () => {
    const first = await memory();
    first.unknown.heard(client(STRANGER));
    first.clock.time += 5000;
    first.unknown.heard(client(STRANGER, 'linux'));
    await first.unknown.close();
    const second = await memory(first.stateFolder);
    second.clock.time = START + 60_000;
    second.unknown.heard(client(STRANGER));
    await second.unknown.close();
    expect(await readUnknownMachines(first.stateFolder)).toEqual([
      { mac: STRANGER, wants: 'boot', architecture: 'x64 UEFI', vendorClass: 'PXEClient:Arch:00007:UNDI:003000', firstSeen: '2026-01-01T00:00:00.000Z', lastSeen: '2026-01-01T00:01:00.000Z', count: 3 },
    ]);
  });

  it('reaches the drive a second after a new machine was heard, and not again for each of a flood', async () => {
    const { unknown, clock, stateFolder } = await memory();
    const written = async () => (await readUnknownMachines(stateFolder)).length;
    unknown.heard(client(macOf(1)));
    await clock.to(START + 1000);
    await expect.poll(written).toBe(1);
    for (let number = 2; number < 100; number += 1) unknown.heard(client(macOf(number)));
    await clock.to(START + 15_900);
    expect([await written(), clock.timers.length]).toEqual([1, 1]);
    await clock.to(START + 16_000);
    await expect.poll(written).toBe(99);
  });

  it('stays small, and forgets phones before machines that boot', async () => {
    const { unknown, stateFolder } = await memory();
    unknown.heard(client(STRANGER));
    for (let number = 0; number < 1000; number += 1) unknown.heard(client(`02:00:00:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}`, 'linux'));
    await unknown.close();
    const machines = await readUnknownMachines(stateFolder);
    expect([machines.length, machines.some(({ mac }) => mac === STRANGER)]).toEqual([256, true]);
  });

  it('holds no character that could mean something to a terminal, to YAML or to iPXE', async () => {
    const { unknown, stateFolder } = await memory();
    unknown.heard(client(STRANGER, 'uefi', `PXEClient\u001b[2J\n\${x}||"'#&;<>\\${'y'.repeat(200)}`));
    await unknown.close();
    const text = await readFile(path.join(stateFolder, 'unknown-machines.json'), 'utf8');
    expect(/"vendorClass": "([^"]*)"/.exec(text)?.[1]).toMatch(/^PXEClient[A-Za-z0-9 .:_/?-]{0,55}$/);
  });

  it('reaches a drive that couldn’t be written when that is back', async () => {
    const { unknown, clock, stateFolder, troubles } = await memory();
    await rm(stateFolder, { recursive: true });
    unknown.heard(client(STRANGER));
    await clock.to(START + 1000);
    await expect.poll(() => troubles).toEqual([expect.stringContaining("unknown-machines.json can't be written: the drive isn't there any more (ENOENT). Plug it in")]);
    await mkdir(stateFolder);
    await unknown.close();
    expect(await readUnknownMachines(stateFolder)).toHaveLength(1);
  });

  it('begins anew when its file is damaged, and says so', async () => {
    const folder = path.join(await temporaryFolder(), 'state');
    await mkdir(folder);
    await writeFile(path.join(folder, 'unknown-machines.json'), 'x');
    const { unknown, troubles } = await memory(folder);
    unknown.heard(client(STRANGER));
    await unknown.close();
    expect([troubles.length, (await readUnknownMachines(folder)).length]).toEqual([1, 1]);
  });
});

it('the menu for unknown machines names the MAC and no image', async () => {
  const script = unknownMachineScript(pool(), STRANGER, { address: '10.77.0.1', httpPort: 80 });
  expect(script).not.toContain('/images/');
  await expect(script).toMatchFileSnapshot('answers/menu-for-unknown.txt');
});

it('a neighbour is known by the entry that is complete', () => {
  const table = 'IP address       HW type     Flags       HW address            Mask     Device\n10.77.0.14       0x1         0x2         52:54:00:AA:00:04     *        br0\n10.77.0.15       0x1         0x0         00:00:00:00:00:00     *        br0\n';
  expect(['10.77.0.14', '10.77.0.15', '10.77.0.1'].map((ip) => neighbourIn(table, ip))).toEqual(['52:54:00:aa:00:04', undefined, undefined]);
});
