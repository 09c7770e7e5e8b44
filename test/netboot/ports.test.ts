import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPortHelper } from '../../src/backend/netboot/portHelper/ask';
import { helperCommand } from '../../src/backend/netboot/portHelper/command';
import { allowedRequest } from '../../src/backend/netboot/portHelper/request';
import { bindToInterface } from '../../src/backend/netboot/interfaceBinding';
import { findPortOwner } from '../../src/backend/netboot/portOwner';
import { closeUdp, openUdp, portOf } from '../../src/backend/netboot/sockets';
import { temporaryFolder } from './bootServerFixture';

const onLinux = process.platform === 'linux';

describe('whose a port is', () => {
  it.skipIf(!onLinux)('is found for the process that listens there', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    expect(await findPortOwner('tcp', { address: '127.0.0.1', port })).toMatchObject({ pid: process.pid });
    expect(await findPortOwner('tcp', { address: '127.0.0.2', port })).toBeUndefined();
    expect(await findPortOwner('tcp', { address: '127.0.0.1', port: 1 })).toBeUndefined();
  });

  it.skipIf(os.endianness() !== 'LE')('is told of all addresses, mapped addresses and the same one, not of a neighbour', async () => {
    const proc = await temporaryFolder();
    const row = (local: string, inode: number) => `   0: ${local} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 ${inode} 2 0 0\n`;
    await mkdir(path.join(proc, 'net'));
    const holders = { 101: 'systemd-resolve', 102: 'dnsmasq', 103: 'mapped' };
    for (const [pid, name] of Object.entries(holders)) {
      await mkdir(path.join(proc, pid, 'fd'), { recursive: true });
      await writeFile(path.join(proc, pid, 'comm'), `${name}\n`);
      await symlink(`socket:[${pid}]`, path.join(proc, pid, 'fd', '5'));
    }
    const owner = async (udp: string, udp6 = '') => {
      await writeFile(path.join(proc, 'net', 'udp'), `  sl  local_address rem_address\n${udp}`);
      await writeFile(path.join(proc, 'net', 'udp6'), `  sl  local_address rem_address\n${udp6}`);
      return (await findPortOwner('udp', { address: '10.77.0.1', port: 53 }, proc))?.name;
    };
    expect(await owner(row('3500007F:0035', 101))).toBeUndefined();
    expect(await owner(row('3500007F:0035', 101) + row('00000000:0035', 102))).toBe('dnsmasq');
    expect(await owner(row('01004D0A:0035', 102))).toBe('dnsmasq');
    expect(await owner('', row('0000000000000000FFFF000001004D0A:0035', 103))).toBe('mapped');
    expect(await owner('', row(`${'0'.repeat(32)}:0035`, 103))).toBe('mapped');
  });
});

describe('the port helper', () => {
  it('takes only requests for the ports of a boot server, on addresses of this machine', () => {
    const local = ['127.0.0.1', '10.77.0.1'];
    const allowed = (message: unknown) => allowedRequest(message, local) !== undefined;
    const good = { id: 1, transport: 'udp', address: '10.77.0.1', port: 67, isShared: false };
    expect(allowed(good)).toBe(true);
    expect(allowed({ ...good, address: '255.255.255.255' })).toBe(true);
    expect(allowed({ ...good, isShared: true })).toBe(true);
    for (const [transport, port] of [['udp', 69], ['udp', 53], ['tcp', 53], ['tcp', 80]] as const) expect(allowed({ ...good, transport, port })).toBe(true);
    for (const bad of [
      { ...good, port: 22 },
      { ...good, port: 80 },
      { ...good, transport: 'tcp', port: 22 },
      { ...good, transport: 'unix' },
      { ...good, address: '0.0.0.0' },
      { ...good, address: '::' },
      { ...good, address: '10.77.0.2' },
      { ...good, address: '255.255.255.255', port: 69 },
      { ...good, port: '67' },
      { ...good, id: '1' },
      { ...good, extra: true },
      { ...good, isShared: 1 },
      { ...good, port: 53, isShared: true },
      { ...good, transport: 'tcp', port: 80, isShared: true },
      { transport: 'udp', address: '10.77.0.1', port: 67, isShared: false },
      null,
      'udp 67',
      [1, 'udp', '10.77.0.1', 67],
    ]) expect(allowed(bad)).toBe(false);
  });

  it('is started through env, so that its channel survives a cleaned environment', () => {
    expect(helperCommand('pkexec', { execPath: '/usr/share/code/code', script: '/x/port-helper.js' })).toEqual({
      file: 'pkexec',
      args: ['env', 'ELECTRON_RUN_AS_NODE=1', 'NODE_CHANNEL_FD=0', 'NODE_CHANNEL_SERIALIZATION_MODE=json', '/usr/share/code/code', '/x/port-helper.js'],
    });
  });

  it.each([
    ['the dialog was dismissed', { file: 'pkexec', args: [] }, 126, 'elevation-dismissed', /Without the password/],
    ['nobody could be asked', { file: 'pkexec', args: [] }, 127, 'elevation-refused', /pkexec ended with exit code 127/],
    ['the password was wrong', { file: 'sudo', args: [] }, 1, 'elevation-refused', /sudo ended with exit code 1/],
  ] as const)('says in words that %s', async (_, { file }, exitCode, code, message) => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, file), `#!/bin/sh\nexit ${exitCode}\n`, { mode: 0o755 });
    const before = process.env['PATH'];
    process.env['PATH'] = folder;
    onTestFinished(() => {
      process.env['PATH'] = before;
    });
    const helper = createPortHelper({ file, args: [] });
    const asked = helper.udp({ address: '127.0.0.1', port: 67, isShared: false });
    await expect(asked).rejects.toMatchObject({ name: 'ListenError', code });
    await expect(asked).rejects.toThrow(message);
    await expect(helper.tcp({ address: '127.0.0.1', port: 80 })).rejects.toThrow(message);
  });

  it('says that there is no way to ask', async () => {
    const helper = createPortHelper({ file: '/nowhere/pkexec', args: [] });
    await expect(helper.udp({ address: '127.0.0.1', port: 67, isShared: false })).rejects.toMatchObject({ code: 'elevation-refused' });
  });

  it('is not started while ports can be bound without it', async () => {
    const helper = createPortHelper({ file: '/nowhere/pkexec', args: [] });
    const socket = await openUdp('DHCP', { address: '127.0.0.1', port: 0, helper }, () => undefined);
    await closeUdp(socket);
  });
});

describe('a socket', () => {
  it.skipIf(!onLinux)('is bound to an interface through perl or python3 (skipped where there is neither)', async ({ skip }) => {
    const socket = await openUdp('DHCP', { address: '127.0.0.1', port: 0 }, () => undefined);
    onTestFinished(() => closeUdp(socket));
    const at = { address: '127.0.0.1', port: portOf(socket) };
    if (!(await bindToInterface([at], 'lo'))) skip('neither perl nor python3 is here');
    // One that is bound already isn't moved to another (CAP_NET_RAW would allow it), and there is no interface of this name.
    expect(await bindToInterface([at], 'nowhere0')).toBe(false);
    // A process that inherits a socket can make it block for us too: the event loop would stand still after the first datagram.
    const sender = dgram.createSocket('udp4');
    onTestFinished(() => void sender.close());
    for (const word of ['hello', 'again']) {
      const heard = once(socket, 'message');
      sender.send(word, at.port, at.address);
      expect(String((await heard)[0])).toBe(word);
    }
  });
});
