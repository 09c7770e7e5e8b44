import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Beside, OtherDhcpServerError } from '../../src/backend/netboot/dhcp/beside';
import type { NetworkModel } from '../../src/backend/drive/model';
import { decodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { addressesValue, messageTypeOf, messageTypeValue, OPTION, textValue } from '../../src/backend/netboot/dhcp/options';
import { openLookout } from '../../src/backend/netboot/dhcp/otherServers';
import { settingPlace } from '../../src/backend/drive/settingPlace';
import { systemRandom } from '../../src/backend/system';
import { temporaryFolder } from './bootServerFixture';
import { LossyLink } from './lossyLink';

function lookOut() {
  const clock = new LossyLink({ lost: 0, doubled: 0, late: 0 }, 1);
  const probes: { readonly at: number; readonly message: DhcpMessage; readonly to: string }[] = [];
  const results: string[] = [];
  const lookout = openLookout({
    address: '10.77.0.1',
    send: (bytes, to) => {
      const decoded = decodeDhcp(bytes);
      if ('message' in decoded) probes.push({ at: clock.now(), message: decoded.message, to });
      // Enough looks for a test; the lookout would go on for ever.
      if (probes.length === 6) clock.after(6000, () => lookout.close());
    },
    onLook: () => undefined,
    onFound: (server, sender) => results.push(`${server} from ${sender}`),
    onNone: () => results.push('none'),
    nextLookMs: () => 600_000,
    clock,
    random: systemRandom,
  });
  return { clock, probes, results, lookout };
}

const answer = (probe: DhcpMessage, server: string, yourAddress: string, type: 'offer' | 'ack' = 'offer'): DhcpMessage => ({
  ...probe,
  op: 'reply',
  yourAddress,
  options: new Map([[OPTION.messageType, messageTypeValue(type)], [OPTION.serverIdentifier, addressesValue([server])]]),
});

describe('looking for other DHCP servers', () => {
  it('asks in two ways as a relay would, at once and again, always for the same machine that does not exist', () => {
    const { clock, probes, results } = lookOut();
    clock.run();
    expect(probes.map(({ at, to, message }) => [at, to, message.relayAddress, messageTypeOf(message.options)])).toEqual(
      [0, 605_000, 1_210_000].flatMap((at) => ['inform', 'discover'].map((type) => [at, '255.255.255.255', '10.77.0.1', type])),
    );
    expect(new Set(probes.map(({ message }) => message.hardwareAddress)).size).toBe(1);
    expect(results).toEqual(['none', 'none', 'none']);
  });

  it.each([
    ['offers an address', '10.77.0.100', 'offer'],
    ['answers the INFORM', '0.0.0.0', 'ack'],
  ] as const)('names a server that %s, once a look', (_what, yourAddress, type) => {
    const { probes, results, lookout } = lookOut();
    const probe = probes[0]!.message;
    for (let time = 0; time < 2; time += 1) expect(lookout.take(answer(probe, '10.77.0.254', yourAddress, type), '10.77.0.253')).toBe(true);
    lookout.close();
    expect(results).toEqual(['10.77.0.254 from 10.77.0.253']);
  });

  it('is not misled by its own question, by a proxy, by itself, or by answers to others', () => {
    const { probes, results, lookout } = lookOut();
    const probe = probes[0]!.message;
    expect(lookout.take(probe, '10.77.0.1')).toBe(true);
    lookout.take(answer(probe, '10.77.0.3', '0.0.0.0'), '10.77.0.3');
    const proxy = answer(probe, '10.77.0.3', '0.0.0.0', 'ack');
    lookout.take({ ...proxy, options: new Map([...proxy.options, [OPTION.vendorClass, textValue('PXEClient')]]) }, '10.77.0.3');
    lookout.take(answer(probe, '10.77.0.1', '10.77.0.9'), '10.77.0.1');
    expect(lookout.take(answer({ ...probe, transactionId: probe.transactionId ^ 1 }, '10.77.0.4', '10.77.0.5'), '10.77.0.4')).toBe(false);
    expect(lookout.take(answer({ ...probe, hardwareAddress: '52:54:00:aa:00:01' }, '10.77.0.4', '10.77.0.5'), '10.77.0.4')).toBe(false);
    lookout.close();
    expect(results).toEqual([]);
  });
});

describe('beside another DHCP server', () => {
  function beside(first: NetworkModel['dhcp'], { despite = false, mac }: { readonly despite?: boolean; readonly mac?: string } = {}) {
    const logs: string[] = [];
    let mode = first;
    const policy = new Beside({ mode: () => mode, despite, findNeighbour: () => Promise.resolve(mac === undefined ? undefined : { mac, isRemembered: false }), placeOfDhcp: () => Promise.resolve('/drive/pxen.yaml:12'), log: (level, sentence) => void logs.push(`${level}: ${sentence}`) });
    return { policy, logs, found: () => policy.found('10.77.0.254', '10.77.0.254'), edit: (edited: NetworkModel['dhcp']) => (mode = edited) };
  }

  it('authoritative does not begin, and names it by address and MAC with what can be done', async () => {
    const { policy, found, logs } = beside('authoritative', { mac: '52:54:00:00:00:fe' });
    await found();
    expect(() => policy.begin()).toThrow(OtherDhcpServerError);
    expect(() => policy.begin()).toThrow(/^Another DHCP server, 10\.77\.0\.254 \(52:54:00:00:00:fe\), answers on this network, .* in \/drive\/pxen\.yaml:12 write "dhcp: proxy"; .* --despite-other-dhcp\.$/);
    expect(logs).toEqual([]);
  });

  it('says so when its MAC can’t be known', async () => {
    const { policy, found } = beside('authoritative');
    await found();
    expect(() => policy.begin()).toThrow(/10\.77\.0\.254 \(its MAC can't be seen from here\)/);
  });

  it('authoritative begins when it was told to serve all the same', async () => {
    const { policy, found, logs } = beside('authoritative', { despite: true });
    await found();
    policy.begin();
    expect([policy.silentBecause, logs]).toEqual([undefined, [expect.stringMatching(/^warn: .*PXEN serves all the same/)]]);
  });

  it('one that answers the first look late makes it silent until it is gone', async () => {
    const { policy, found, logs } = beside('authoritative');
    policy.begin();
    await found();
    expect(policy.silentBecause).toBe('another DHCP server is on the network');
    expect(policy.nextLookMs()).toBeLessThan(60_000);
    await found();
    policy.none();
    expect([policy.silentBecause, policy.nextLookMs()]).toEqual([undefined, 600_000]);
    expect(logs).toEqual([expect.stringMatching(/^error: .*PXEN answers no DHCP until it is gone/), expect.stringMatching(/^info: .*PXEN answers again/)]);
  });

  it('one that turns up later is told of, and the hosts are answered all the same', async () => {
    const { policy, found, logs } = beside('authoritative');
    policy.begin();
    policy.none();
    await found();
    expect([policy.silentBecause, logs]).toEqual([undefined, [expect.stringMatching(/^warn: .*"dhcp: proxy"/)]]);
  });

  it('as a proxy it is welcome, and missed when it is not there', async () => {
    const { policy, found, logs } = beside('proxy');
    await found();
    policy.begin();
    policy.none();
    expect(logs).toEqual([expect.stringMatching(/^info: .*gives the machines their addresses/), expect.stringMatching(/^warn: .*no DHCP server answers on this network/)]);
  });

  it('what goes on is told once, and again when it was otherwise meanwhile', async () => {
    for (const [mode, despite] of [['proxy', false], ['authoritative', true]] as const) {
      const { policy, found, logs } = beside(mode, { despite });
      policy.begin();
      for (let look = 0; look < 3; look += 1) await found();
      expect(logs).toHaveLength(1);
      policy.none();
      policy.none();
      await found();
      expect(logs.map((line) => line.includes('Another DHCP server'))).toEqual(mode === 'proxy' ? [true, false, true] : [true, true]);
    }
  });

  it('an edit from proxy to authoritative makes it look anew, and be silent when the other is still there', async () => {
    const { policy, found, logs, edit } = beside('proxy');
    policy.lookBegins();
    await found();
    policy.begin();
    policy.nextLookMs();
    expect(policy.isOutdated).toBe(false);
    edit('authoritative');
    expect(policy.isOutdated).toBe(true);
    policy.lookBegins();
    await found();
    expect([policy.isOutdated, policy.silentBecause]).toEqual([false, 'another DHCP server is on the network']);
    expect(logs.at(-1)).toMatch(/^error: .*PXEN answers no DHCP until it is gone/);
  });

  it('with DHCP edited to off it is nobody’s business', async () => {
    const { policy, found, logs } = beside('off');
    policy.begin();
    await found();
    policy.none();
    expect(logs).toEqual([]);
  });
});

describe('where network.dhcp stands', () => {
  it.each([
    ['the line of the setting', 'kind: Cluster\nname: a\nnetwork:\n  subnet: 10.77.0.0/24\n  dhcp: authoritative\n', ':5'],
    ['the map that it belongs into', 'kind: Cluster\nname: a\nnetwork:\n  subnet: 10.77.0.0/24\n', ':3, under "network:",'],
    ['only the file, when that can’t be read', undefined, ', under "network:",'],
  ])('%s', async (_what, text, place) => {
    const root = await temporaryFolder();
    if (text !== undefined) await writeFile(path.join(root, 'pxen.yaml'), text);
    expect(await settingPlace(root, 'network', 'dhcp')).toBe(`${path.join(root, 'pxen.yaml')}${place}`);
  });
});
