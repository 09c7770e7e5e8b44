import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startBackend } from '../../src/client';
import { PoolSession } from '../../src/session';
import type { PoolTarget } from '../../src/protocol';

const FAKE_BACKEND = fileURLToPath(new URL('fakeBackend.mjs', import.meta.url));
const NEVER = new AbortController().signal;

function open(drive: string, options: { readonly left?: PoolTarget } = {}) {
  const started: string[] = [];
  const lost: Error[] = [];
  const command = { file: process.execPath, args: [FAKE_BACKEND], env: {} };
  const session = new PoolSession({
    drive,
    start: (purpose, listeners) => {
      started.push(`${purpose.for} ${purpose.target}`);
      return Promise.resolve(startBackend(command, listeners));
    },
    find: (_, listeners) =>
      Promise.resolve(options.left === undefined ? undefined : { backend: startBackend(command, listeners), target: options.left }),
    onEvent: () => undefined,
    onLine: () => undefined,
    onLost: (error) => void lost.push(error),
  });
  onTestFinished(() => session.release());
  return { session, started, lost };
}

/** Resolves with the session at its first change after which `holds` is true. */
function until(session: PoolSession, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const forget = session.onChange(() => {
      if (!holds()) return;
      forget();
      resolve();
    });
  });
}

describe("a drive's session", () => {
  it('starts a backend at the first boot, keeps it, and shows the pool while it comes up', async () => {
    const { session, started } = open('/good');
    const states: (string | undefined)[] = [];
    session.onChange(() => states.push(session.snapshot?.hosts[0]?.state));
    await session.boot('simulated', NEVER);
    await session.boot('simulated', NEVER);
    expect(started).toEqual(['serve simulated']);
    expect(session.serving).toBe('simulated');
    expect(states).toContain('kernel');
    expect(session.snapshot?.phase).toBe('up');
  });

  it('is busy while it boots, and refuses a second errand in words', async () => {
    const { session } = open('/endless');
    const abort = new AbortController();
    const boot = session.boot('simulated', abort.signal);
    expect(session.activity).toBe('booting');
    await expect(session.shutDown(NEVER)).rejects.toThrow('The pool is booting already.');
    abort.abort();
    await expect(boot).rejects.toMatchObject({ code: 'cancelled' });
    expect(session.activity).toBeUndefined();
  });

  it('shows what a cancelled boot left behind', async () => {
    const { session } = open('/endless');
    const abort = new AbortController();
    const boot = session.boot('simulated', abort.signal);
    await until(session, () => session.snapshot?.phase === 'booting');
    abort.abort();
    await expect(boot).rejects.toMatchObject({ code: 'cancelled' });
    expect(session.snapshot?.phase).toBe('partly');
    expect(session.serving).toBeUndefined();
  });

  it('ends the backend of one target before it boots another', async () => {
    const { session, started } = open('/good');
    await session.boot('simulated', NEVER);
    await session.boot('machines', NEVER);
    expect(started).toEqual(['serve simulated', 'serve machines']);
    expect(session.serving).toBe('machines');
  });

  it('forgets the pool when its backend dies, tells it once, and starts another the next time', async () => {
    const { session, started, lost } = open('/crash');
    await expect(session.boot('simulated', NEVER)).rejects.toThrow(/EADDRINUSE/);
    expect(session.snapshot).toBeUndefined();
    expect(session.serving).toBeUndefined();
    await expect(session.boot('simulated', NEVER)).rejects.toThrow(/EADDRINUSE/);
    expect(started).toHaveLength(2);
    expect(lost).toEqual([]);
  });

  it('joins a backend that another window left, and shows its pool', async () => {
    const { session, started } = open('/good', { left: 'machines' });
    await session.attach();
    expect(session.serving).toBe('machines');
    expect(session.snapshot?.phase).toBe('idle');
    await session.shutDown(NEVER);
    expect(started).toEqual([]);
    expect(session.snapshot?.phase).toBe('down');
  });

  it('stops serving when asked, without calling that a loss', async () => {
    const { session, lost } = open('/good');
    await session.boot('simulated', NEVER);
    await session.stop();
    expect(session.serving).toBeUndefined();
    expect(lost).toEqual([]);
  });

  it('serves no longer once the pool is down, and remembers that it is', async () => {
    const { session, lost } = open('/good');
    await session.boot('simulated', NEVER);
    await session.shutDown(NEVER);
    expect(session.serving).toBeUndefined();
    expect(session.snapshot?.phase).toBe('down');
    expect(lost).toEqual([]);
  });

  it('wakes hosts without the rights that serving needs, and without serving afterwards', async () => {
    const { session, started } = open('/good');
    await expect(session.wake(['node1'], NEVER)).resolves.toEqual(['node1']);
    expect(started).toEqual(['wake machines']);
    expect(session.serving).toBeUndefined();
  });
});
