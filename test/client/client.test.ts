import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { backendCommand, terminalCommand, type BackendCommand, type CommandOptions } from '../../src/backendCommand';
import { startBackend, type Backend } from '../../src/client';
import type { PoolEvent } from '../../src/protocol';

const FAKE_BACKEND = fileURLToPath(new URL('fakeBackend.mjs', import.meta.url));
function start(command: Partial<BackendCommand> = {}): { backend: Backend; events: PoolEvent[]; lines: string[] } {
  const events: PoolEvent[] = [];
  const lines: string[] = [];
  const backend = startBackend(
    { file: process.execPath, args: [FAKE_BACKEND], env: {}, ...command },
    { onEvent: (event) => void events.push(event), onLine: (line) => void lines.push(line) },
  );
  onTestFinished(() => backend.close(5_000));
  return { backend, events, lines };
}

const script = (text: string): Partial<BackendCommand> => ({ args: ['-e', text] });

const COMMAND: CommandOptions = { script: '/x/backend.js', execPath: '/usr/bin/node', askForPassword: false, stay: false };

describe('how the backend is started', () => {
  it.each<[string, Partial<CommandOptions>, readonly string[]]>([
    ['to end with the window', {}, []],
    ['to stay when the window closes', { stay: true }, ['--stay']],
    ['to ask for the password when ports are kept for root', { askForPassword: true }, ['--ask-for-password']],
  ])('is as the user, %s', (_, change, flags) => {
    expect(backendCommand({ ...COMMAND, ...change })).toEqual({ file: '/usr/bin/node', args: ['/x/backend.js', ...flags], env: { ELECTRON_RUN_AS_NODE: '1' } });
  });
});

it('is typed in a terminal where no dialog can ask for the password, whatever the paths hold', () => {
  expect(terminalCommand({ execPath: '/usr/share/code/code', script: "/home/o'hara/pxen.js" }, '/media/my drive')).toBe(
    "env ELECTRON_RUN_AS_NODE=1 /usr/share/code/code '/home/o'\\''hara/pxen.js' boot --stay '/media/my drive'",
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

  it.each(['elevation-dismissed', 'elevation-refused'])('knows why the ports were not given: %s', async (code) => {
    const { backend } = start();
    await expect(backend.request('pool/boot', { drive: `/${code}`, target: 'machines' })).rejects.toMatchObject({ name: 'ClientError', code, message: 'No ports.' });
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
