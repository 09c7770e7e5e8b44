/** Shows a pool while it changes: redrawn lines on a terminal, a sentence a change elsewhere, or one event a line for machines. */

import type { HostStatus, PoolEvent, VmStatus } from '../../protocol';
import type { VerbIo } from './io';
import { eventSentence, hostSentence } from './poolText';

export interface PoolView {
  readonly onEvent: (event: PoolEvent) => void;
  /** Takes the redrawn lines away, so that what follows stands alone. */
  close(): void;
}

export function openPoolView({ json }: { readonly json: boolean }, io: VerbIo): PoolView {
  if (json) return { onEvent: (event) => io.out(`${JSON.stringify(event)}\n`), close: () => undefined };
  return io.interactive ? new LiveView(io) : new PlainView(io);
}

/** A sentence when something has come a step further; percentages are for those who watch. */
class PlainView implements PoolView {
  private readonly told = new Map<string, string>();

  constructor(private readonly io: VerbIo) {}

  readonly onEvent = (event: PoolEvent): void => {
    const sentence = eventSentence(event);
    if (sentence === undefined || event.event === 'pool') return;
    if (event.event === 'vm' && event.vm.state === 'waiting') return;
    const key = event.event === 'host' ? `host ${event.host.name}` : event.event === 'vm' ? `vm ${event.vm.name}` : undefined;
    if (key !== undefined && this.told.get(key) === sentence) return;
    if (key !== undefined) this.told.set(key, sentence);
    this.io.err(`${event.at.slice(11, 19)} ${sentence}\n`);
  };

  close(): void {
    this.told.clear();
  }
}

const BAR = 20;
const UP = (lines: number) => `\u001b[${lines}A`;
const CLEAR_BELOW = '\u001b[0J';

/** A line for each host and one for the VMs, redrawn in place; troubles and logs scroll by above. */
class LiveView implements PoolView {
  private readonly hosts = new Map<string, HostStatus>();
  private readonly vms = new Map<string, VmStatus>();
  private drawn = 0;

  constructor(private readonly io: VerbIo) {}

  readonly onEvent = (event: PoolEvent): void => {
    switch (event.event) {
      case 'host':
        this.hosts.set(event.host.name, event.host);
        break;
      case 'vm':
        this.vms.set(event.vm.name, event.vm);
        break;
      case 'pool':
        for (const host of event.snapshot.hosts) this.hosts.set(host.name, host);
        for (const vm of event.snapshot.vms) this.vms.set(vm.name, vm);
        break;
      case 'log':
      case 'serving':
      case 'netboot': {
        const sentence = eventSentence(event);
        if (sentence === undefined) return;
        this.erase();
        this.io.err(`${sentence}\n`);
      }
    }
    this.redraw();
  };

  close(): void {
    this.erase();
  }

  private redraw(): void {
    const width = Math.max(0, ...[...this.hosts.keys()].map((name) => name.length));
    const lines = [...this.hosts.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map((host) => `${host.name.padEnd(width)} ${bar(host.percent)} ${hostSentence(host).slice(host.name.length + 1)}`);
    if (this.vms.size > 0) lines.push(this.vmLine());
    this.erase();
    this.io.err(lines.map((line) => `${line.slice(0, this.columns())}\n`).join(''));
    this.drawn = lines.length;
  }

  private vmLine(): string {
    const counts = new Map<string, number>();
    for (const { state } of this.vms.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return `VMs: ${[...counts].map(([state, count]) => `${count} ${state}`).join(', ')}`;
  }

  private erase(): void {
    if (this.drawn > 0) this.io.err(UP(this.drawn) + CLEAR_BELOW);
    this.drawn = 0;
  }

  /** A line that wraps would be redrawn in the wrong place. */
  private columns(): number {
    return Number(this.io.env['COLUMNS'] ?? '') || 100;
  }
}

function bar(percent: number): string {
  const full = Math.round((BAR * percent) / 100);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}]`;
}
