/** One factory for each thing that can go wrong between window and backend, told as the administrator will read it. */

import type { OtherDhcpServerData } from './protocol';

import type { NoPortsData } from './protocol';

export type ClientErrorCode = 'cancelled' | 'backend-not-started' | 'backend-died' | NoPortsData['code'];

export class ClientError extends Error {
  override readonly name = 'ClientError';

  constructor(
    readonly code: ClientErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** A request that the backend refused for want of root's ports, in its own words (`NoPortsData`). */
export function noPorts(code: NoPortsData['code'], message: string): ClientError {
  return new ClientError(code, message);
}

/** By name, not by class: the client is a bundle of its own, and its `ClientError` another class than the extension's. */
export function hasClientErrorCode(error: unknown, code: ClientErrorCode): boolean {
  return error instanceof Error && error.name === 'ClientError' && 'code' in error && error.code === code;
}

/** The servers for which the backend refuses to boot; undefined for any other error. By its data, for it came through JSON-RPC. */
export function otherDhcpServers(error: unknown): OtherDhcpServerData['servers'] | undefined {
  if (!(error instanceof Error) || !('data' in error)) return undefined;
  const data = error.data as OtherDhcpServerData | undefined;
  return data?.code === 'other-dhcp-server' ? data.servers : undefined;
}

/** The caller's signal ended a request. */
export function cancelled(): ClientError {
  return new ClientError('cancelled', 'Cancelled.');
}

export function backendNotStarted(cause: Error): ClientError {
  return new ClientError('backend-not-started', `PXEN's backend could not be started: ${cause.message}.`);
}

/** `how` completes a sentence, for instance "it ended with exit code 1". */
export function backendDied(how: string, lastLines: readonly string[]): ClientError {
  const said = lastLines.length === 0 ? '' : ` Its last words: ${lastLines.join(' ⏎ ')}`;
  return new ClientError('backend-died', `PXEN's backend is gone: ${how}. VMs that run keep running.${said}`);
}
