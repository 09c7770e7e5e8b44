import { describe, expect, it } from 'vitest';
import { decodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { addressesValue, messageTypeValue, OPTION } from '../../src/backend/netboot/dhcp/options';
import { openLookout, type OtherServers } from '../../src/backend/netboot/dhcp/otherServers';
import { systemRandom } from '../../src/backend/system';
import { LossyLink } from './lossyLink';

function lookOut() {
  const clock = new LossyLink({ lost: 0, doubled: 0, late: 0 }, 1);
  const probes: { readonly at: number; readonly message: DhcpMessage; readonly to: string }[] = [];
  const results: OtherServers[] = [];
  const lookout = openLookout({
    address: '10.77.0.1',
    send: (bytes, to) => {
      const decoded = decodeDhcp(bytes);
      if ('message' in decoded) probes.push({ at: clock.now(), message: decoded.message, to });
      // Enough looks for a test; the lookout would go on for ever.
      if (probes.length === 3) clock.after(6000, () => lookout.close());
    },
    onResult: (result) => results.push(result),
    clock,
    random: systemRandom,
  });
  return { clock, probes, results, lookout };
}

const offer = (probe: DhcpMessage, server: string, yourAddress: string): DhcpMessage => ({
  ...probe,
  op: 'reply',
  yourAddress,
  options: new Map([[OPTION.messageType, messageTypeValue('offer')], [OPTION.serverIdentifier, addressesValue([server])]]),
});

describe('looking for other DHCP servers', () => {
  it('asks as a relay would, at once and every ten minutes, each time for another machine', () => {
    const { clock, probes, results } = lookOut();
    clock.run();
    expect(probes.map(({ at, to, message }) => [at, to, message.relayAddress])).toEqual([0, 600_000, 1_200_000].map((at) => [at, '255.255.255.255', '10.77.0.1']));
    expect(new Set(probes.map(({ message }) => message.hardwareAddress)).size).toBe(3);
    expect(results).toEqual([{ kind: 'none' }, { kind: 'none' }, { kind: 'none' }]);
  });

  it('names a server that offers an address, once a look', () => {
    const { probes, results, lookout } = lookOut();
    const probe = probes[0]!.message;
    for (let time = 0; time < 2; time += 1) expect(lookout.take(offer(probe, '10.77.0.254', '10.77.0.100'))).toBe(true);
    lookout.close();
    expect(results).toEqual([{ kind: 'found', server: '10.77.0.254' }]);
  });

  it('is not misled by its own question, by a proxy, by itself, or by offers to others', () => {
    const { probes, results, lookout } = lookOut();
    const probe = probes[0]!.message;
    expect(lookout.take(probe)).toBe(true);
    lookout.take(offer(probe, '10.77.0.3', '0.0.0.0'));
    lookout.take(offer(probe, '10.77.0.1', '10.77.0.9'));
    expect(lookout.take(offer({ ...probe, transactionId: probe.transactionId ^ 1 }, '10.77.0.4', '10.77.0.5'))).toBe(false);
    lookout.close();
    expect(results).toEqual([]);
  });
});
