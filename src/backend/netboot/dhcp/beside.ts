/**
 * What another DHCP server on the network means for this one. Beside one we don't serve as `authoritative`: a machine takes
 * whichever answer comes first, so half the boots would fail in ways that nobody understands.
 *
 * One that answers the first look before we serve ends the start. One that takes longer to answer it makes us fall silent
 * until it is gone. One that turns up later, when hosts rest on our answers, is only told of: else whoever plugs in a router
 * could switch the pool's boot server off. An edit of `network.dhcp` begins that anew.
 */

import type { NetworkModel } from '../../drive/model';
import type { Log } from '../../system';
import type { FindNeighbour } from '../neighbours';

export interface OtherDhcpServer {
  /** As it calls itself (option 54). */
  readonly address: string;
  /** Undefined when it can't be known: the server is behind a router, or the system doesn't tell. */
  readonly mac?: string;
}

/** Refuses to serve as `authoritative` beside another DHCP server. */
export class OtherDhcpServerError extends Error {
  override readonly name = 'OtherDhcpServerError';

  /** `place`: of `network.dhcp`, as `BootServerOptions.placeOfDhcp` tells it. */
  constructor(
    readonly servers: readonly OtherDhcpServer[],
    place: string,
  ) {
    super(`${found(servers)}, and a machine takes whichever answer comes first: PXEN doesn't serve beside it. ${remedy(place)}`);
  }
}

function remedy(place: string): string {
  return `Switch that one off; or let it give the addresses and PXEN only the boot files: in ${place} write "dhcp: proxy"; or serve all the same: --despite-other-dhcp.`;
}

export interface BesideOptions {
  readonly mode: () => NetworkModel['dhcp'];
  /** The administrator has said to serve all the same. */
  readonly despite: boolean;
  readonly findNeighbour: FindNeighbour;
  readonly placeOfDhcp: () => Promise<string>;
  readonly log: Log;
}

/** Some routers answer machines, and no relay, as which we ask. */
const NONE_BESIDE_PROXY =
  'network.dhcp is proxy, but no DHCP server answers on this network: machines get no address, unless yours is one that passes over all but machines. Start it, or set network.dhcp to authoritative in pxen.yaml.';

const LOOK_EVERY_MS = 10 * 60_000;
/** While we are silent because of another: it may have been switched off just now. */
const LOOK_AGAIN_MS = 15_000;
const NEIGHBOUR_LIMIT_MS = 100;

export class Beside {
  readonly #options: BesideOptions;
  readonly #beforeServing: OtherDhcpServer[] = [];
  #place = '';
  /** Of the last look. */
  #mode: NetworkModel['dhcp'] | undefined;
  #serving = false;
  #firstLookIsOver = false;
  #silent = false;
  /** What isn't told again after each look. */
  readonly #told = new Set<string>();

  constructor(options: BesideOptions) {
    this.#options = options;
  }

  /** Undefined when a machine may be answered now; else why not. */
  get silentBecause(): string | undefined {
    return this.#silent && this.#refuses() ? 'another DHCP server is on the network' : undefined;
  }

  /** The drive says something else since the last look: what that found has another meaning now. */
  get isOutdated(): boolean {
    return this.#mode !== undefined && this.#mode !== this.#options.mode();
  }

  /** That a machine took another server's offer is news. */
  get shouldBeAlone(): boolean {
    return this.#options.mode() === 'authoritative';
  }

  /** Serving begins now. Throws an `OtherDhcpServerError` when what was found so far forbids it. */
  begin(): void {
    if (this.#beforeServing.length > 0 && this.#refuses()) throw new OtherDhcpServerError(this.#beforeServing, this.#place);
    this.#serving = true;
  }

  lookBegins(): void {
    if (this.isOutdated) {
      this.#firstLookIsOver = false;
      this.#told.clear();
    }
    this.#mode = this.#options.mode();
  }

  async found(address: string, sender: string): Promise<void> {
    const { findNeighbour, placeOfDhcp, log } = this.#options;
    const [neighbour, place] = await Promise.all([findNeighbour(sender, NEIGHBOUR_LIMIT_MS), placeOfDhcp()]);
    const server = { address, ...(neighbour && { mac: neighbour.mac }) };
    if (!this.#serving) {
      this.#beforeServing.push(server);
      this.#place = place;
      if (this.#refuses()) return;
    }
    const mode = this.#options.mode();
    if (mode === 'off') return;
    this.#told.delete(NONE_BESIDE_PROXY);
    if (mode === 'proxy') {
      this.#tell('info', `${found([server])} and gives the machines their addresses; PXEN adds the boot files.`);
    } else if (this.#options.despite) {
      this.#tell('warn', `${found([server])}: a machine takes whichever answer comes first. PXEN serves all the same, as it was told to.`);
    } else if (this.#firstLookIsOver && !this.#silent) {
      log('warn', `${found([server])}: a machine takes whichever answer comes first. ${remedy(place)}`);
    } else if (!this.#silent) {
      this.#silent = true;
      log('error', `${found([server])}: PXEN answers no DHCP until it is gone. ${remedy(place)}`);
    }
  }

  none(): void {
    this.#firstLookIsOver = true;
    this.#forgetAllBut(NONE_BESIDE_PROXY);
    if (this.#options.mode() === 'proxy') {
      this.#tell('warn', NONE_BESIDE_PROXY);
    }
    if (this.#silent) this.#options.log('info', 'The other DHCP server is gone: PXEN answers again.');
    this.#silent = false;
  }

  /** Asked after each look. */
  nextLookMs(): number {
    this.#firstLookIsOver = true;
    return this.silentBecause === undefined ? LOOK_EVERY_MS : LOOK_AGAIN_MS;
  }

  #tell(level: 'info' | 'warn', sentence: string): void {
    if (this.#told.has(sentence)) return;
    this.#told.add(sentence);
    this.#options.log(level, sentence);
  }

  #forgetAllBut(sentence: string): void {
    for (const told of this.#told) if (told !== sentence) this.#told.delete(told);
  }

  #refuses(): boolean {
    return this.#options.mode() === 'authoritative' && !this.#options.despite;
  }
}

function found(servers: readonly OtherDhcpServer[]): string {
  const names = servers.map(({ address, mac }) => `${address} (${mac ?? 'its MAC can\'t be seen from here'})`);
  return `${names.length === 1 ? 'Another DHCP server' : 'Other DHCP servers'}, ${names.join(' and ')}, ${names.length === 1 ? 'answers' : 'answer'} on this network`;
}
