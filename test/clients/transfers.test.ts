import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { IMAGE, openNetwork, SERVER, type Client, type Network } from './network';

async function bootedClient(): Promise<{ readonly network: Network; readonly client: Client; readonly local: string; readonly same: (file: string) => Promise<boolean> }> {
  const network = await openNetwork();
  await network.serve();
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
