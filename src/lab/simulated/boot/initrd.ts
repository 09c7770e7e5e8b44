/** From dom0's kernel to the hello: what the image's own initrd and start script do (src/backend/image/assets). */

import { createHash } from 'node:crypto';
import { readBootWords, type BootWord } from '../../../backend/image/bootWords';
import type { HelloRequest, HelloResponse } from '../../../backend/netboot/server';
import { fetchRest } from './http-client';
import type { MachineUnderBoot, StartedXen } from './firmware';

const FETCH_ATTEMPTS = 20;
const HELLO_ATTEMPTS = 10;
const AGAIN_MS = 300;

export interface Announced {
  readonly hostname: string;
  readonly authorizedKeys: readonly string[];
}

/** Rejects when the machine has to start over, with what it would print. */
export async function bootDom0(machine: MachineUnderBoot, xen: StartedXen, hostKey: string, damages: (content: Buffer) => Buffer): Promise<Announced> {
  const told = readTold(xen.initrd);
  if (told.mac !== machine.hardware.mac) throw new Error(`no network card has the MAC ${told.mac}`);
  machine.console(`pxen: using eth0 (${told.mac}) with address ${told.address}`);
  await machine.pause(60);
  machine.reached('kernel');
  await fetchRoot(machine, told, damages);
  await machine.pause(120);
  machine.reached('hello');
  return sayHello(machine, told, hostKey);
}

interface Told {
  readonly server: string;
  readonly mac: string;
  readonly token: string;
  readonly image: string;
  readonly rootSha256: string;
  readonly rootSize: number;
  readonly address: string;
}

function readTold(initrd: Buffer): Told {
  const words = readBootWords(initrd);
  const word = (key: BootWord): string => {
    const found = words[key];
    if (found === undefined || found === '') throw new Error(`the initrd lacks ${key}`);
    return found;
  };
  return {
    server: word('pxen.server'),
    mac: word('pxen.mac'),
    token: word('pxen.token'),
    image: word('pxen.image'),
    rootSha256: word('pxen.root.sha256'),
    rootSize: Number(word('pxen.root.size')),
    address: word('pxen.address'),
  };
}

async function fetchRoot(machine: MachineUnderBoot, told: Told, damages: (content: Buffer) => Buffer): Promise<void> {
  const uri = `${told.server}/images/${told.image}/root.squashfs?mac=${told.mac}`;
  let have: Buffer = Buffer.alloc(0);
  for (let attempt = 1; attempt <= FETCH_ATTEMPTS; attempt += 1) {
    try {
      // In two parts, so that the second is a Range request at every boot.
      if (have.length < told.rootSize / 2) have = await fetchRest(machine.cable, uri, have, Math.ceil(told.rootSize / 2), machine.signal);
      machine.reached('root');
      have = damages(await fetchRest(machine.cable, uri, have, told.rootSize, machine.signal));
      if (have.length === told.rootSize && createHash('sha256').update(have).digest('hex') === told.rootSha256) return;
      machine.console(`pxen: root.squashfs arrived damaged; fetching it anew`);
      have = Buffer.alloc(0);
    } catch (error) {
      if (machine.signal.aborted) throw error;
      machine.console(`pxen: ${error instanceof Error ? error.message : String(error)}; attempt ${attempt + 1} follows`);
    }
    await machine.pause(AGAIN_MS);
  }
  throw new Error(`${uri} could not be fetched`);
}

async function sayHello(machine: MachineUnderBoot, told: Told, hostKey: string): Promise<Announced> {
  const hello: HelloRequest = { mac: told.mac, token: told.token, hostKeys: [hostKey] };
  for (let attempt = 1; attempt <= HELLO_ATTEMPTS; attempt += 1) {
    try {
      const url = machine.cable.url(`${told.server}/hello`);
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(hello), signal: machine.signal });
      const text = await response.text();
      if (response.ok) {
        const { hostname, authorizedKeys } = JSON.parse(text) as HelloResponse;
        return { hostname, authorizedKeys };
      }
      machine.console(`pxen: ${told.server}/hello answered ${response.status}: ${text.trim().slice(0, 300)}`);
      if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429) break;
    } catch (error) {
      if (machine.signal.aborted) throw error;
      machine.console(`pxen: ${told.server}/hello doesn't answer, attempt ${attempt} of ${HELLO_ATTEMPTS}`);
    }
    await machine.pause(AGAIN_MS);
  }
  throw new Error("the boot server didn't take this host in");
}
