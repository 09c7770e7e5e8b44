/** The same session against OpenSSH's own server, where it is installed. */

import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { HostTarget } from '../../src/backend/hosts/control';
import { writeFileAtomically } from '../../src/backend/hosts/files';
import { Session } from '../../src/backend/hosts/session';
import { systemClock } from '../../src/backend/system';
import { CALM, HOST } from './dom0';
import { missingTools } from './localShell';

const SSHD = '/usr/sbin/sshd';
const reason =
  process.getuid?.() !== 0
    ? 'needs root, whom the session logs in as'
    : spawnSync(SSHD, ['-V']).error !== undefined
      ? 'needs openssh-server'
      : missingTools('ssh-keygen');

describe.skipIf(reason !== '')(`against OpenSSH${reason === '' ? '' : ` (skipped: ${reason})`}`, () => {
  let folder = '';
  let target: HostTarget;
  let stop: () => void = () => undefined;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'pxen-sshd-'));
    for (const key of ['host_ed25519', 'host_rsa', 'pool']) spawnSync('ssh-keygen', ['-q', '-t', key.includes('rsa') ? 'rsa' : 'ed25519', '-N', '', '-f', path.join(folder, key)]);
    await writeFile(path.join(folder, 'authorized_keys'), await readFile(path.join(folder, 'pool.pub')));
    await chmod(path.join(folder, 'authorized_keys'), 0o600);
    const port = await freePort();
    await writeFile(
      path.join(folder, 'sshd_config'),
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${folder}/host_rsa`,
        `HostKey ${folder}/host_ed25519`,
        `AuthorizedKeysFile ${folder}/authorized_keys`,
        'PermitRootLogin prohibit-password',
        'PasswordAuthentication no',
        'StrictModes no',
        'UsePAM no',
        'PidFile none',
        '',
      ].join('\n'),
    );
    spawnSync('mkdir', ['-p', '/run/sshd']);
    const sshd = spawn(SSHD, ['-D', '-e', '-f', path.join(folder, 'sshd_config')], { stdio: 'ignore' });
    stop = () => sshd.kill();
    await listening(port);
    target = {
      host: HOST,
      address: '127.0.0.1',
      port,
      hostKeys: [await readFile(path.join(folder, 'host_ed25519.pub'), 'utf8')],
      privateKey: await readFile(path.join(folder, 'pool'), 'utf8'),
    };
  });

  afterAll(async () => {
    stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(): Promise<Session> {
    const session = await Session.open(target, systemClock, CALM);
    onTestFinished(() => session.close());
    return session;
  }

  it('logs in by the pinned key alone, though the server prefers to show another', async () => {
    const session = await open();
    expect(await session.execute(['sh', '-c', 'echo "it is $0"; echo no >&2; exit 7', "o'clock"], CALM)).toEqual({ code: 7, stdout: "it is o'clock\n", stderr: 'no\n' });
  });

  it('refuses it when its key is another', async () => {
    const other = { ...target, hostKeys: [await readFile(path.join(folder, 'pool.pub'), 'utf8')] };
    await expect(Session.open(other, systemClock, CALM)).rejects.toThrow('it shows another key than the one posted at this boot');
  });

  it('tells that its own key is not let in', async () => {
    const other = { ...target, privateKey: await readFile(path.join(folder, 'host_ed25519'), 'utf8') };
    await expect(Session.open(other, systemClock, CALM)).rejects.toThrow('the host does not accept the key of this drive');
  });

  it('runs more commands than the server takes sessions', async () => {
    const session = await open();
    const results = await Promise.all(Array.from({ length: 40 }, (_, index) => session.execute(['echo', String(index)], CALM)));
    expect(results.map(({ stdout }) => stdout.trim())).toEqual(results.map((_, index) => String(index)));
  });

  it('writes files and streams large ones', async () => {
    const session = await open();
    const file = path.join(folder, 'a folder', 'file');
    await writeFileAtomically(session, file, 'content\n', CALM);
    expect(await readFile(file, 'utf8')).toBe('content\n');
    async function* blocks() {
      for (let block = 0; block < 64; block += 1) yield await Promise.resolve(Buffer.alloc(1 << 20, block));
    }
    await session.execute(['dd', `of=${file}`, 'bs=1M', 'iflag=fullblock', 'conv=fsync', 'status=none'], CALM, { stdin: blocks() });
    expect((await session.execute(['stat', '--format=%s', file], CALM)).stdout.trim()).toBe(String(64 << 20));
  });

  it('tells a command that was killed', async () => {
    await expect((await open()).execute(['sh', '-c', 'kill -9 $$'], CALM)).rejects.toThrow('it was ended by signal SIGKILL');
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when something listens there; the test's own limit ends a vain wait. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('close', () => socket.destroy());
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
