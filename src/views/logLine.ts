/** An event as a line of the log; nothing for one that only moves a percentage. */

import type { PoolEvent, PoolSnapshot } from '../protocol';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly sentence: string;
}

/** `before` is what was known until the event. */
export function logLine(event: PoolEvent, before: PoolSnapshot | undefined): LogLine | undefined {
  switch (event.event) {
    case 'log':
      return { level: event.level, sentence: event.sentence };
    case 'netboot':
      return { level: 'info', sentence: event.host === undefined ? event.sentence : `${event.host}: ${event.sentence}` };
    case 'host': {
      const { name, state, attempt, cause, remedy } = event.host;
      const known = before?.hosts.find((host) => host.name === name);
      if (known?.state === state && known.attempt === attempt && known.cause === cause) return undefined;
      return { level: state === 'failed' ? 'error' : 'info', sentence: line(`${name}: ${state}`, cause, remedy) };
    }
    case 'vm': {
      const { name, state, host, reason, remedy } = event.vm;
      const known = before?.vms.find((vm) => vm.name === name);
      if (known?.state === state && known.host === host && known.reason === reason) return undefined;
      const level = state === 'failed' ? 'error' : state === 'unplaced' ? 'warn' : 'info';
      return { level, sentence: line(`${name}: ${state}${host === undefined ? '' : ` on ${host}`}`, reason, remedy) };
    }
    case 'serving':
      return { level: 'info', sentence: `Serving ${Object.entries(event.addresses).map(([what, where]) => `${what} at ${where}`).join(', ')}.` };
    case 'pool':
      return before?.phase === event.snapshot.phase ? undefined : { level: 'info', sentence: `${event.snapshot.cluster}: ${event.snapshot.phase}` };
  }
}

function line(what: string, cause: string | undefined, remedy: string | undefined): string {
  return [what, cause, remedy].filter((part) => part !== undefined).join('. ');
}
