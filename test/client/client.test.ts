import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { backendCommand, sudoCommand, type BackendCommand, type CommandOptions } from '../../src/backendCommand';
import { startBackend, type Backend } from '../../src/client';
import type { PoolEvent } from '../../src/protocol';

const FAKE_BACKEND = fileURLToPath(new URL('fakeBackend.mjs', import.meta.url));
const AS_USER: CommandOptions = {
  script: '/x/backend.js',
  execPath: '/usr/bin/node',
  platform: 'linux',
  uid: 1000,
  lowPorts: true,
  elevate: true,
  stay: false,
};

function start(command: Partial<BackendCommand> = {}): { backend: Backend; events: PoolEvent[]; lines: string[] } {
  const events: PoolEvent[] = [];
  const lines: string[] = [];
  const backend = startBackend(
    { file: process.execPath, args: [FAKE_BACKEND], env: {}, elevated: false, ...command },
    { onEvent: (event) => void events.push(event), onLine: (line) => void lines.push(line) },
  );
  onTestFinished(() => backend.close(5_000));
  return { backend, events, lines };
}

const script = (text: string): Partial<BackendCommand> => ({ args: ['-e', text] });

describe('how the backend is started', () => {
  it.each<[string, Partial<CommandOptions>, string]>([
    ['as root for real machines, where Linux keeps low ports for root', {}, 'pkexec env ELECTRON_RUN_AS_NODE=1 /usr/bin/node /x/backend.js'],
    ['as the user for a lab, which binds free ports', { lowPorts: false }, '/usr/bin/node /x/backend.js'],
    ['as the user who is root already', { uid: 0 }, '/usr/bin/node /x/backend.js'],
    ['as the user when told not to ask', { elevate: false }, '/usr/bin/node /x/backend.js'],
    ['as the user on macOS, where low ports are free to bind', { platform: 'darwin' }, '/usr/bin/node /x/backend.js'],
    ['as the user on Windows, where there is no user id', { platform: 'win32', uid: undefined }, '/usr/bin/node /x/backend.js'],
    ['to stay when the window closes', { uid: 0, stay: true }, '/usr/bin/node /x/backend.js --stay'],
  ])('is %s', (_, change, expected) => {
    const command = backendCommand({ ...AS_USER, ...change });
    expect([command.file, ...command.args].join(' ')).toBe(expected);
    expect(command.elevated).toBe(expected.startsWith('pkexec'));
  });
});

it('is typed with sudo where no dialog can ask for the password, whatever the paths hold', () => {
  expect(sudoCommand({ execPath: '/usr/share/code/code', script: "/home/o'hara/pxen.js" }, '/media/my drive')).toBe(
    "sudo env ELECTRON_RUN_AS_NODE=1 /usr/share/code/code '/home/o'\\''hara/pxen.js' boot --stay '/media/my drive'",
  );
});

describe('a conversation with the backend', () => {
  it('brings its events in order, then its answer', async () => {
    const { backend, events } = start();
    const result = await backend.request('pool/boot', { drive: '/good', target: 'simulated' });
    expect(result.exitCode).toBe(0);
    expect(events.map((event) => (event.event === 'host' ? event.host.state : event.event))).toEqual(['kernel', 'ssh']);
  });

  it('ends a request that is cancelled, and goes on with the next', async () => {
    const { backend } = start();
    const abort = new AbortController();
    const boot = backend.request('pool/boot', { drive: '/endless', target: 'simulated' }, abort.signal);
    abort.abort();
    await expect(boot).rejects.toMatchObject({ code: 'cancelled' });
    await expect(backend.request('pool/status', { drive: '/endless' })).resolves.toMatchObject({ phase: 'partly' });
  });

  it('does not even ask when the signal was aborted before', async () => {
    const { backend, events } = start();
    await expect(backend.request('pool/boot', { drive: '/good', target: 'simulated' }, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    await backend.request('pool/status', { drive: '/good' });
    expect(events).toEqual([]);
  });

  it("passes the backend's refusal on in its own words", async () => {
    const { backend } = start();
    await expect(backend.request('pool/boot', { drive: '/nowhere', target: 'simulated' })).rejects.toThrow('/nowhere has no pxen.yaml.');
  });

  it('tells a crash with its exit code and the last lines it wrote', async () => {
    const { backend } = start();
    const boot = backend.request('pool/boot', { drive: '/crash', target: 'simulated' });
    await expect(boot).rejects.toThrow(/exit code 7\..*first line ⏎ EADDRINUSE: port 67 is taken/);
    await expect(backend.ended).resolves.toMatchObject({ code: 'backend-died' });
    await expect(backend.request('pool/status', { drive: '/crash' })).rejects.toMatchObject({ code: 'backend-died' });
  });

  it('keeps only the last lines of a long complaint', async () => {
    const { backend, lines } = start(script('for (let i = 1; i <= 500; i++) console.error("line " + i + "."); process.exitCode = 1'));
    const error = await backend.ended;
    expect(lines).toHaveLength(500);
    expect(error?.message).toContain('line 500.');
    expect(error?.message).not.toContain('line 488.');
  });

  it.each([
    ['the password dialog was dismissed', 126, 'elevation-dismissed'],
    ['nobody could be asked for a password', 127, 'elevation-refused'],
    ['the elevated process died', 1, 'backend-died'],
  ])('says when %s', async (_, exitCode, code) => {
    const { backend } = start({ ...script(`process.exit(${exitCode})`), elevated: true });
    await expect(backend.request('pool/status', { drive: '/good' })).rejects.toMatchObject({ code });
  });

  it('says when there is no pkexec at all', async () => {
    const { backend } = start({ file: '/nowhere/pkexec', elevated: true });
    await expect(backend.ended).resolves.toMatchObject({ code: 'elevation-refused' });
  });

  it('says when the backend cannot be started', async () => {
    const { backend } = start({ file: '/nowhere/node' });
    await expect(backend.request('pool/status', { drive: '/good' })).rejects.toMatchObject({ code: 'backend-not-started' });
  });

  it('ends without complaint when it is let go', async () => {
    const { backend } = start();
    await backend.request('pool/status', { drive: '/good' });
    await backend.close(5_000);
    await expect(backend.ended).resolves.toBeUndefined();
  });
});
