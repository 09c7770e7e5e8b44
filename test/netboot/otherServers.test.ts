import { describe, expect, it } from 'vitest';
import { Beside, OtherDhcpServerError } from '../../src/backend/netboot/dhcp/beside';
import { decodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { addressesValue, messageTypeOf, messageTypeValue, OPTION, textValue } from '../../src/backend/netboot/dhcp/options';
import { openLookout } from '../../src/backend/netboot/dhcp/otherServers';
import { systemRandom } from '../../src/backend/system';
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
  function beside(mode: 'authoritative' | 'proxy', { despite = false, mac }: { readonly despite?: boolean; readonly mac?: string } = {}) {
    const logs: string[] = [];
    const policy = new Beside({ mode: () => mode, despite, findNeighbour: () => Promise.resolve(mac), log: (level, sentence) => void logs.push(`${level}: ${sentence}`) });
    return { policy, logs, found: () => policy.found('10.77.0.254', '10.77.0.254') };
  }

  it('authoritative does not begin, and names it by address and MAC with what can be done', async () => {
    const { policy, found, logs } = beside('authoritative', { mac: '52:54:00:00:00:fe' });
    await found();
    expect(() => policy.begin()).toThrow(OtherDhcpServerError);
    expect(() => policy.begin()).toThrow(/^Another DHCP server, 10\.77\.0\.254 \(52:54:00:00:00:fe\), answers on this network, .* write the line "dhcp: proxy" .* --despite-other-dhcp\.$/);
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
});
