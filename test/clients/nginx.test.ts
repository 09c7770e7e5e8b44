import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, inject } from 'vitest';
import { IMAGE, openNetwork, SERVER, type Client, type Network } from './network';
import type { Running } from './processes';

const UPSTREAM = '127.0.0.1:8080';
const ROOT = `http://${SERVER}/images/${IMAGE}/root.squashfs?mac=52-54-00-aa-00-01`;

/** The boot server with a real nginx before it that has the configuration the boot server prints. */
async function behindNginx(verb: 'serve' | 'boot' = 'serve'): Promise<{ readonly network: Network; readonly server: Running; readonly client: Client; readonly local: string }> {
  const network = await openNetwork();
  const server = await network.pxen(verb, '--http-upstream', UPSTREAM);
  const { output } = await network.run('server', process.execPath, inject('pxen'), 'serve', network.drive, '--http-upstream', UPSTREAM, '--print-nginx-config');
  const site = path.join(network.folder, 'site.conf');
  await writeFile(site, output);
  const main = path.join(network.folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${network.folder}/nginx;`).join(' ');
  await writeFile(main, `user root; daemon off; pid ${network.folder}/nginx.pid; error_log stderr notice; events {} http { ${temporary} include ${site}; }`);
  const nginx = network.start('server', 'nginx', '-e', 'stderr', '-c', main);
  await nginx.line(/start worker process \d/, 20_000);
  const client = await network.client(1);
  await network.run(client, 'ip', 'address', 'add', '10.77.0.11/24', 'dev', 'eth0');
  return { network, server, client, local: path.join(network.folder, 'fetched') };
}

it('nginx in front sends the images whole and in parts; the script names it, and each download is seen', async () => {
  const { network, server, client, local } = await behindNginx();
  const whole = await readFile(path.join(network.imageFolder, 'root.squashfs'));
  await network.run(client, 'curl', '-sf', '-o', local, ROOT);
  expect((await readFile(local)).equals(whole)).toBe(true);
  await server.line(/node1 \(.*\) is fetching root\.squashfs/, 10_000);
  await server.line(/node1 \(.*\) has fetched root\.squashfs/, 10_000);

  await network.run(client, 'curl', '-sf', '-r', '0-999999', '-o', local, ROOT);
  expect((await network.run(client, 'curl', '-sS', '-C', '-', '-o', local, ROOT)).output).toBe('');
  expect((await readFile(local)).equals(whole)).toBe(true);

  const { output: head } = await network.run(client, 'curl', '-sI', `http://${SERVER}/images/${IMAGE}/snponly.efi`);
  expect(head).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*Content-Type: application\/efi/);
  expect(head).toMatch(/ETag: "[^"]+"/);
  expect(head).not.toMatch(/X-Accel|: *\r?$/im);

  const { output: script } = await network.run(client, 'curl', '-sf', `http://${SERVER}/boot/52:54:00:aa:00:01.ipxe`);
  expect(script).toContain(`http://${SERVER}/images/${IMAGE}/xen?mac=52-54-00-aa-00-01`);
  const initrd = /module --name initrd (\S+)/.exec(script)?.[1] ?? '';
  await network.run(client, 'curl', '-sf', '-o', local, initrd);
  expect((await readFile(local)).subarray(-100_000).equals(await readFile(path.join(network.imageFolder, 'initrd')))).toBe(true);
});

it('nginx in front sends the image’s own ETag, and goes by it', async () => {
  const { network, client, local } = await behindNginx();
  const whole = await readFile(path.join(network.imageFolder, 'root.squashfs'));
  const etag = `"${createHash('sha256').update(whole).digest('hex')}"`;
  const ask = async (...words: readonly string[]) => {
    const { output } = await network.run(client, 'curl', '-s', '-D', '-', '-o', local, ...words, ROOT);
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(output)?.[1]), etags: [...output.matchAll(/^ETag: (.*)\r$/gim)].map(([, value]) => value), modified: /^Last-Modified: (.*)\r$/im.exec(output)?.[1] };
  };
  const header = (text: string) => ['-H', text];
  const range = ['-r', '5-9'];
  const modified = 'Sun, 01 Nov 2026 12:00:00 GMT';
  expect(await ask()).toEqual({ status: 200, etags: [etag], modified });
  expect(await ask('--head')).toEqual({ status: 200, etags: [etag], modified });
  expect(await ask(...range)).toEqual({ status: 206, etags: [etag], modified });
  expect((await readFile(local)).equals(whole.subarray(5, 10))).toBe(true);
  expect(await ask(...range, ...header(`If-Range: ${etag}`))).toMatchObject({ status: 206, etags: [etag] });
  expect(await ask(...range, ...header('If-Range: "stale"'))).toMatchObject({ status: 200, etags: [etag] });
  expect(await ask(...header(`If-None-Match: "other", ${etag}`))).toMatchObject({ status: 304, etags: [etag] });
  expect(await ask(...header('If-None-Match: "stale"'))).toMatchObject({ status: 200, etags: [etag] });
  expect(await ask(...header('If-Match: "stale"'))).toMatchObject({ status: 412 });
  expect(await ask(...header(`If-Match: ${etag}`))).toMatchObject({ status: 200 });
  expect(await ask('-r', '99999999-')).toMatchObject({ status: 416 });
});

it('a pool is booted behind nginx, and its machines are answered by way of it', async () => {
  const { client, network } = await behindNginx('boot');
  const { output: script } = await network.run(client, 'curl', '-sf', `http://${SERVER}/boot/52:54:00:aa:00:01.ipxe`);
  expect(script).toMatch(/initrd\?token=[A-Za-z0-9_-]{32} /);
});

it('nginx in front tells whose request it is: nobody else gets a host’s token, or says hello for it', async () => {
  const { network, server, client } = await behindNginx();
  const other = await network.client(2);
  await network.run(other, 'ip', 'address', 'add', '10.77.0.90/24', 'dev', 'eth0');
  const script = async (from: Client) => (await network.run(from, 'curl', '-sf', `http://${SERVER}/boot/52:54:00:aa:00:01.ipxe`)).output;
  expect(await script(other)).toContain('# Asked for from 10.77.0.90, and node1 has the address 10.77.0.11: shown without the token');
  const token = /initrd\?token=([A-Za-z0-9_-]{32}) /.exec(await script(client))?.[1] ?? '';
  const hello = JSON.stringify({ mac: '52:54:00:aa:00:01', token, hostKeys: ['ssh-ed25519 AAAA theirs'] });
  const { output } = await network.run(other, 'curl', '-s', '-H', 'X-Real-IP: 10.77.0.11', '-d', hello, `http://${SERVER}/hello`);
  expect(output).toBe('Refused: node1 has the address 10.77.0.11.\n');
  await server.line(/a hello in the name of node1 \(.*\) from 10\.77\.0\.90 was refused/, 10_000);
  await network.run(other, 'curl', '-sf', '-o', '/dev/null', `http://${SERVER}/images/${IMAGE}/root.squashfs`);
  await server.line(/10\.77\.0\.90 has fetched root\.squashfs/, 10_000);
});

it('nginx in front gives out nothing that the boot server does not name', async () => {
  const { network, client } = await behindNginx();
  const status = async (target: string) => (await network.run(client, 'curl', '-s', '--path-as-is', '-o', '/dev/null', '-w', '%{http_code}', `http://${SERVER}${target}`)).output;
  expect(await Promise.all([`/pxen-images/${IMAGE}/xen`, `/images/${IMAGE}/manifest.json`, '/images/%2e%2e/pxen.yaml', '/images/../pxen.yaml', '/images/none/xen'].map(status))).toEqual(['404', '404', '404', '404', '404']);
});
