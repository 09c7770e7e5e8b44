/** One DHCP request, with all that its answer depends on; and the answer. Types, and the words both are told in. */

import type { HostModel, PoolModel } from '../../drive/model';
import type { DhcpMessage } from '../dhcp/codec';
import type { MessageType } from '../dhcp/options';
import type { BootFile } from './bootFile';
import { ARCHITECTURE_WORDS, type Client } from './client';
import type { ServerFacts } from './facts';
import type { LeaseChange, Leases } from './leases';

export interface DhcpFacts extends ServerFacts {
  /** Which of our two ports it came in at; `pxe` is 4011, where firmware asks a proxy for its boot file. */
  readonly port: 'dhcp' | 'pxe';
  /** What is lent of the range for strangers. Absent: nothing yet. */
  readonly lending?: { readonly leases: Leases; readonly nowMs: number };
}

interface AnswerBase {
  /** A plain sentence without its full stop: who asked for what, and what came of it. */
  readonly sentence: string;
  /** Present where a host's machine asked. */
  readonly host?: HostModel | undefined;
  /** To be carried out before the reply is sent: what the answer takes from the range, or gives back to it. */
  readonly lease?: LeaseChange;
}

export interface DhcpReply extends AnswerBase {
  readonly kind: 'reply';
  readonly message: DhcpMessage;
  readonly client: Client;
  /** The boot file in it, if any. */
  readonly bootFile?: string | undefined;
}

export interface DhcpSilence extends AnswerBase {
  readonly kind: 'silence';
  /** `quiet`: somebody else's business; `notable`: something the administrator may want to know. */
  readonly interest: 'quiet' | 'notable';
  readonly client?: Client | undefined;
  /** An address that is in use twice: who else has it, is worth finding out. */
  readonly disputed?: string;
}

export type DhcpAnswer = DhcpReply | DhcpSilence;

export interface Exchange {
  readonly model: PoolModel;
  readonly request: DhcpMessage;
  readonly facts: DhcpFacts;
  readonly type: MessageType;
  readonly client: Client;
  /** Undefined for a machine that isn't on the drive. */
  readonly host: HostModel | undefined;
  /** The machine in sentences: `node1 (52:54:00:aa:00:01)`. */
  readonly name: string;
  readonly boot: BootFile;
}

export function silence(interest: DhcpSilence['interest'], sentence: string, exchange?: Exchange): DhcpSilence {
  return { kind: 'silence', interest, sentence, client: exchange?.client, host: exchange?.host };
}

/** The machine and its firmware, as a sentence begins: `node1 (…), x64 UEFI,`. */
export function clientWords({ client, name }: Exchange): string {
  switch (client.kind) {
    case 'os':
      return name;
    case 'ipxe':
      return `${name}, iPXE on ${ARCHITECTURE_WORDS[client.architecture]},`;
    default:
      return `${name}, ${ARCHITECTURE_WORDS[client.architecture]}${client.fetches === 'http' ? ' HTTP boot' : ''},`;
  }
}

export function bootWords(boot: BootFile, joint = ' and'): string {
  switch (boot.kind) {
    case 'file':
      return `${joint} ${boot.words}`;
    case 'refused':
      return `, but no boot file: ${boot.reason}`;
    case 'none':
      return '';
  }
}
