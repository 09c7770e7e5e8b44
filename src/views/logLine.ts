/** An event as a line of the log; nothing for one that only moves a percentage. */

import type { PoolEvent, PoolSnapshot, VmState } from '../protocol';
import { hostDoes } from './looks';

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
      const { name, state, attempt, waits, cause, remedy } = event.host;
      const known = before?.hosts.find((host) => host.name === name);
      if (known?.state === state && known.attempt === attempt && known.waits === waits && known.cause === cause) return undefined;
      const again = attempt > 1 ? ` (attempt ${attempt})` : '';
      return { level: state === 'failed' ? 'error' : 'info', sentence: explained(`${name} ${hostDoes(event.host)}${again}`, cause, remedy) };
    }
    case 'vm': {
      const { name, state, host, reason, remedy } = event.vm;
      const known = before?.vms.find((vm) => vm.name === name);
      if (known?.state === state && known.host === host && known.reason === reason) return undefined;
      return { level: VM_LEVELS[state] ?? 'info', sentence: explained(`${name} ${VM_DOES[state]}${host === undefined ? '' : ` on ${host}`}`, reason, remedy) };
    }
    case 'serving':
      return { level: 'info', sentence: `Serving ${Object.entries(event.addresses).map(([what, where]) => `${what} at ${where}`).join(', ')}.` };
    case 'pool':
      // Whoever asked for the pool tells its end with more to say.
      return before?.phase === event.snapshot.phase ? undefined : { level: 'debug', sentence: `${event.snapshot.cluster} is ${PHASES[event.snapshot.phase]}.` };
  }
}

const PHASES: Readonly<Record<PoolSnapshot['phase'], string>> = { idle: 'idle', booting: 'booting', up: 'up', partly: 'partly up', stopping: 'being shut down', down: 'down' };

const VM_DOES: Readonly<Record<VmState, string>> = {
  stopped: 'is stopped',
  waiting: 'waits',
  preparing: 'is being prepared',
  starting: 'is starting',
  running: 'runs',
  unplaced: 'has no host',
  failed: 'failed',
  stopping: 'is stopping',
};

const VM_LEVELS: Readonly<Partial<Record<VmState, LogLine['level']>>> = { waiting: 'debug', unplaced: 'warn', failed: 'error' };

/** `what: cause. remedy`, each part as far as there is one. */
function explained(what: string, cause: string | undefined, remedy: string | undefined): string {
  const sentence = cause === undefined ? what : `${what}: ${cause}`;
  return remedy === undefined ? closed(sentence) : `${closed(sentence)} ${remedy}`;
}

function closed(sentence: string): string {
  return sentence.endsWith('.') ? sentence : `${sentence}.`;
}
