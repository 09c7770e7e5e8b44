import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTftp, encodeTftp, type TftpPacket } from '../../src/backend/netboot/tftp/codec';
import { fileOfName } from '../../src/backend/netboot/tftp/names';
import { negotiate } from '../../src/backend/netboot/tftp/negotiate';
import { Transfer, type TransferEnd } from '../../src/backend/netboot/tftp/transfer';
import { LossyLink } from './lossyLink';
import type { Weather } from './weather';

const LIMITS = { largestBlock: 1468, largestWindow: 16 };
const FAIR: Weather = { lost: 0, doubled: 0, late: 0 };

function contentOf(size: number): Buffer {
  const blocks: Buffer[] = [];
  for (let block = createHash('sha256').update(String(size)).digest(), length = 0; length < size; length += 32) {
    blocks.push(block);
    block = createHash('sha256').update(block).digest();
  }
  return Buffer.concat(blocks).subarray(0, size);
}

interface Outcome {
  readonly received: Buffer;
  readonly end: TransferEnd | undefined;
  readonly packets: number;
  readonly tookMs: number;
  /** As the transfer itself counts. */
  readonly resent: number;
}

/** A client as RFC 1350 and RFC 7440 have it: takes blocks in order, acknowledges windows, and asks again when nothing comes. */
function download(content: Buffer, options: Readonly<Record<string, string>>, weather: Weather, seed: number): Outcome {
  const link = new LossyLink(weather, seed);
  const terms = negotiate(new Map(Object.entries(options)), content.length, LIMITS);
  const parts: Buffer[] = [];
  let end: TransferEnd | undefined;
  let taken = 0;
  let sinceAcknowledgement = 0;
  let complete = false;
  let cancelWait: () => void = () => undefined;
  let waits = 0;

  const toServer = (packet: TftpPacket) => link.carry(encodeTftp(packet), (bytes) => transfer.receive(decodeTftp(bytes)));
  const acknowledge = () => {
    sinceAcknowledgement = 0;
    toServer({ kind: 'acknowledgement', block: taken & 0xffff });
    cancelWait();
    if (!complete) cancelWait = link.after(1500, () => (waits += 1) <= 20 && acknowledge());
  };
  const fromServer = (bytes: Buffer) => {
    const packet = decodeTftp(bytes);
    if (packet?.kind === 'options' && taken === 0) acknowledge();
    if (packet?.kind !== 'data') return;
    if (packet.block !== ((taken + 1) & 0xffff)) {
      // A block that came again is acknowledged again, as RFC 1350 has it; a gap in a window at once, as RFC 7440 has it.
      const again = packet.block === (taken & 0xffff);
      if (again || (!complete && sinceAcknowledgement > 0)) acknowledge();
      return;
    }
    waits = 0;
    parts.push(Buffer.from(packet.data));
    taken += 1;
    sinceAcknowledgement += 1;
    complete = packet.data.length < terms.blockSize;
    if (complete || sinceAcknowledgement === terms.windowSize) acknowledge();
  };
  const transfer: Transfer = new Transfer({ content, terms, clock: link, send: (pieces) => link.carry(Buffer.concat(pieces), fromServer), onEnd: (how) => (end = how) });
  transfer.start();
  link.run();
  return { received: Buffer.concat(parts), end, packets: link.sent, tookMs: link.now(), resent: transfer.resent };
}

const OPTION_SETS: readonly Readonly<Record<string, string>>[] = [{}, { blksize: '1468' }, { blksize: '8' }, { windowsize: '4' }, { blksize: '1428', windowsize: '16', tsize: '0' }, { timeout: '1', blksize: '1024' }];

/** Each option given and not, in every combination. */
const EVERY_OPTION_SET = [undefined, '8', '512', '1428'].flatMap((blksize) =>
  [undefined, '4', '16'].flatMap((windowsize) =>
    [undefined, '1'].flatMap((timeout) =>
      [undefined, '0'].map((tsize) => Object.fromEntries(Object.entries({ blksize, windowsize, timeout, tsize }).filter((entry): entry is [string, string] => entry[1] !== undefined))),
    ),
  ),
);

const WEATHERS: readonly Weather[] = [
  { lost: 0.005, doubled: 0, late: 0 },
  { lost: 0.05, doubled: 0, late: 0 },
  { lost: 0.01, doubled: 0.02, late: 0.05 },
  { lost: 0, doubled: 0.3, late: 0.1 },
];

describe('a transfer', () => {
  it.each(OPTION_SETS)('with %j brings every size byte for byte', (options) => {
    for (const size of [0, 1, 511, 512, 513, 1024, 1468 * 3, 20_001]) {
      const content = contentOf(size);
      const { received, end } = download(content, options, FAIR, 1);
      expect(end, `${size} bytes`).toEqual({ kind: 'complete' });
      expect(received.equals(content), `${size} bytes`).toBe(true);
    }
  });

  describe.each(WEATHERS)('at $lost of the datagrams lost, $doubled doubled and $late late', (weather) => {
    it.each(EVERY_OPTION_SET)('with %j arrives byte for byte', (options) => {
      const content = contentOf(options['blksize'] === '8' ? 1_500 : 40_000);
      for (let seed = 1; seed <= 3; seed += 1) {
        const { received, packets, resent } = download(content, options, weather, seed);
        expect(received.equals(content), `seed ${seed}`).toBe(true);
        // What is sent again is what was lost, with the rest of its window: never a flood.
        const window = Number(options['windowsize'] ?? 1);
        const blocks = Math.ceil((content.length + 1) / Number(options['blksize'] ?? 512));
        const share = weather.lost + weather.late + weather.doubled;
        expect(resent, `seed ${seed} of ${packets} packets`).toBeLessThanOrEqual(30 + blocks * window * share * 3);
      }
    });
  });

  it('goes on past 65535 blocks', () => {
    const content = contentOf(70_000 * 8);
    const { received, end } = download(content, { blksize: '8', windowsize: '16' }, FAIR, 1);
    expect(end).toEqual({ kind: 'complete' });
    expect(received.equals(content)).toBe(true);
  });

  it.each([{}, { windowsize: '4' }, { windowsize: '16' }])('with %j is never multiplied by doubled acknowledgements (Sorcerer’s Apprentice)', (options: Record<string, string>) => {
    const content = contentOf(512 * 200);
    const fair = download(content, options, FAIR, 1).packets;
    // Every datagram doubled both ways: the client answers each copy it gets, the server must not.
    const doubled = download(content, options, { lost: 0, doubled: 1, late: 0 }, 1);
    expect(doubled.received.equals(content)).toBe(true);
    // In a window a client may take a doubled block for a gap: then each block goes out twice at most.
    expect(doubled.resent).toBeLessThanOrEqual(options['windowsize'] === undefined ? 0 : 201);
    expect(doubled.packets).toBeLessThanOrEqual(fair * (options['windowsize'] === undefined ? 2 : 6));
  });

  it('is given up after a bounded silence, in words', () => {
    const { end, packets, tookMs } = download(contentOf(5000), {}, { lost: 1, doubled: 0, late: 0 }, 1);
    expect(end).toEqual({ kind: 'abandoned', reason: 'the client went silent at block 0 of 10' });
    expect(packets).toBeLessThanOrEqual(8);
    expect(tookMs).toBeLessThanOrEqual(30_000);
  });

  it('after a lost packet waits by the round trips seen, not for a second', () => {
    // Twenty of two thousand blocks lost in 1 ms round trips: at half a second each these would take ten seconds.
    const { received, tookMs } = download(contentOf(512 * 2000), {}, { lost: 0.005, doubled: 0, late: 0 }, 3);
    expect(received).toHaveLength(512 * 2000);
    expect(tookMs).toBeLessThan(8_000);
  });

  it('waits no longer when the clock is set back', () => {
    const link = new LossyLink({ lost: 1, doubled: 0, late: 0 }, 1);
    let offset = 0;
    const clock = { now: () => link.now() + offset, after: (delayMs: number, run: () => void) => link.after(delayMs, run) };
    const times: number[] = [];
    const transfer = new Transfer({ content: contentOf(10), terms: negotiate(new Map(), 10, LIMITS), clock, send: () => times.push(link.now()), onEnd: () => undefined });
    transfer.start();
    link.after(100, () => (offset = -3_600_000));
    link.run();
    expect(times.slice(0, 2)).toEqual([0, 500]);
  });

  it('keeps the timeout the client asked for', () => {
    const link = new LossyLink({ lost: 1, doubled: 0, late: 0 }, 1);
    const times: number[] = [];
    new Transfer({ content: contentOf(10), terms: negotiate(new Map([['timeout', '3']]), 10, LIMITS), clock: link, send: () => times.push(link.now()), onEnd: () => undefined }).start();
    link.run();
    expect(times.slice(0, 4)).toEqual([0, 3000, 6000, 9000]);
  });

  it('ends when the client says so; after a question about the size that is no failure', () => {
    const ends: TransferEnd[] = [];
    const link = new LossyLink(FAIR, 1);
    const transfer = new Transfer({ content: contentOf(10), terms: negotiate(new Map([['tsize', '0']]), 10, LIMITS), clock: link, send: () => undefined, onEnd: (end) => ends.push(end) });
    transfer.start();
    transfer.receive({ kind: 'error', code: 8, message: 'User aborted the transfer' });
    transfer.receive({ kind: 'acknowledgement', block: 0 });
    link.run();
    expect(ends).toEqual([{ kind: 'ended-by-client', message: 'User aborted the transfer', blocksTaken: 0 }]);
  });
});

describe('negotiating options', () => {
  it.each([
    [{ blksize: '9000' }, { blksize: '1468' }],
    [{ blksize: '512' }, { blksize: '512' }],
    [{ blksize: '7' }, {}],
    [{ blksize: 'abc' }, {}],
    [{ windowsize: '64' }, { windowsize: '16' }],
    [{ windowsize: '0' }, {}],
    [{ timeout: '5' }, { timeout: '5' }],
    [{ timeout: '12' }, { timeout: '12' }],
    // It would be waited for five times.
    [{ timeout: '13' }, {}],
    [{ timeout: '255' }, {}],
    [{ timeout: '256' }, {}],
    [{ tsize: '0' }, { tsize: '777' }],
    [{ multicast: '' }, {}],
  ])('%j is acknowledged as %j', (asked, acknowledged) => {
    expect(Object.fromEntries(negotiate(new Map(Object.entries(asked)), 777, LIMITS).acknowledged)).toEqual(acknowledged);
  });
});

describe('file names', () => {
  const served = ['undionly.kpxe', 'snponly.efi'];
  it.each([
    ['undionly.kpxe', { kind: 'file', name: 'undionly.kpxe' }],
    ['/undionly.kpxe', { kind: 'file', name: 'undionly.kpxe' }],
    ['\\\\UNDIONLY.KPXE', { kind: 'file', name: 'undionly.kpxe' }],
    ['52-54-00-AA-00-01\\snponly.efi', { kind: 'file', name: 'snponly.efi', mac: '52:54:00:aa:00:01' }],
    ['./52-54-00-aa-00-01//snponly.efi', { kind: 'file', name: 'snponly.efi', mac: '52:54:00:aa:00:01' }],
    ['autoexec.ipxe', { kind: 'unknown' }],
    ['52-54-00-aa-00-01/autoexec.ipxe', { kind: 'unknown' }],
    ['other/undionly.kpxe', { kind: 'unknown' }],
    ['undionly.kpxe\u00ff', { kind: 'unknown' }],
    ['%2e%2e/undionly.kpxe', { kind: 'unknown' }],
  ])('%s', (requested, expected) => {
    expect(fileOfName(requested, served)).toEqual(expected);
  });

  it.each(['../undionly.kpxe', '..\\..\\etc\\passwd', '/images/../../etc/passwd', '52-54-00-aa-00-01/../../x', '..'])('%s is refused', (requested) => {
    expect(fileOfName(requested, served).kind).toBe('refused');
  });
});

describe('packets', () => {
  const word = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), minLength: 1, maxLength: 30 });
  const options = fc.array(fc.tuple(word.map((name) => name.toLowerCase()), word), { maxLength: 4 }).map((entries) => new Map(entries));
  const packet: fc.Arbitrary<TftpPacket> = fc.oneof(
    fc.record({ kind: fc.constantFrom('read' as const, 'write' as const), file: word, mode: fc.constantFrom('octet', 'netascii'), options }),
    fc.record({ kind: fc.constant('data' as const), block: fc.nat(0xffff), data: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)) }),
    fc.record({ kind: fc.constant('acknowledgement' as const), block: fc.nat(0xffff) }),
    fc.record({ kind: fc.constant('error' as const), code: fc.nat(8), message: word }),
    fc.record({ kind: fc.constant('options' as const), options: options.filter((map) => map.size > 0) }),
  );

  it('come back from bytes as they were', () => {
    fc.assert(fc.property(packet, (original) => {
      expect(decodeTftp(encodeTftp(original))).toEqual(original);
    }));
  });

  it('never raise an exception, whatever the bytes', () => {
    fc.assert(fc.property(fc.tuple(packet, fc.array(fc.tuple(fc.nat(700), fc.nat(255)), { maxLength: 8 }), fc.nat(700)), ([original, changes, cut]) => {
      const bytes = encodeTftp(original);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const request = decodeTftp(bytes.subarray(0, cut));
      if (request?.kind === 'read') {
        fileOfName(request.file, ['undionly.kpxe']);
        negotiate(request.options, 1000, LIMITS);
      }
    }), { numRuns: 20_000 });
  });
});
