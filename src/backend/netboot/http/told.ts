/** What is told of HTTP: who asked for what, what it got, why not; limited, so that no flood fills the log. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Log } from '../../system';
import { createAllowance } from '../allowance';
import type { Asker } from '../answers/asker';
import { createRepeatFilter } from '../repeats';
import type { NetbootEvent } from '../server';
import { printable } from '../printable';
import { refuse } from './respond';

/**
 * What a host did is heard by the pool as well, which goes by it: so the same isn't let through again for just as long as iPXE
 * waits before it asks anew (each of its tries counts), and what begins another boot is never the same.
 */
const SAME_OF_HOST_MS = 5_000;
/**
 * A boot is some sixty events. Beyond these a host's are passed over, or what is done in its name; the pool then still hears two
 * a second, which shows it that the host lives. A hello isn't counted: it takes a token, which nobody can make up.
 */
const OF_ONE_HOST = { burst: 256, perSecond: 2 };
/** As many as DHCP tells of machines that aren't on the drive: addresses and MACs can be made up. */
const OF_OTHERS = { burst: 64, perSecond: 1 };

export interface HttpTellingOptions {
  readonly onEvent: (event: NetbootEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export class HttpTelling {
  readonly #options: HttpTellingOptions;
  readonly #isNewsOfHost: (sentence: string) => boolean;
  // Each remembers so many: what others say must not push out what hosts were refused.
  readonly #firstOfHost: (sentence: string) => boolean;
  readonly #firstOfOther: (sentence: string) => boolean;
  readonly #mayTellOfOther: () => boolean;
  /** By host, proven and not: who speaks in its name takes nothing from what it does itself. */
  readonly #mayTellOfHost = new Map<string, () => boolean>();

  constructor(options: HttpTellingOptions) {
    const { clock } = (this.#options = options);
    this.#isNewsOfHost = createRepeatFilter(clock, SAME_OF_HOST_MS);
    this.#firstOfHost = createRepeatFilter(clock);
    this.#firstOfOther = createRepeatFilter(clock);
    this.#mayTellOfOther = createAllowance(clock, OF_OTHERS.burst, OF_OTHERS.perSecond);
  }

  /** `boot` tells one boot of a host from the next: its token. */
  tell(asker: Asker, event: NetbootEvent, boot = ''): void {
    if (asker.kind === 'host' ? this.#isToldOfHost(asker, event, boot) : this.#isToldOfOther(event.sentence)) this.#options.onEvent(event);
  }

  /** For those who look closely: what changes nothing. */
  tellQuietly(sentence: string): void {
    if (this.#firstOfOther(sentence)) this.#options.log('debug', sentence);
  }

  tellTrouble(sentence: string): void {
    if (this.#firstOfHost(sentence)) this.#options.log('error', sentence);
  }

  /** Refuses in words, and tells of it. */
  refuse(request: IncomingMessage, response: ServerResponse, asker: Asker, status: number, reason: string, headers?: Readonly<Record<string, string>>): void {
    const sentence = `${asker.name} was refused ${what(request)} over HTTP (${status}): ${reason.replace(/\.$/, '')}`;
    this.tell(asker, { kind: 'refused', ...namesOf(asker), sentence });
    refuse(request, response, status, reason, headers);
  }

  #isToldOfHost({ host, isProven }: Extract<Asker, { kind: 'host' }>, { kind, sentence }: NetbootEvent, boot: string): boolean {
    if (!(kind === 'refused' ? this.#firstOfHost(sentence) : this.#isNewsOfHost(`${boot} ${sentence}`))) return false;
    if (kind === 'hello') return true;
    const key = `${host.name} ${isProven}`;
    let mayTell = this.#mayTellOfHost.get(key);
    if (!mayTell) this.#mayTellOfHost.set(key, (mayTell = createAllowance(this.#options.clock, OF_ONE_HOST.burst, OF_ONE_HOST.perSecond)));
    return mayTell();
  }

  #isToldOfOther(sentence: string): boolean {
    if (!this.#firstOfOther(sentence)) return false;
    if (this.#mayTellOfOther()) return true;
    const many = 'Very much is asked over HTTP by machines that are no hosts of the drive, or from addresses that are not theirs: not all of it is told';
    if (this.#firstOfHost(many)) this.#options.log('warn', many);
    return false;
  }
}

/** Whom an event is about. Of who isn't the host that it claims to be, the host. */
export function namesOf(asker: Asker): { readonly mac?: string; readonly host?: string } {
  const named = asker.kind === 'host' ? asker : asker.claims;
  return named ? { mac: named.mac, host: named.host.name } : {};
}

/** `GET /boot/…`, without the query, which may hold a token. */
export function what(request: IncomingMessage): string {
  return printable(`${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''}`);
}
