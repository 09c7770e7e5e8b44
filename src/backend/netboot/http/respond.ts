/** Small answers of the HTTP server. */

import type { IncomingMessage, ServerResponse } from 'node:http';

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
