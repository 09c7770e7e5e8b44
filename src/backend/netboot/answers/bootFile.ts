/** Which boot file a client gets, and why. Pure. */

import { tftpNameFor } from '../tftp/names';
import { ARCHITECTURE_WORDS, type Client } from './client';
import { httpBase, type ServerFacts } from './facts';

/** `words` completes "gets …" in the sentences. */
export type BootFile =
  | { readonly kind: 'file'; readonly file: string; readonly words: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly reason: string };

/** The files that firmware asks for by TFTP (or, with UEFI HTTP boot, by URL). Everything later goes over HTTP. */
export const LOADERS = { bios: 'undionly.kpxe', x64: 'snponly.efi', x64OwnDrivers: 'ipxe.efi' } as const;

/**
 * Plain firmware gets iPXE; iPXE gets the host's script. Debian's iPXE can't be told from a network card's by a user
 * class of our own, so the loop is broken by what it can do: one that has HTTP, and Multiboot where BIOS needs it for
 * Xen, goes to the script; a poorer one is chained once into Debian's, which has both.
 */
export function bootFileFor(client: Client, facts: ServerFacts): BootFile {
  if (client.kind === 'os') return { kind: 'none' };
  const loader = loaderFor(client);
  if (loader === undefined) {
    return { kind: 'refused', reason: `its firmware is ${ARCHITECTURE_WORDS[client.architecture]}, and boot images are for x64 machines only` };
  }
  if (client.kind === 'ipxe' && canRunScript(client)) {
    const url = `${httpBase(facts)}/boot/${client.mac}.ipxe`;
    return { kind: 'file', file: url, words: `its boot script ${url}` };
  }
  if (client.fetches === 'http') {
    const url = `${httpBase(facts)}/images/${facts.image}/${loader}?mac=${client.mac}`;
    return { kind: 'file', file: url, words: `${loader} over HTTP` };
  }
  const why = client.kind === 'ipxe' ? ` (its own iPXE lacks ${client.features.http ? 'Multiboot' : 'HTTP'})` : '';
  return { kind: 'file', file: tftpNameFor(client.mac, loader), words: `${loader} over TFTP${why}` };
}

function canRunScript(client: Client): boolean {
  return client.features.http && (client.architecture !== 'bios' || client.features.multiboot);
}

/** `snponly.efi` uses the firmware's own network driver, which has just shown that it works on this card. */
function loaderFor(client: Client): string | undefined {
  switch (client.architecture) {
    case 'bios':
      return LOADERS.bios;
    case 'x64':
      return LOADERS.x64;
    default:
      return undefined;
  }
}
