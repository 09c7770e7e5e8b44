/** Who gets one of the server's places, and who must not be able to keep others from one; in virtual time. */

import { describe, expect, it } from 'vitest';
import { decodeTftp, encodeTftp } from '../../src/backend/netboot/tftp/codec';
import type { Peer } from '../../src/backend/netboot/tftp/wire';
import { CONTENT, type Machine, VirtualTftp } from './virtualTftp';

const PLACES = 64;
const LOSSY = { lost: 0.05, doubled: 0.01, late: 0.01 };
/** Who never answers asks so. */
const PATIENT = { blksize: '8', timeout: '255' };

const oneAddress = (number: number): Peer => ({ address: 'greedy', port: 1024 + number });
const forged = (number: number): Peer => ({ address: `forged${number}`, port: 2070 });

function expectWhole(...machines: readonly Machine[]): void {
  expect(machines.flatMap(({ gaveUp }) => gaveUp ?? [])).toEqual([]);
  expect(machines.every(({ rom }) => Buffer.concat(rom.parts).equals(CONTENT))).toBe(true);
}

/** As many silent requests as there are places, and then so many a second for a minute. */
function flood(server: VirtualTftp, from: (number: number) => Peer, perSecond: number): void {
  for (let number = 0; number < PLACES + 60 * perSecond; number += 1) {
    server.link.after(Math.max(0, number - PLACES) * (1000 / perSecond), () => server.ask(from(number), PATIENT));
  }
}

/** Takes one block of eight bytes a second, and would for hours. */
function drip(server: VirtualTftp, peer: Peer): void {
  server.ask(peer, { blksize: '8' }, undefined, (bytes) => {
    const packet = decodeTftp(bytes);
    if (packet?.kind !== 'data' && packet?.kind !== 'options') return;
    const block = packet.kind === 'data' ? packet.block : 0;
    if (server.link.now() < 60_000) server.link.after(block === 0 ? 0 : 1000, () => server.acknowledge(peer, encodeTftp({ kind: 'acknowledgement', block })));
  });
}

describe('requests that nobody stands behind', () => {
  it.each([
    ['of one address', oneAddress, 100, 1_500],
    ['of one forged address each', forged, 20, 4_000],
  ])('%s keep a machine waiting for moments only, however many come', async (_, from, perSecond, boundMs) => {
    const server = new VirtualTftp(PLACES);
    flood(server, from, perSecond);
    const machines: { readonly askedAtMs: number; readonly machine: Machine }[] = [];
    for (const askedAtMs of [100, 10_000, 30_000, 55_000]) {
      server.link.after(askedAtMs, () => machines.push({ askedAtMs, machine: server.machine({ address: `host${askedAtMs}`, port: 2070 }) }));
    }
    await server.link.run();
    expectWhole(...machines.map(({ machine }) => machine));
    expect(Math.max(...machines.map(({ askedAtMs, machine }) => (machine.loadedAtMs ?? Infinity) - askedAtMs))).toBeLessThan(boundMs);
    expect(server.mostRunning).toBeLessThanOrEqual(2 * PLACES);
    expect(server.open).toBe(0);
  });

  it('and ask for the longest timeout are given up within a minute where nobody waits, and sent to again long before', async () => {
    const server = new VirtualTftp(PLACES);
    const heardAtMs: number[] = [];
    server.ask(oneAddress(0), PATIENT, undefined, () => heardAtMs.push(server.link.now()));
    await server.link.run();
    expect(server.link.now()).toBeLessThanOrEqual(60_000);
    expect(heardAtMs.filter((atMs) => atMs < 4_000).length).toBeGreaterThanOrEqual(3);
    expect(server.events).toMatchObject([{ outcome: { kind: 'failed' } }]);
  });
});

describe('while others wait', () => {
  it.each([
    ['acknowledges its options late', { slowAtFirstMs: 3_500 }],
    ['asks again from another port', { changesPort: true }],
    ['asks for a timeout', { timeout: 1 }],
    ['asks for windows', { windowSize: 8 }],
  ])('a machine that %s gets its file all the same, with one packet in twenty lost', async (_, manners) => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const server = new VirtualTftp(PLACES, LOSSY, seed);
      flood(server, forged, 20);
      const machines: Machine[] = [];
      for (let number = 0; number < 20; number += 1) {
        server.link.after(number * 500, () => machines.push(server.machine({ address: `host${number}`, port: 2070, ...manners })));
      }
      await server.link.run();
      expectWhole(...machines);
    }
  });

  it('a slow machine that stepped aside still ends by the acknowledgement it had been waited for, without asking again', async () => {
    const server = new VirtualTftp(1);
    const slow = server.machine({ address: 'slow', port: 2070, slowAtFirstMs: 3_900 });
    const quick = server.machine({ address: 'quick', port: 2070 });
    await server.link.run();
    expectWhole(slow, quick);
    expect(quick.loadedAtMs).toBeLessThan(3_000);
    expect(slow.loadedAtMs).toBeLessThan(4_100);
    expect(server.events).toHaveLength(2);
  });

  it('downloads that one address draws out for ever give way to another address', async () => {
    const server = new VirtualTftp(PLACES);
    for (let number = 0; number < 3 * PLACES; number += 1) drip(server, oneAddress(number));
    const machines: { readonly askedAtMs: number; readonly machine: Machine }[] = [];
    for (let askedAtMs = 5_000; askedAtMs < 50_000; askedAtMs += 500) {
      server.link.after(askedAtMs, () => machines.push({ askedAtMs, machine: server.machine({ address: `host${askedAtMs}`, port: 2070 }) }));
    }
    await server.link.run();
    expectWhole(...machines.map(({ machine }) => machine));
    expect(Math.max(...machines.map(({ askedAtMs, machine }) => (machine.loadedAtMs ?? Infinity) - askedAtMs))).toBeLessThan(1_500);
    expect(server.mostRunning).toBeLessThanOrEqual(2 * PLACES);
  });

  it('hundreds of machines behind one address all load, and one of another address needn’t wait for them', async () => {
    const server = new VirtualTftp(PLACES, { lost: 0.01, doubled: 0.01, late: 0.01 });
    const herd = Array.from({ length: 5 * PLACES }, (_, number) => server.machine({ address: 'relay', port: 1024 + number }));
    let single: Machine | undefined;
    server.link.after(50, () => (single = server.machine({ address: 'single', port: 2070 })));
    await server.link.run();
    expectWhole(...herd, single!);
    expect(single?.loadedAtMs).toBeLessThan(1_500);
    expect(server.events.filter(({ outcome }) => outcome.kind === 'sent')).toHaveLength(herd.length + 1);
  });

  it('a file that isn’t there is answered for at once', async () => {
    const server = new VirtualTftp(1);
    server.ask(forged(0));
    const answers: unknown[] = [];
    server.link.after(10, () => server.ask({ address: 'ipxe', port: 2070 }, {}, 'autoexec.ipxe', (bytes) => answers.push([decodeTftp(bytes), server.link.now() < 20])));
    await server.link.run();
    expect(answers).toEqual([[{ kind: 'error', code: 1, message: 'file not found' }, true]]);
  });
});
