import { createServer, type AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { HostError } from '../../src/backend/hosts/errors';
import { newKeyPair } from '../../src/backend/hosts/keyPair';
import { Session } from '../../src/backend/hosts/session';
import { systemClock, type Clock } from '../../src/backend/system';
import { CALM } from './dom0';
import { sshServer, type TestServerOptions } from './sshServer';

const echo: TestServerOptions['run'] = (command, channel) => {
  channel.write(`ran ${command}\n`);
  channel.exit(0);
  channel.end();
};

async function open(options: Partial<TestServerOptions> = {}, clock: Clock = systemClock) {
  const server = await sshServer({ run: echo, ...options });
  const session = await Session.open(server.target, clock, CALM);
  onTestFinished(() => session.close());
  return { ...server, session };
}

const errorOf = (work: Promise<unknown>): Promise<HostError> =>
  work.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error as HostError,
  );

describe('an ssh session', () => {
  it('hands back what a command printed and how it ended', async () => {
    const { session } = await open({
      run: (command, channel) => {
        channel.write(`out of ${command}`);
        channel.stderr.write('complaint');
        channel.exit(3);
        channel.end();
      },
    });
    expect(await session.execute(['xl', 'list'], CALM)).toEqual({ code: 3, stdout: 'out of xl list', stderr: 'complaint' });
  });

  it('never loses the end of a short command, however many run', async () => {
    const { session } = await open();
    const results = await Promise.all(Array.from({ length: 200 }, (_, index) => session.execute(['echo', String(index)], CALM)));
    expect(results.map(({ code }) => code)).toEqual(results.map(() => 0));
  });

  it('streams standard input', async () => {
    const { session } = await open({
      run: (_command, channel) => {
        let size = 0;
        channel.on('data', (chunk: Buffer) => (size += chunk.length));
        channel.on('end', () => {
          channel.write(String(size));
          channel.exit(0);
          channel.end();
        });
      },
    });
    async function* blocks() {
      for (let block = 0; block < 80; block += 1) yield await Promise.resolve(Buffer.alloc(100_000, block));
    }
    expect((await session.execute(['dd'], CALM, { stdin: blocks() })).stdout).toBe('8000000');
  });

  it('tells a command’s own complaint when it stops reading', async () => {
    const { session } = await open({
      run: (_command, channel) => {
        channel.stderr.write('No space left on device');
        channel.exit(1);
        channel.end();
      },
    });
    async function* endless() {
      for (;;) yield await Promise.resolve(Buffer.alloc(64_000));
    }
    expect(await session.execute(['dd'], CALM, { stdin: endless() })).toEqual({ code: 1, stdout: '', stderr: 'No space left on device' });
  });

  it('keeps to eight commands at once on one connection', async () => {
    const waiting: (() => void)[] = [];
    const { session, attempts } = await open({
      run: (_command, channel) => {
        waiting.push(() => {
          channel.exit(0);
          channel.end();
        });
        if (waiting.length >= 8) for (const go of waiting.splice(0)) go();
      },
    });
    await Promise.all(Array.from({ length: 24 }, () => session.execute(['sleep'], CALM)));
    expect(attempts.mostSessions).toBe(8);
  });

  it('refuses a host with another key before it says who it is', async () => {
    const server = await sshServer({ run: echo, pinned: newKeyPair().public });
    const error = await errorOf(Session.open(server.target, systemClock, CALM));
    expect(error.kind).toBe('host-key');
    expect(error.message).toContain('node1: could not trust the ssh server at 127.0.0.1');
    expect(error.message).toContain('it shows another key than the one posted at this boot. Either the machine was booted again by something else');
    expect(server.attempts.logins).toBe(0);
  });

  it('tells a login that was refused from a host that is not there', async () => {
    const server = await sshServer({ run: echo, refuseLogin: true });
    expect((await errorOf(Session.open(server.target, systemClock, CALM))).kind).toBe('login');
    const free = createServer();
    const port = await new Promise<number>((resolve) => free.listen(0, '127.0.0.1', () => resolve((free.address() as AddressInfo).port)));
    await new Promise((resolve) => free.close(resolve));
    expect((await errorOf(Session.open({ ...server.target, port }, systemClock, CALM))).kind).toBe('unreachable');
  });

  it('gives up on something that accepts the connection and says nothing', async () => {
    const silent = createServer();
    onTestFinished(() => void silent.close());
    const port = await new Promise<number>((resolve) => silent.listen(0, '127.0.0.1', () => resolve((silent.address() as AddressInfo).port)));
    const server = await sshServer({ run: echo });
    const clock: Clock = { now: () => 0, after: (ms, callback) => systemClock.after(ms / 200, callback) };
    const error = await errorOf(Session.open({ ...server.target, port }, clock, CALM));
    expect(error.message).toContain('no answer within 30 s');
  });

  it('ends a command that has gone silent', async () => {
    const { session } = await open({ run: () => undefined });
    const error = await errorOf(session.execute(['mount', '/srv/r0'], CALM, { silenceMs: 100 }));
    expect(error.kind).toBe('silent');
    expect(error.message).toContain('node1: could not run mount /srv/r0: nothing was heard of it for 0 s. The host or one of its disks hangs: look at its console.');
  });

  it('ends a command when told to', async () => {
    const { session } = await open({ run: () => undefined });
    const abort = new AbortController();
    const work = errorOf(session.execute(['sleep'], abort.signal));
    abort.abort(new Error('enough'));
    expect((await work).message).toBe('enough');
    expect((await errorOf(session.execute(['sleep'], abort.signal))).message).toBe('enough');
  });

  it('tells every command under way, and whoever waits, that the connection is gone', async () => {
    const { session, cut } = await open({ run: () => undefined });
    const running = Array.from({ length: 10 }, () => errorOf(session.execute(['sleep'], CALM)));
    const done = Promise.all(running);
    setImmediate(cut);
    expect((await done).map(({ kind }) => kind)).toEqual(running.map(() => 'lost'));
    await session.closed;
    expect((await errorOf(session.execute(['true'], CALM))).kind).toBe('lost');
  });

  it('keeps nothing of a command that has ended, for a session lasts as long as its host', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const printed = 'x'.repeat(1_000_000);
    const { session } = await open({
      run: (_command, channel) => {
        channel.write(printed);
        channel.exit(0);
        channel.end();
      },
    });
    const run = async (commands: number) => {
      for (let left = commands; left > 0; left -= 1) await session.execute(['xl', 'list', '-v'], CALM);
    };
    const held = () => {
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    await run(10);
    const first = held();
    await run(60);
    // Sockets and timers let go of the last ones some turns later.
    await expect.poll(() => held() - first, { timeout: 10_000 }).toBeLessThan(30_000_000);
  });

  it('notices a peer that died without a word within fifteen seconds', { timeout: 25_000 }, async () => {
    const { session, goDead } = await open({ run: () => undefined });
    const work = errorOf(session.execute(['sleep'], CALM));
    goDead();
    const started = Date.now();
    await session.closed;
    expect(Date.now() - started).toBeLessThan(15_000);
    expect((await work).message).toContain('the host stopped answering');
  });
});
