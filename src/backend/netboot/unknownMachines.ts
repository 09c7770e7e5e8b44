/** Remembers on the drive which machines ask without being on it, so that one of them can be made a host without copying its MAC. */

import type { UnknownMachine } from '../../protocol';
import { readUnknownMachines, writeUnknownMachines } from '../drive/unknownMachines';
import type { Clock } from '../system';
import { ARCHITECTURE_WORDS, type Client } from './answers/client';

export interface UnknownMachines {
  /** Returns at once; what is heard reaches the drive in its time. */
  heard(client: Client): void;
  /** Resolves when everything heard is on the drive. */
  close(): Promise<void>;
}

/** However many there are, or pretend to be. */
const MOST_REMEMBERED = 256;
/** A drive is written for a machine that was never heard before, or never to boot so, though not for each of a flood; and for the rest now and then. */
const NEW_AFTER_MS = 1_000;
const NEXT_NEW_AFTER_MS = 15_000;
const REPEATED_AFTER_MS = 600_000;

/** A file that is damaged or can't be read is told of and begun anew: it is only a memory. */
export async function openUnknownMachines(stateFolder: string, clock: Clock, onTrouble: (sentence: string) => void): Promise<UnknownMachines> {
  const machines = new Map((await remembered(stateFolder, onTrouble)).map((machine) => [machine.mac, machine]));
  let isWritten = true;
  let writtenAt = -Infinity;
  let due = Infinity;
  let cancel: () => void = () => undefined;
  let writing = Promise.resolve();

  const write = () => {
    due = Infinity;
    cancel();
    if (isWritten) return;
    isWritten = true;
    writtenAt = clock.now();
    const content = [...machines.values()];
    writing = writing
      .then(() => writeUnknownMachines(stateFolder, content))
      .catch((error: unknown) => {
        isWritten = false;
        onTrouble(`Which unknown machines were heard can't be written to the drive: ${(error as Error).message}`);
      });
  };
  const writeBy = (time: number) => {
    if (time >= due) return;
    due = time;
    cancel();
    cancel = clock.after(Math.max(0, time - clock.now()), write);
  };
  return {
    heard: (client) => {
      const now = clock.now();
      const known = machines.get(client.mac);
      const machine = machineOf(client, known, new Date(now).toISOString());
      machines.delete(client.mac);
      machines.set(client.mac, machine);
      if (machines.size > MOST_REMEMBERED) machines.delete(leastWorth(machines.values()));
      isWritten = false;
      const isNews = known?.wants !== machine.wants || known.architecture !== machine.architecture;
      writeBy(isNews ? Math.max(now + NEW_AFTER_MS, writtenAt + NEXT_NEW_AFTER_MS) : Math.max(now, writtenAt) + REPEATED_AFTER_MS);
    },
    close: () => {
      write();
      return writing;
    },
  };
}

/** Firmware that turns into an operating system on its way up goes on counting as one that boots. */
function machineOf(client: Client, known: UnknownMachine | undefined, now: string): UnknownMachine {
  const boots = client.kind !== 'os';
  const { architecture, vendorClass } = boots ? { architecture: ARCHITECTURE_WORDS[client.architecture], vendorClass: client.vendorClass } : { architecture: known?.architecture, vendorClass: known?.vendorClass ?? client.vendorClass };
  return {
    mac: client.mac,
    wants: boots || known?.wants === 'boot' ? 'boot' : 'address',
    ...(architecture !== undefined && { architecture }),
    ...(vendorClass !== '' && { vendorClass }),
    firstSeen: known?.firstSeen ?? now,
    lastSeen: now,
    count: (known?.count ?? 0) + 1,
  };
}

/** Phones and printers before machines that boot; of those the one that was silent longest. In the order they were heard last. */
function leastWorth(machines: Iterable<UnknownMachine>): string {
  const all = [...machines];
  return (all.find(({ wants }) => wants === 'address') ?? all[0])?.mac ?? '';
}

async function remembered(stateFolder: string, onTrouble: (sentence: string) => void): Promise<readonly UnknownMachine[]> {
  try {
    return [...(await readUnknownMachines(stateFolder))].reverse();
  } catch (error) {
    onTrouble((error as Error).message);
    return [];
  }
}
