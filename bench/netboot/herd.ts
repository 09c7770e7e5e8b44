/** Many machines that boot at once, each with an address of its own, in a process of their own at the other end of a cable. */

import dgram from 'node:dgram';
import http from 'node:http';
import { formatIpv4 } from '../../src/backend/netboot/ipv4';
import { systemClock } from '../../src/backend/system';
import { FirmwareTftp } from '../../test/netboot/firmwareTftp';
import { Luck } from '../../test/netboot/weather';
import { FIRST_ADDRESS, macOfHost } from './ourServer';

export interface Herd {
  readonly server: string;
  readonly tftpPort: number;
  readonly httpPort: number;
  readonly machines: number;
  /** By TFTP. */
  readonly loader: string;
  readonly loaderBytes: number;
  /** A path, over HTTP. */
  readonly image: string;
  readonly imageBytes: number;
}

export interface HerdResult {
  /** Which gave up, and why; all else is of the others. */
  readonly lost: readonly string[];
  /** From the first machine's start until the last has its loader, half of them their image, and all. */
  readonly loadersMs: number;
  readonly halfMs: number;
  readonly allMs: number;
  /** Longest time without a byte while a file was being sent. */
  readonly longestSilenceMs: number;
}

const BLOCK_BYTES = 1428;
const WINDOW = 4;
const WEATHER = { lost: 0.01, doubled: 0.01, late: 0.01 };
const LATE_MS = 5;
/** Firmware takes its time to the second. */
const WITHIN_MS = 1_000;
/** busybox's wget gives up after so long without a byte, and the script around it asks again after a pause. */
const WGET_SILENCE_MS = 20_000;
const SCRIPT_PAUSE_MS = 8_000;
const SCRIPT_TRIES = 60;

export async function herdIfAsked(): Promise<boolean> {
  const [word, json] = process.argv.slice(2);
  if (word !== 'herd' || json === undefined) return false;
  process.stdout.write(JSON.stringify(await boot(JSON.parse(json) as Herd)));
  return true;
}

async function boot(herd: Herd): Promise<HerdResult> {
  const start = performance.now();
  const machines = await Promise.all(Array.from({ length: herd.machines }, async (_, index) => {
    await pause((index * 7919) % WITHIN_MS);
    const address = formatIpv4(FIRST_ADDRESS + index);
    try {
      const byTftp = await loadByTftp(herd, address, index);
      const loadedMs = performance.now() - start;
      const byHttp = await fetchImage(herd, address, macOfHost(index));
      return { loadedMs, allMs: performance.now() - start, longestSilenceMs: Math.max(byTftp, byHttp) };
    } catch (error) {
      return `machine ${index}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }));
  const done = machines.filter((machine) => typeof machine !== 'string');
  const sorted = done.map(({ allMs }) => allMs).sort((one, other) => one - other);
  return {
    lost: machines.filter((machine) => typeof machine === 'string'),
    loadersMs: Math.max(...done.map(({ loadedMs }) => loadedMs)),
    halfMs: sorted[sorted.length >> 1] ?? Infinity,
    allMs: sorted.at(-1) ?? Infinity,
    longestSilenceMs: Math.max(...done.map(({ longestSilenceMs }) => longestSilenceMs)),
  };
}

/** Half of them in lock step, half with windows. Resolves with the longest silence, ms. */
function loadByTftp({ server, tftpPort, loader, loaderBytes }: Herd, address: string, index: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    const luck = new Luck(WEATHER, index);
    const carry = (deliver: () => void) => {
      for (const copy of luck.copies()) {
        if (copy === 'prompt') deliver();
        else setTimeout(deliver, LATE_MS);
      }
    };
    let isOpen = true;
    let port = tftpPort;
    const send = (bytes: Buffer, to: number) => carry(() => isOpen && socket.send(bytes, to, server));
    const rom = new FirmwareTftp({
      file: loader,
      blockBytes: BLOCK_BYTES,
      windowSize: index % 2 === 0 ? undefined : WINDOW,
      clock: systemClock,
      ask: (request) => send(request, tftpPort),
      acknowledge: (acknowledgement) => send(acknowledgement, port),
      onLoaded: () => {
        const bytes = rom.parts.reduce((sum, part) => sum + part.length, 0);
        // What is late is still sent, and the server's repetitions answered, as a ROM does for a while.
        setTimeout(() => {
          isOpen = false;
          socket.close();
        }, 10 * LATE_MS);
        if (bytes === loaderBytes) resolve(rom.longestGapMs);
        else reject(new Error(`got ${bytes} bytes of its loader`));
      },
      onGivenUp: (why) => reject(new Error(why)),
    });
    socket.on('message', (bytes, from) => carry(() => {
      port = from.port;
      rom.receive(bytes);
    }));
    socket.once('error', reject);
    socket.bind(0, address, () => rom.ask());
  });
}

/** Resolves with the longest silence once its turn has come, ms. */
async function fetchImage(herd: Herd, address: string, mac: string): Promise<number> {
  for (let tries = 0; tries < SCRIPT_TRIES; tries += 1) {
    const silence = await fetchOnce(herd, address, mac);
    if (silence !== undefined) return silence;
    await pause(SCRIPT_PAUSE_MS);
  }
  throw new Error('its image was not to be had');
}

/** undefined when it is to ask again. */
function fetchOnce({ server, httpPort, image, imageBytes }: Herd, address: string, mac: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: server, port: httpPort, localAddress: address, path: `${image}?mac=${mac}`, headers: { 'user-agent': 'Wget' }, agent: false, timeout: WGET_SILENCE_MS }, (response) => {
      let bytes = 0;
      let heardAtMs = performance.now();
      let longestMs = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        const now = performance.now();
        longestMs = Math.max(longestMs, now - heardAtMs);
        heardAtMs = now;
      });
      response.once('end', () => {
        if (response.statusCode === 503) resolve(undefined);
        else if (bytes === imageBytes) resolve(longestMs);
        else reject(new Error(`${response.statusCode ?? 0}: ${bytes} bytes of its image`));
      });
      response.once('error', () => resolve(undefined));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
  });
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
