/** Small answers of the HTTP server. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseIpv4 } from '../ipv4';

export interface TextAnswer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a whole text; a HEAD gets its headers. */
export function respond(request: IncomingMessage, response: ServerResponse, { status, text, type = 'text/plain; charset=utf-8', headers = {} }: TextAnswer): void {
  const body = Buffer.from(text);
  response.writeHead(status, { ...headers, 'Content-Type': type, 'Content-Length': body.length, 'Cache-Control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** A refusal, in words. */
export function refuse(request: IncomingMessage, response: ServerResponse, status: number, reason: string, headers: Readonly<Record<string, string>> = {}): void {
  respond(request, response, { status, text: `${reason}\n`, headers });
}

/**
 * Who asks, as an IPv4 address; behind a proxy, whom the proxy says it asks for. It is on this machine: anybody else who reached
 * the port could write what they like.
 */
export function addressOfClient(request: IncomingMessage, behindProxy: boolean): string | undefined {
  const { remoteAddress, localAddress } = request.socket;
  const told = behindProxy && remoteAddress === localAddress ? request.headers['x-real-ip'] : undefined;
  return typeof told === 'string' && parseIpv4(told) !== undefined ? told : remoteAddress?.replace(/^::ffff:/, '');
}
