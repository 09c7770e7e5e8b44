/**
 * After a power cut: a thousand machines ask at once. The server's own code of TFTP and of the turns at large files, over
 * a simulated link of 1 Gbit/s in virtual time; the machines are as patient as firmware and the initrd's script are.
 */

import { expect, it } from 'vitest';
import { Turns } from '../../src/backend/netboot/http/turns';
import { TftpSessions, type TftpEvent } from '../../src/backend/netboot/tftp/sessions';
import type { ChannelEnds } from '../../src/backend/netboot/tftp/wire';
import { FirmwareTftp } from './firmwareTftp';
import { VirtualLink } from './virtualLink';

const HOSTS = 1000;
const BYTES_PER_SECOND = 125e6;
const LOADER = Buffer.from(Uint32Array.from({ length: 64 << 10 }, (_, index) => Math.imul(index, 2654435761)).buffer);
const IMAGE_BYTES = 40e6;
/** What TCP has under way of one download. */
const PIECE_BYTES = 128 << 10;
const BLOCK_BYTES = 1468;
/** busybox's wget, and the script around it. */
const WGET_PATIENCE_MS = 14_000;
const SCRIPT_PAUSE_MS = 8_000;

interface Host {
  readonly name: string;
  rom?: FirmwareTftp;
  loadedAtMs?: number;
  imageAtMs?: number;
  gaveUp?: string;
  /** Longest time without a byte since its download of the image began. */
  longestGapMs: number;
}

it('a thousand machines at once, with losses, doubles and disorder: none is lost, none starves, and the link is kept busy', async () => {
  const link = new VirtualLink({ bytesPerSecond: BYTES_PER_SECOND, queueBytes: 4 << 20, weather: { lost: 0.01, doubled: 0.01, late: 0.01 }, seed: 7 });
  const settle = () => (link.settling = true);
  const events: TftpEvent[] = [];
  const most = { running: 0, waiting: 0, downloads: 0 };
  const clients = new Map<string, (bytes: Buffer) => void>();
  const channels = new Map<string, ChannelEnds>();
  const sessions = new TftpSessions(
    {
      files: () => ({ folder: '/images/x', names: ['snponly.efi'] }),
      limits: { largestBlock: BLOCK_BYTES, largestWindow: 16 },
      concurrency: 256,
      clock: link,
      onEvent: (event) => events.push(event),
      onLoad: ({ running, waiting }) => {
        most.running = Math.max(most.running, running);
        most.waiting = Math.max(most.waiting, waiting);
        settle();
      },
    },
    {
      reply: ({ address }, bytes) => link.down(bytes.length, () => clients.get(address)?.(bytes)),
      open: ({ address }, ends) => {
        channels.set(address, ends);
        const send = (parts: readonly Buffer[]) => {
          const bytes = Buffer.concat(parts);
          link.down(bytes.length, () => clients.get(address)?.(bytes));
        };
        return Promise.resolve({ send, close: () => void channels.delete(address), closed: Promise.resolve() });
      },
    },
    () => Promise.resolve(LOADER),
  );
  const turns = new Turns({
    clock: link,
    concurrency: 16,
    onLoad: ({ running }) => {
      most.downloads = Math.max(most.downloads, running);
      settle();
    },
  });

  const hosts = Array.from({ length: HOSTS }, (_, index): Host => ({ name: `host${index}`, longestGapMs: 0 }));
  for (const [index, host] of hosts.entries()) {
    // Firmware that takes its time to the millisecond: all within a second.
    link.after((index * 7919) % 1000, () => loadByTftp(host, index % 2 === 0 ? undefined : 4));
  }

  function loadByTftp(host: Host, windowSize: number | undefined): void {
    const peer = { address: host.name, port: 2070 };
    const rom = new FirmwareTftp({
      file: 'snponly.efi',
      blockBytes: BLOCK_BYTES,
      windowSize,
      clock: link,
      ask: (request) => {
        link.up(() => {
          sessions.receive(request, peer);
          settle();
        });
      },
      acknowledge: (acknowledgement) => link.up(() => channels.get(host.name)?.receive(acknowledgement)),
      onLoaded: () => {
        host.loadedAtMs = link.now();
        link.after(0, () => void fetchImage(host));
        settle();
      },
      onGivenUp: (why) => (host.gaveUp = why),
    });
    host.rom = rom;
    clients.set(host.name, (bytes) => rom.receive(bytes));
    rom.ask();
  }

  async function fetchImage(host: Host): Promise<void> {
    const answer = await turns.ask({ machine: host.name, patienceMs: WGET_PATIENCE_MS, signal: new AbortController().signal });
    settle();
    if ('busy' in answer) {
      link.after(SCRIPT_PAUSE_MS, () => {
        void fetchImage(host);
        settle();
      });
      return;
    }
    let sent = 0;
    let lastMs = link.now();
    const next = () => {
      const bytes = Math.min(PIECE_BYTES, IMAGE_BYTES - sent);
      link.stream(bytes, () => {
        sent += bytes;
        host.longestGapMs = Math.max(host.longestGapMs, link.now() - lastMs);
        lastMs = link.now();
        answer.turn.moved();
        if (sent < IMAGE_BYTES) {
          next();
        } else {
          host.imageAtMs = link.now();
          answer.turn.end();
          settle();
        }
      });
    };
    next();
  }

  await link.run();

  expect(hosts.flatMap(({ name, gaveUp }) => (gaveUp === undefined ? [] : [`${name}: ${gaveUp}`]))).toEqual([]);
  expect(hosts.every(({ rom }) => rom !== undefined && Buffer.concat(rom.parts).equals(LOADER))).toBe(true);
  expect(events.filter(({ outcome }) => outcome.kind === 'sent')).toHaveLength(HOSTS);
  expect(Math.max(...hosts.flatMap(({ rom, longestGapMs }) => [rom?.longestGapMs ?? Infinity, longestGapMs]))).toBeLessThan(5_000);

  const seconds = (of: (host: Host) => number | undefined) => Math.max(...hosts.map((host) => of(host) ?? Infinity)) / 1000;
  const loaders = seconds(({ loadedAtMs }) => loadedAtMs);
  const all = seconds(({ imageAtMs }) => imageAtMs);
  // The first second is the machines' own.
  expect(all).toBeLessThan(1 + (1.5 * HOSTS * (LOADER.length + IMAGE_BYTES)) / BYTES_PER_SECOND);
  expect(loaders).toBeLessThan(15);
  // Half of them are up in little more than half the time: all at once, none would be before the end.
  const sorted = hosts.map(({ imageAtMs = Infinity }) => imageAtMs / 1000).sort((one, other) => one - other);
  expect(sorted[HOSTS / 2]).toBeLessThan(all * 0.6);

  // What the server holds doesn't grow with the herd.
  expect(most.running).toBeLessThanOrEqual(256);
  expect(most.waiting).toBeLessThanOrEqual(HOSTS);
  expect(most.downloads).toBe(16);
  expect(channels.size).toBe(0);
}, 60_000);
