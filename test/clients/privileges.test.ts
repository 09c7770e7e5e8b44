/** `pxen serve` by a person who is not root, on a terminal, through the real sudo. */

import { chmod, chown, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, inject, it } from 'vitest';
import { withLibvirtNetwork } from './libvirt';
import { type Network, openNetwork } from './network';
import { must, type Running } from './processes';
import { hook, udhcpc } from './udhcpc';

/** A user of every Debian, with no rights at all. */
const PERSON = { name: 'nobody', uid: 65_534, gid: 65_534 };

const asPerson = ['setpriv', `--reuid=${PERSON.uid}`, `--regid=${PERSON.gid}`, '--clear-groups', 'env', 'HOME=/nonexistent'];

/** The drive is the person's, who may read what is shipped and become root by sudo without a password. */
async function asAPerson(network: Network): Promise<void> {
  const dist = path.dirname(inject('pxen'));
  await must('chmod', ['-R', 'a+rX', network.folder, dist]);
  for (const file of [network.drive, ...(await readdir(network.drive, { recursive: true })).map((name) => path.join(network.drive, name))]) await chown(file, PERSON.uid, PERSON.gid);
  const sudoers = path.join(network.folder, 'sudoers');
  await writeFile(sudoers, `${PERSON.name} ALL=(root) NOPASSWD: ALL\n`);
  await chmod(sudoers, 0o440);
}

/** Each command has mounts of its own there, so that the machine's sudoers stay as they are. script(1) is the terminal. */
function serveOnTerminal(network: Network): Running {
  const command = [...asPerson, process.execPath, inject('pxen'), 'serve', network.drive].join(' ');
  return network.start('server', 'sh', '-c', `mount --bind ${network.folder}/sudoers /etc/sudoers && exec script --quiet --return --command '${command}' /dev/null`);
}

const helpers = async () => (await must('ps', ['-eo', 'args'])).split('\n').filter((line) => line.includes(path.join(path.dirname(inject('pxen')), 'port-helper.js')));

it('everything but opening the ports runs as that person, and root is gone once they are open', async () => {
  const network = await openNetwork();
  await asAPerson(network);
  const server = serveOnTerminal(network);
  await server.line(/Answering 4 hosts/);

  const { output: sockets } = await network.run('server', 'ss', '--udp', '--tcp', '--listening', '--numeric', '--processes', '--no-header');
  for (const place of ['10.77.0.1%br0:67', '10.77.0.1:69', '10.77.0.1:53', '10.77.0.1:80', '10.77.0.1%br0:4011', '255.255.255.255%br0:67']) expect(sockets).toContain(`${place} `);
  const owners = [...new Set([...sockets.matchAll(/pid=(\d+)/g)].map(([, pid]) => pid ?? ''))];
  expect(owners).toHaveLength(1);
  expect((await stat(`/proc/${owners[0] ?? ''}`)).uid).toBe(PERSON.uid);
  expect(await helpers()).toEqual([]);
  expect((await stat(path.join(network.drive, 'keys', 'pool_ed25519'))).uid).toBe(PERSON.uid);

  const client = await network.client(1);
  expect((await network.run(client, 'busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-s', '/bin/true')).output).toMatch(/lease of 10\.77\.0\.11 obtained/);
  await network.run(client, 'ip', 'address', 'add', '10.77.0.11/24', 'dev', 'eth0');
  expect((await network.run(client, 'curl', '-s', 'http://10.77.0.1/healthz')).output).toBe('ok\n');
  expect((await network.run(client, 'curl', '-s', 'tftp://10.77.0.1/undionly.kpxe', '-o', '/dev/null', '-w', '%{size_download}')).output).toMatch(/^[1-9]\d{4}/);
  await server.stop();
});

it('a port that is taken is told with the process that has it, which only root can see', async () => {
  const network = await openNetwork();
  await asAPerson(network);
  const other = network.start('server', process.execPath, '-e', "require('dgram').createSocket('udp4').bind(69, () => console.log('bound'))");
  await other.line(/bound/);
  const { pid } = /pid=(?<pid>\d+)/.exec((await network.run('server', 'ss', '-lunpH')).output)?.groups ?? {};
  await serveOnTerminal(network).line(new RegExp(`TFTP needs UDP port 69 on 10\\.77\\.0\\.1, which is taken by node \\(pid ${pid ?? ''}\\)\\. Stop that process`));
});

it('a DHCP server that is bound to another interface, as libvirt’s is, is in nobody’s way', async () => {
  const network = await openNetwork();
  await asAPerson(network);
  await withLibvirtNetwork(network);
  const server = serveOnTerminal(network);
  await server.line(/Answering 4 hosts/);
  const client = await network.client(1);
  const { script, environment } = await hook(network, 'beside-libvirt');
  expect((await udhcpc(network, client, script)).code).toBe(0);
  expect(await environment()).toMatchObject({ ip: '10.77.0.11', serverid: '10.77.0.1' });
  await server.stop();
});

it('a terminal that is closed ends it as Ctrl+C does', async () => {
  const network = await openNetwork();
  // Python closes its end of the terminal while pxen runs, as a terminal emulator that is killed does.
  const terminal = network.start('server', 'python3', '-c', `
import os, pty, sys
child, terminal = pty.fork()
if child == 0: os.execvp(sys.argv[1], sys.argv[1:])
said = b''
while b'Answering 4 hosts' not in said: said += os.read(terminal, 4096)
os.close(terminal)
print('ended with', os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
`, process.execPath, inject('pxen'), 'serve', network.drive);
  // By the signal (SIGHUP, 1), as whoever started it expects.
  await terminal.line(/^ended with -1$/);
  expect(await readdir(path.join(network.drive, 'state'))).not.toContain('backend.json');
});

it('without a terminal nobody is asked, and it is said what to do', async () => {
  const network = await openNetwork();
  await asAPerson(network);
  const { code, output } = await network.run('server', ...(asPerson as [string, ...string[]]), process.execPath, inject('pxen'), 'serve', network.drive);
  expect([code, output]).toEqual([2, expect.stringMatching(/DHCP needs UDP port 67 on 10\.77\.0\.1, and ports below 1024 need privileges here\. Run pxen in a terminal/)]);
});

it('where low ports are free to bind, nobody is asked', async () => {
  const network = await openNetwork();
  await asAPerson(network);
  await network.run('server', 'sysctl', '-q', 'net.ipv4.ip_unprivileged_port_start=0');
  const server = network.start('server', ...(asPerson as [string, ...string[]]), process.execPath, inject('pxen'), 'serve', network.drive);
  await server.line(/Answering 4 hosts/);
  await server.stop();
});

it('the helper ends with whoever started it, however that ended', async () => {
  const network = await openNetwork();
  await asAPerson(network);
  const script = path.join(network.folder, 'asks.cjs');
  const helper = path.join(path.dirname(inject('pxen')), 'port-helper.js');
  await writeFile(script, `
    const { spawn } = require('node:child_process');
    const child = spawn('sudo', ['env', 'NODE_CHANNEL_FD=0', 'NODE_CHANNEL_SERIALIZATION_MODE=json', process.execPath, ${JSON.stringify(helper)}], { stdio: ['ipc', 'ignore', 'inherit'] });
    child.on('message', (reply, socket) => console.log('has port', socket.address().port, 'as', process.getuid(), 'pid', process.pid));
    child.send({ id: 1, transport: 'udp', address: '10.77.0.1', port: 69, isShared: false });
  `);
  const asks = network.start('server', 'sh', '-c', `mount --bind ${network.folder}/sudoers /etc/sudoers && exec ${asPerson.join(' ')} ${process.execPath} ${script}`);
  const [, pid] = /has port 69 as 65534 pid (\d+)/.exec(await asks.line(/has port/)) ?? [];
  expect(await helpers()).not.toEqual([]);
  process.kill(Number(pid), 'SIGKILL');
  await expect.poll(helpers, { timeout: 10_000 }).toEqual([]);
});
