import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GoldenImages } from '../../src/backend/pool/golden';
import { Lanes } from '../../src/backend/pool/lanes';
import { LimitError, withLimit } from '../../src/backend/pool/limits';
import { emptyFolder } from './driveFolder';
import { VirtualClock } from './virtualClock';

const never = new AbortController().signal;

describe('work in lanes', () => {
  it('runs one at a time in each, in the order of the calls, and side by side in different ones', async () => {
    const lanes = new Lanes();
    const log: string[] = [];
    const release: (() => void)[] = [];
    const task = (name: string) => async () => {
      log.push(`${name} begins`);
      await new Promise<void>((resolve) => release.push(resolve));
      log.push(`${name} ends`);
    };
    const all = [lanes.run('a', never, task('a1')), lanes.run('a', never, task('a2')), lanes.run('b', never, task('b1'))];
    await Promise.resolve();
    await Promise.resolve();
    expect(log).toEqual(['a1 begins', 'b1 begins']);
    while (log.length < 6) {
      release.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(all);
    expect(log.indexOf('a1 ends')).toBeLessThan(log.indexOf('a2 begins'));
  });

  it('goes on after a failure, and takes back what waits when its signal aborts', async () => {
    const lanes = new Lanes();
    const abort = new AbortController();
    const failing = lanes.run('a', never, () => Promise.reject(new Error('no room')));
    const waiting = lanes.run('a', abort.signal, () => Promise.resolve('late'));
    const next = lanes.run('a', never, () => Promise.resolve('done'));
    abort.abort(new Error('not wanted any more'));
    await expect(failing).rejects.toThrow('no room');
    await expect(waiting).rejects.toThrow('not wanted any more');
    expect(await next).toBe('done');
  });
});

describe('a limit', () => {
  it('ends a task that pays no heed to its signal', async () => {
    const clock = new VirtualClock();
    const stuck = withLimit(clock, 90_000, never, 'listing the domains of node1', () => new Promise<void>(() => undefined));
    await expect(clock.runUntil(stuck)).rejects.toThrow(new LimitError('listing the domains of node1 took longer than 90 s'));
  });

  it('lets a task end in its time, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    expect(await withLimit(clock, 1_000, never, 'it', () => Promise.resolve(7))).toBe(7);
    await expect(clock.runUntil(new Promise(() => undefined))).rejects.toThrow(/nothing is left/);
  });
});

describe('a golden image', () => {
  it('with a path is the drive’s own file', async () => {
    expect(await new GoldenImages('/drive', '/cache').fileOf('disks/debian.raw', never)).toBe('/drive/disks/debian.raw');
  });

  it('with a URL is fetched once, whole or not at all', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/missing.raw') response.writeHead(404).end();
      else response.end('golden');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const cache = path.join(await emptyFolder(), 'golden');
    const golden = new GoldenImages('/drive', cache);
    const [first, second] = await Promise.all([golden.fileOf(`${url}/debian.raw`, never), golden.fileOf(`${url}/debian.raw`, never)]);
    expect(second).toBe(first);
    expect(await readFile(first, 'utf8')).toBe('golden');
    await expect(golden.fileOf(`${url}/missing.raw`, never)).rejects.toThrow(/missing\.raw couldn't be fetched: the server answered 404/);
    expect(await readdir(cache)).toEqual([createHash('sha256').update(`${url}/debian.raw`).digest('hex').slice(0, 32)]);
    // What was cut off is no image: it is fetched anew by the next run.
    await writeFile(`${first}.part`, 'gol');
    expect(await new GoldenImages('/drive', cache).fileOf(`${url}/debian.raw`, never)).toBe(first);
    expect(asked).toEqual(['/debian.raw', '/missing.raw']);
  });
});
