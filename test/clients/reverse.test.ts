/** The reverse zones, as dig shows them and as a resolver remembers what isn't in them. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openNetwork, SERVER, type Client, type Network } from './network';
import type { Running } from './processes';

async function served(edit: (spec: string) => string = (spec) => spec): Promise<{ readonly network: Network; readonly client: Client; readonly server: Running; readonly dig: (...args: readonly string[]) => Promise<string> }> {
  const network = await openNetwork();
  const spec = path.join(network.drive, 'pxen.yaml');
  await writeFile(spec, edit(await readFile(spec, 'utf8')));
  const server = await network.serve();
  const client = await network.client(1);
  await network.run(client, 'ip', 'address', 'add', '10.77.0.11/24', 'dev', 'eth0');
  return { network, client, server, dig: async (...args) => (await network.run(client, 'dig', '+tries=1', `@${SERVER}`, ...args)).output };
}

/** Status, the question's name, and the owner of the SOA in the authority section. */
function negative(output: string): readonly (string | undefined)[] {
  return [/status: (\w+)/, /QUESTION SECTION:\n;(\S+)\./, /AUTHORITY SECTION:\n(\S+)\.\s+\d+\s+IN\s+SOA\s+pxen\.clients\.internal\./].map((pattern) => pattern.exec(output)?.[1]);
}

describe('dig', () => {
  it('finds SOA and NS where the subnet’s zone begins, and that SOA with each negative answer', async () => {
    const { dig, server } = await served();
    const zone = '0.77.10.in-addr.arpa';
    expect(await dig('+short', zone, 'SOA')).toMatch(/^pxen\.clients\.internal\. hostmaster\.clients\.internal\. /);
    expect(await dig('+short', zone, 'NS')).toBe('pxen.clients.internal.\n');
    expect(negative(await dig('-x', '10.77.0.99'))).toEqual(['NXDOMAIN', '99.0.77.10.in-addr.arpa', zone]);
    await server.line(/"event":"log",.*"level":"debug","sentence":"node1 \(52:54:00:aa:00:01\) asked by DNS for PTR of 99\.0\.77\.10\.in-addr\.arpa and was told that there is no such name"/, 10_000);
    expect(negative(await dig('11.0.77.10.in-addr.arpa', 'A'))).toEqual(['NOERROR', '11.0.77.10.in-addr.arpa', zone]);
    expect(negative(await dig('nothing.clients.internal'))).toEqual(['NXDOMAIN', 'nothing.clients.internal', 'clients.internal']);
    expect(negative(await dig('node1.clients.internal', 'AAAA'))).toEqual(['NOERROR', 'node1.clients.internal', 'clients.internal']);
  });

  it('gets of a subnet smaller than a /24 only its own addresses, each as a zone', async () => {
    const { dig } = await served((spec) => spec.replace('10.77.0.0/24', '10.77.0.0/26').replace('10.77.0.254', '10.77.0.62'));
    expect(await dig('+short', '-x', '10.77.0.12')).toBe('node2.clients.internal.\n');
    expect(negative(await dig('-x', '10.77.0.60'))).toEqual(['NOERROR', '60.0.77.10.in-addr.arpa', '60.0.77.10.in-addr.arpa']);
    for (const [name = '', type = ''] of [['99.0.77.10.in-addr.arpa', 'PTR'], ['0.77.10.in-addr.arpa', 'SOA']]) expect(negative(await dig(name, type))).toEqual(['REFUSED', name, undefined]);
  });
});

it('dnsmasq remembers that an address has no name', async () => {
  const { network, client } = await served();
  await (network.start(client, 'dnsmasq', '--no-daemon', '--port=5300', '--no-resolv', '--no-hosts', '--log-queries', `--server=${SERVER}`)).line(/started/);
  const ask = async () => (await network.run(client, 'dig', '+tries=1', '-p', '5300', '@127.0.0.1', '-x', '10.77.0.99')).output;
  const asked = async () => /pxen_dns_queries_total\{answer="NXDOMAIN"\} (\d+)/.exec((await network.run(client, 'curl', '-s', `http://${SERVER}/metrics`)).output)?.[1];
  expect([/status: (\w+)/.exec(await ask())?.[1], await asked()]).toEqual(['NXDOMAIN', '1']);
  expect([/status: (\w+)/.exec(await ask())?.[1], await asked()]).toEqual(['NXDOMAIN', '1']);
});
