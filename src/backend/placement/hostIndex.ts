/**
 * Hosts in the order of their load, for pools too large to look at every host for every VM: lists of hosts by whole hundredths of load,
 * linked through arrays so that a change costs nothing.
 */

import { at } from './packing';
import { loadSteps, LOAD_STEPS } from './problem';

const LISTS = LOAD_STEPS + 1;
const NONE = -1;

export class HostIndex {
  private readonly first = new Int32Array(LISTS).fill(NONE);
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private readonly listOf: Int32Array;

  constructor(hostCount: number) {
    this.next = new Int32Array(hostCount).fill(NONE);
    this.previous = new Int32Array(hostCount).fill(NONE);
    this.listOf = new Int32Array(hostCount).fill(NONE);
    for (let host = hostCount - 1; host >= 0; host--) this.link(host, 0);
  }

  /** `load` in ten-thousandths. */
  update(host: number, load: number): void {
    const list = Math.min(LISTS - 1, loadSteps(load));
    if (list === at(this.listOf, host)) return;
    this.unlink(host);
    this.link(host, list);
  }

  /** Calls for each host until the callback returns false: the least loaded first, or the fullest. */
  visit(order: 'least first' | 'fullest first', each: (host: number) => boolean): void {
    for (let step = 0; step < LISTS; step++) {
      const list = order === 'least first' ? step : LISTS - 1 - step;
      for (let host = at(this.first, list); host !== NONE; host = at(this.next, host)) if (!each(host)) return;
    }
  }

  private link(host: number, list: number): void {
    const head = at(this.first, list);
    this.next[host] = head;
    this.previous[host] = NONE;
    if (head !== NONE) this.previous[head] = host;
    this.first[list] = host;
    this.listOf[host] = list;
  }

  private unlink(host: number): void {
    const [before, after] = [at(this.previous, host), at(this.next, host)];
    if (before === NONE) this.first[at(this.listOf, host)] = after;
    else this.next[before] = after;
    if (after !== NONE) this.previous[after] = before;
  }
}
