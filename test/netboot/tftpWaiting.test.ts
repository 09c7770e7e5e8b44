import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Waiting } from '../../src/backend/netboot/tftp/waiting';

const waiting = (limit = 100) => new Waiting<string>({ limit, patienceMs: 30_000 });

describe('read requests that wait', () => {
  it('go in the order of the first request; asking again keeps the place and brings the newer request', () => {
    const queue = waiting();
    queue.add('a:1', 'a', 'a first', 0);
    queue.add('b:1', 'b', 'b first', 1);
    queue.add('a:1', 'a', 'a again', 2);
    expect([queue.next(3, () => 0), queue.next(3, () => 0), queue.next(3, () => 0)]).toMatchObject([{ request: 'a again' }, { request: 'b first' }, undefined]);
  });

  it('of an address that has transfers running go after those of one that has none', () => {
    const queue = waiting();
    for (let port = 0; port < 50; port += 1) queue.add(`greedy:${port}`, 'greedy', `greedy ${port}`, port);
    queue.add('meek:1', 'meek', 'meek', 60);
    const running = (address: string) => (address === 'greedy' ? 3 : 0);
    expect(queue.next(61, running)?.request).toBe('meek');
    expect(queue.next(61, running)?.request).toBe('greedy 0');
  });

  it('are forgotten when the client has not asked again for long', () => {
    const queue = waiting();
    queue.add('a:1', 'a', 'gone', 0);
    queue.add('b:1', 'b', 'here', 20_000);
    expect(queue.next(31_000, () => 0)?.request).toBe('here');
    expect(queue.size).toBe(0);
  });

  it('never grow beyond the limit, and the address with the most of them pays', () => {
    const queue = waiting(10);
    queue.add('meek:1', 'meek', 'meek', 0);
    for (let port = 0; port < 500; port += 1) queue.add(`greedy:${port}`, 'greedy', `greedy ${port}`, port);
    queue.add('late:1', 'late', 'late', 600);
    expect(queue.size).toBe(10);
    const order = Array.from({ length: 10 }, () => queue.next(601, () => 1)?.request);
    expect(order).toEqual(['meek', ...Array.from({ length: 8 }, (_, port) => `greedy ${port}`), 'late']);
  });

  it('give way as if all were counted anew for each that is over the limit', () => {
    const address = fc.constantFrom('a', 'b', 'c', 'd');
    const step = fc.oneof({ weight: 4, arbitrary: address }, { weight: 1, arbitrary: fc.constant(undefined) });
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = waiting(6);
      let plain: { readonly address: string; readonly request: string }[] = [];
      for (const [number, from] of steps.entries()) {
        if (from === undefined) {
          expect(queue.next(0, () => 0)?.request).toBe(plain.shift()?.request);
          continue;
        }
        const request = `${from} ${number}`;
        queue.add(`${from}:${number}`, from, request, 0);
        plain.push({ address: from, request });
        const count = (of: string) => plain.filter((one) => one.address === of).length;
        const most = Math.max(...plain.map((one) => count(one.address)));
        if (plain.length > 6) plain = plain.filter((one) => one !== plain.findLast((other) => count(other.address) === most));
      }
      while (plain.length > 0) expect(queue.next(0, () => 0)?.request).toBe(plain.shift()?.request);
      expect(queue.size).toBe(0);
    }));
  });
});
