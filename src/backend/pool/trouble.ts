/** Errors, as the machine takes them. */

import { HostError } from '../hosts/errors';
import type { Trouble } from './machine';

export function troubleOf(error: unknown): Trouble {
  if (error instanceof HostError) return { reason: error.sentence, remedy: error.remedy };
  return { reason: error instanceof Error ? error.message : String(error) };
}

/** Something answers at the host's address, but it isn't the host as it was pinned, or doesn't let the pool in. */
export function isStranger(error: unknown): boolean {
  return error instanceof HostError && (error.kind === 'host-key' || error.kind === 'login');
}
