import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { IMAGE, openNetwork, SERVER, type Client, type Network } from './network';

async function bootedClient(...words: readonly string[]): Promise<{ readonly network: Network; readonly client: Client; readonly local: string; readonly same: (file: string) => Promise<boolean> }> {
  const network = await openNetwork();
  await network.serve(...words);
  const client = await network.client(1);
  await network.run(client, 'ip', 'address', 'add', '10.77.0.11/24', 'dev', 'eth0');
  const local = path.join(network.folder, 'fetched');
  return { network, client, local, same: async (file) => (await readFile(local)).equals(await readFile(path.join(network.imageFolder, file))) };
}

describe('TFTP clients', () => {
  it.each([
    ['tftp-hpa', (local: string) => ['tftp', '-m', 'binary', SERVER, '-c', 'get', 'ipxe.efi', local]],
    ['atftp', (local: string) => ['atftp', '--get', '-r', '52-54-00-aa-00-01/ipxe.efi', '-l', local, SERVER]],
    ['atftp with large blocks and tsize', (local: string) => ['atftp', '--option', 'blksize 1428', '--option', 'tsize', '--get', '-r', 'ipxe.efi', '-l', local, SERVER]],
    ['atftp with a window', (local: string) => ['atftp', '--option', 'windowsize 8', '--option', 'timeout 2', '--get', '-r', 'ipxe.efi', '-l', local, SERVER]],
    ['curl', (local: string) => ['curl', '-s', '-o', local, `tftp://${SERVER}/ipxe.efi`]],
  ])('%s fetches a boot loader byte for byte', async (_name, command) => {
    const { network, client, local, same } = await bootedClient();
    const [program = '', ...args] = command(local);
    const { output } = await network.run(client, program, ...args);
    expect(await same('ipxe.efi'), output).toBe(true);
  });

  it.each([
    ['tftp-hpa', (local: string) => ['tftp', '-m', 'binary', SERVER, '-c', 'get', 'ipxe.efi', local]],
    ['atftp with a window', (local: string) => ['atftp', '--option', 'blksize 1428', '--option', 'windowsize 4', '--get', '-r', 'ipxe.efi', '-l', local, SERVER]],
    ['curl', (local: string) => ['curl', '-s', '-o', local, `tftp://${SERVER}/ipxe.efi`]],
  ])('%s is served from the one port it asked where a firewall lets no other through', async (_name, command) => {
    const { network, client, local, same } = await bootedClient('--tftp-single-port');
    // Nothing passes but what comes from port 69.
    const { code, output: refused } = await network.run(client, 'nft', 'add table ip f; add chain ip f in { type filter hook input priority 0; }; add rule ip f in udp sport != 69 drop');
    expect(code, refused).toBe(0);
    const [program = '', ...args] = command(local);
    const { output } = await network.run(client, program, ...args);
    expect(await same('ipxe.efi'), output).toBe(true);
  });

  it('tftp-hpa fetches what is there after it asked for what isn’t', async () => {
    const { network, client, same } = await bootedClient();
    const local = path.join(network.folder, 'fetched');
    const { output } = await network.run(client, 'sh', '-c', `printf 'binary\nget nosuch ${local}\nget undionly.kpxe ${local}\nget ipxe.efi ${local}\nquit\n' | tftp ${SERVER}`);
    expect(await same('ipxe.efi'), output).toBe(true);
    expect(output.match(/Error code/g)).toHaveLength(1);
  });

  it('autoexec.ipxe is not found, at once', async () => {
    const { network, client, local } = await bootedClient();
    expect((await network.run(client, 'tftp', '-m', 'binary', SERVER, '-c', 'get', 'autoexec.ipxe', local)).output).toMatch(/Error code 1: file not found/);
  });
});

describe('curl over HTTP', () => {
  it('resumes a download where it broke off', async () => {
    const { network, client, local, same } = await bootedClient();
    const url = `http://${SERVER}/images/${IMAGE}/root.squashfs`;
    await network.run(client, 'curl', '-s', '-r', '0-999999', '-o', local, url);
    const { code, output } = await network.run(client, 'curl', '-sS', '-C', '-', '-o', local, url);
    expect([code, output, await same('root.squashfs')]).toEqual([0, '', true]);
  });

  it('sees the size and type that UEFI asks for first', async () => {
    const { network, client } = await bootedClient();
    const { output } = await network.run(client, 'curl', '-sI', `http://${SERVER}/images/${IMAGE}/snponly.efi`);
    expect(output).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(output).toMatch(/Content-Type: application\/efi/);
    expect(output).toMatch(/Content-Length: \d+/);
    expect(output).not.toMatch(/: *\r?$/m);
  });
});

describe('dig', () => {
  it.each([
    [['node2.clients.internal'], /node2\.clients\.internal\.\s+30\s+IN\s+A\s+10\.77\.0\.12/],
    [['+tcp', 'node2.clients.internal'], /10\.77\.0\.12/],
    [['-x', '10.77.0.13'], /PTR\s+node3\.clients\.internal/],
    [['nothing.clients.internal'], /status: NXDOMAIN[\s\S]*SOA/],
    [['example.org'], /status: REFUSED/],
    [['node2.clients.internal', 'AAAA'], /status: NOERROR[\s\S]*ANSWER: 0[\s\S]*SOA/],
  ])('%j', async (args, expected) => {
    const { network, client } = await bootedClient();
    expect((await network.run(client, 'dig', '+tries=1', `@${SERVER}`, ...args)).output).toMatch(expected);
  });
});

describe('dig for names outside the pool', () => {
  it('is answered by way of the forwarder that the drive names, over UDP and TCP', async () => {
    const network = await openNetwork();
    const spec = path.join(network.drive, 'pxen.yaml');
    await writeFile(spec, (await readFile(spec, 'utf8')).replace('network:\n', 'network:\n  forwarders: [10.77.0.200]\n'));
    await network.serve();
    const upstream = await network.client(2);
    await network.run(upstream, 'ip', 'address', 'add', '10.77.0.200/24', 'dev', 'eth0');
    network.start(upstream, 'dnsmasq', '--no-daemon', '--no-resolv', '--no-hosts', '--bind-interfaces', '--interface=eth0', '--address=/example.org/192.0.2.7');
    const client = await network.client(1);
    await network.run(client, 'ip', 'address', 'add', '10.77.0.11/24', 'dev', 'eth0');
    const dig = async (...args: readonly string[]) => (await network.run(client, 'dig', '+tries=3', `@${SERVER}`, ...args)).output;
    expect(await dig('example.org')).toMatch(/flags: [^;]*\bra\b[\s\S]*example\.org\.\s+\d+\s+IN\s+A\s+192\.0\.2\.7/);
    expect(await dig('+tcp', 'example.org')).toMatch(/192\.0\.2\.7/);
    expect(await dig('node2.clients.internal')).toMatch(/flags: [^;]*\baa\b[\s\S]*10\.77\.0\.12/);
  });
});
