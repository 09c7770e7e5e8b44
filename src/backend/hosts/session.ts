/** One ssh connection to a booted host: pinned key, limited channels, a limit on every wait. */

import { setMaxListeners } from 'node:events';
import { Client, utils, type ClientChannel, type ServerHostKeyAlgorithm } from 'ssh2';
import type { Clock } from '../system';
import type { HostTarget } from './control';
import { HostError } from './errors';
import { DEFAULT_SILENCE_MS, quote, type Command, type CommandResult, type Dom0Shell, type ExecuteOptions } from './shell';

/** TCP, key exchange and login together; an emulated host needs some seconds for the key exchange alone. */
const CONNECT_LIMIT_MS = 30_000;

/** A dead peer is noticed after ten seconds. Less would take an emulated dom0 that mounts an array for dead. */
const KEEPALIVE = { keepaliveInterval: 500, keepaliveCountMax: 20 };

/** sshd allows ten sessions a connection (MaxSessions, sshd_config(5)); a console and a person's look leave eight. */
const MAX_CHANNELS = 8;

/** The longest output kept of one command; `xl list` of a thousand domains is a tenth of it. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

export class Session implements Dom0Shell {
  readonly host: string;
  readonly closed: Promise<void>;
  private readonly slots = new Slots(MAX_CHANNELS);
  /** Tell the commands under way that the connection is gone. Not `closed.then`: that would keep each command, and its output, for as long as the session lasts. */
  private readonly underWay = new Set<() => void>();
  private lost: HostError | undefined;

  private constructor(
    private readonly client: Client,
    target: HostTarget,
    private readonly clock: Clock,
  ) {
    this.host = target.host.name;
    this.closed = new Promise((resolve) => {
      client.on('close', () => {
        this.lost ??= new HostError({
          kind: 'lost',
          host: this.host,
          tried: 'keep the ssh connection',
          said: 'it was closed',
          remedy: 'See whether the machine still runs; PXEN connects again when it is asked for it again.',
        });
        resolve();
        for (const tell of [...this.underWay]) tell();
      });
      client.on('error', (error) => {
        this.lost ??= new HostError(
          {
            kind: 'lost',
            host: this.host,
            tried: 'keep the ssh connection',
            said: error.message === 'Keepalive timeout' ? 'the host stopped answering' : error.message,
            remedy: 'See whether the machine still runs and its network cable is in.',
          },
          { cause: error },
        );
      });
    });
  }

  /** Connects and logs in as root. Rejects with a HostError that says whether the address, the host's key or the login is at fault. */
  static async open(target: HostTarget, clock: Clock, signal: AbortSignal): Promise<Session> {
    signal.throwIfAborted();
    const client = new Client();
    const pinned = target.hostKeys.map(parsePinned).filter((key) => key !== undefined);
    const shown: { stranger?: boolean } = {};
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: Error) => {
        cancelLimit();
        signal.removeEventListener('abort', onAbort);
        client.removeListener('error', onError);
        client.removeListener('close', onClose);
        if (error === undefined) {
          resolve();
          return;
        }
        // Errors that ssh2 still sends for the connection that is being thrown away have been told already.
        client.on('error', () => undefined);
        client.destroy();
        reject(error);
      };
      const onError = (error: Error & { level?: string }) => settle(connectError(target, error, shown.stranger === true));
      const onClose = () => settle(connectError(target, new Error('the connection was closed during the login'), shown.stranger === true));
      const onAbort = () => settle(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      const cancelLimit = clock.after(CONNECT_LIMIT_MS, () =>
        settle(connectError(target, new Error(`no answer within ${CONNECT_LIMIT_MS / 1000} s`), shown.stranger === true)),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      client.on('error', onError);
      client.on('close', onClose);
      client.once('ready', () => settle());
      try {
        client.connect({
          host: target.address,
          port: target.port,
          username: 'root',
          privateKey: target.privateKey,
          authHandler: ['publickey'],
          // The server must show a key of a kind that was pinned, or every connection would end in a mismatch.
          algorithms: { serverHostKey: hostKeyAlgorithms(pinned) },
          hostVerifier: (key: Buffer) => {
            const known = pinned.some(({ blob }) => blob.equals(key));
            shown.stranger = !known;
            return known;
          },
          ...KEEPALIVE,
          // The limit above covers the handshake.
          readyTimeout: 0,
        });
        client.setNoDelay(true);
      } catch (error) {
        settle(connectError(target, error instanceof Error ? error : new Error(String(error)), false));
      }
    });
    return new Session(client, target, clock);
  }

  async execute(command: Command, signal: AbortSignal, options: ExecuteOptions = {}): Promise<CommandResult> {
    // Any number of commands may wait for one signal; Node takes more than ten listeners for a leak.
    setMaxListeners(0, signal);
    const release = await this.slots.take(signal);
    try {
      if (this.lost !== undefined) throw this.lost;
      signal.throwIfAborted();
      return await this.run(command, signal, options);
    } finally {
      release();
    }
  }

  close(): void {
    // Not end(): after it ssh2 destroys the socket no more, and one whose peer has lost its power would keep the process alive.
    this.client.destroy();
  }

  private run(command: Command, signal: AbortSignal, options: ExecuteOptions): Promise<CommandResult> {
    const silenceMs = options.silenceMs ?? DEFAULT_SILENCE_MS;
    const line = command.join(' ');
    return new Promise((resolve, reject) => {
      let channel: ClientChannel | undefined;
      let settled = false;
      let cancelLimit: () => void = () => undefined;

      const settle = (outcome: CommandResult | Error) => {
        if (settled) return;
        settled = true;
        cancelLimit();
        signal.removeEventListener('abort', onAbort);
        this.underWay.delete(onClosed);
        if (!(outcome instanceof Error)) {
          resolve(outcome);
          return;
        }
        channel?.destroy();
        reject(outcome);
      };
      const lost = (said: string) => settle(this.lost ?? this.failed('lost', line, said, 'See whether the machine still runs.'));
      const onAbort = () => settle(reasonOf(signal));
      const onClosed = () => lost('the connection was closed');
      const heard = () => {
        if (settled) return;
        cancelLimit();
        cancelLimit = this.clock.after(silenceMs, () =>
          settle(this.failed('silent', line, `nothing was heard of it for ${Math.round(silenceMs / 1000)} s`, 'The host or one of its disks hangs: look at its console.')),
        );
      };

      heard();
      signal.addEventListener('abort', onAbort, { once: true });
      this.underWay.add(onClosed);
      this.client.exec(quote(command), (error, opened) => {
        if (error !== undefined) {
          lost(error.message);
          return;
        }
        // Listeners are added before this returns: a short command's end may be in the same packet as the channel's opening.
        channel = opened;
        listen(opened, { heard, settle, lost, endedBySignal: (name) => settle(this.failed('command', line, `it was ended by signal ${name}`, 'See the host’s kernel log; dom0 may be short of memory.')) });
        if (settled) opened.destroy();
        else {
          feed(opened, options.stdin, heard).catch((problem: unknown) => {
            // A command that ends early closes its input; its own message tells more than the broken pipe.
            if (opened.writable) settle(problem instanceof Error ? problem : new Error(String(problem)));
          });
        }
      });
    });
  }

  private failed(kind: 'lost' | 'silent' | 'command', line: string, said: string, remedy: string): HostError {
    return new HostError({ kind, host: this.host, tried: `run ${line}`, said, remedy });
  }
}

interface CommandListener {
  readonly heard: () => void;
  readonly settle: (result: CommandResult) => void;
  readonly lost: (said: string) => void;
  readonly endedBySignal: (name: string) => void;
}

function listen(channel: ClientChannel, { heard, settle, lost, endedBySignal }: CommandListener): void {
  const stdout = new Collected();
  const stderr = new Collected();
  let code: number | undefined;
  let signalName: string | undefined;
  channel.on('data', (chunk: Buffer) => {
    heard();
    stdout.add(chunk);
  });
  channel.stderr.on('data', (chunk: Buffer) => {
    heard();
    stderr.add(chunk);
  });
  channel.on('exit', (exitCode: number | null, name?: string) => {
    code = exitCode ?? undefined;
    signalName = name;
  });
  channel.on('error', (error: Error) => lost(error.message));
  channel.on('close', () => {
    if (code !== undefined) settle({ code, stdout: stdout.text(), stderr: stderr.text() });
    else if (signalName !== undefined) endedBySignal(signalName);
    else lost('the connection ended before the command did');
  });
}

/** Writes standard input at the speed the channel takes it. */
async function feed(channel: ClientChannel, stdin: string | AsyncIterable<Buffer> | undefined, onProgress: () => void): Promise<void> {
  if (typeof stdin === 'string') {
    channel.end(stdin);
    return;
  }
  if (stdin !== undefined) {
    for await (const chunk of stdin) {
      if (!channel.writable) return;
      if (!channel.write(chunk)) await drained(channel);
      onProgress();
    }
  }
  channel.end();
}

function drained(channel: ClientChannel): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      channel.removeListener('drain', go);
      channel.removeListener('close', go);
      resolve();
    };
    channel.on('drain', go);
    channel.on('close', go);
  });
}

/** Output up to a limit; a host that prints without end must not fill this machine's memory. */
class Collected {
  private readonly chunks: Buffer[] = [];
  private size = 0;

  add(chunk: Buffer): void {
    if (this.size >= MAX_OUTPUT_BYTES) return;
    this.chunks.push(chunk);
    this.size += chunk.length;
  }

  text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}

/** Hands out a fixed number of slots, first come first served. */
class Slots {
  private readonly waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.free > 0) this.free -= 1;
    else await this.wait(signal);
    return () => {
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    };
  }

  private wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        this.waiting.splice(this.waiting.indexOf(go), 1);
        reject(reasonOf(signal));
      };
      this.waiting.push(go);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}

interface PinnedKey {
  readonly type: string;
  readonly blob: Buffer;
}

function parsePinned(line: string): PinnedKey | undefined {
  const key = utils.parseKey(line);
  return key instanceof Error ? undefined : { type: key.type, blob: key.getPublicSSH() };
}

function hostKeyAlgorithms(pinned: readonly PinnedKey[]): ServerHostKeyAlgorithm[] {
  const types = new Set(pinned.map(({ type }) => type));
  const algorithms = [...types].flatMap((type): ServerHostKeyAlgorithm[] => {
    switch (type) {
      case 'ssh-ed25519':
      case 'ecdsa-sha2-nistp256':
      case 'ecdsa-sha2-nistp384':
      case 'ecdsa-sha2-nistp521':
        return [type];
      case 'ssh-rsa':
        // RFC 8332: the same key, signed with SHA-2.
        return ['rsa-sha2-512', 'rsa-sha2-256'];
      default:
        return [];
    }
  });
  return algorithms.length > 0 ? algorithms : ['ssh-ed25519'];
}

function connectError(target: HostTarget, error: Error & { level?: string }, stranger: boolean): HostError {
  const at = `${target.address}${target.port === 22 ? '' : `:${target.port}`}`;
  const host = target.host.name;
  if (stranger) {
    return new HostError(
      {
        kind: 'host-key',
        host,
        tried: `trust the ssh server at ${at}`,
        said: 'it shows another key than the one posted at this boot',
        remedy: 'Either the machine was booted again by something else, or another machine has its address. Boot it again from this drive.',
      },
      { cause: error },
    );
  }
  if (error.level === 'client-authentication') {
    return new HostError(
      {
        kind: 'login',
        host,
        tried: `log in over ssh at ${at}`,
        said: 'the host does not accept the key of this drive',
        remedy: 'The host was booted with other keys than those in the drive’s keys folder. Boot it again from this drive.',
      },
      { cause: error },
    );
  }
  return new HostError(
    {
      kind: 'unreachable',
      host,
      tried: `connect over ssh to ${at}`,
      said: error.message,
      remedy: 'See whether the machine is on and reachable from here.',
    },
    { cause: error },
  );
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted');
}
