import { describe, expect, it } from 'vitest';
import type { NetworkModel } from '../../src/backend/drive/model';
import { askerOf } from '../../src/backend/netboot/answers/asker';
import { MAC, pool, STRANGER } from './clients';

const SECOND = '52:54:00:aa:00:02';

const asker = (mac: string, address: string | undefined, { dhcp = 'authoritative', onlyServer = true }: { readonly dhcp?: NetworkModel['dhcp']; readonly onlyServer?: boolean } = {}) => {
  const found = askerOf({ model: pool(dhcp), mac, address, onlyServer });
  return [found.kind, found.kind === 'host' ? [found.host.name, found.mac, found.isProven] : found.claims?.host.name, found.name];
};

describe('who asks', () => {
  it.each([
    ['with its own address, is the host', MAC, '10.77.0.11', ['host', ['node1', MAC, true], `node1 (${MAC})`]],
    ['that says nothing, with a host’s address, is that host', '', '10.77.0.11', ['host', ['node1', MAC, true], `node1 (${MAC})`]],
    ['that says a MAC nobody has, with a host’s address, is that host', STRANGER, '10.77.0.12', ['host', ['node2', SECOND, true], `node2 (${SECOND})`]],
    ['in a host’s name, with an address of nobody’s, is not the host', SECOND, '10.77.0.90', ['other', 'node2', '10.77.0.90']],
    ['in a host’s name, with another host’s address, is neither', SECOND, '10.77.0.11', ['other', 'node2', 'node1 (10.77.0.11)']],
    ['in a host’s name, from the boot server itself, is not the host', MAC, '10.77.0.1', ['other', 'node1', '10.77.0.1']],
    ['in a host’s name, from another network, is not the host', MAC, '192.0.2.7', ['other', 'node1', '192.0.2.7']],
    ['in a host’s name, from nobody knows where, is not the host', MAC, undefined, ['other', 'node1', 'an unknown address']],
    ['that says nothing, is named by its address', '', '10.77.0.90', ['other', undefined, '10.77.0.90']],
    ['that says nothing, from nobody knows where, is told as that', '', undefined, ['other', undefined, 'a machine whose address is unknown']],
  ])('%s', (_what, mac, address, expected) => {
    expect(asker(mac, address)).toEqual(expected);
  });

  it.each([
    ['another DHCP server gives the addresses', { dhcp: 'proxy' }],
    ['PXEN gives none', { dhcp: 'off' }],
    ['another DHCP server gives some of them as well, or a lab has all machines at one address', { onlyServer: false }],
  ] as const)('in a host’s name, with another address, is believed where %s', (_what, where) => {
    expect(asker(MAC, '10.77.0.90', where)).toEqual(['host', ['node1', MAC, false], `node1 (${MAC}, from 10.77.0.90)`]);
  });
});
