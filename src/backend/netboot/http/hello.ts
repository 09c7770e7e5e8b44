/** `POST /hello`: the body, its limits and its shape. */

import type { IncomingMessage } from 'node:http';
import type { HelloRequest } from '../server';

const LARGEST_BODY = 64 << 10;
const MOST_KEYS = 16;

export type HelloBody = { readonly hello: HelloRequest } | { readonly status: 400 | 413; readonly reason: string };

/** Rejects only when the connection breaks. */
export async function readHello(request: IncomingMessage): Promise<HelloBody> {
  const parts: Buffer[] = [];
  let length = 0;
  // Leaving the loop early must not destroy the connection: the refusal goes back on it.
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > LARGEST_BODY) return { status: 413, reason: `The body is larger than ${LARGEST_BODY} bytes.` };
    parts.push(part);
  }
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    return { status: 400, reason: 'The body is not JSON.' };
  }
  return parseHello(body) ?? { status: 400, reason: 'The body must be {"mac", "token", "hostKeys": ["ssh-ed25519 …"]}.' };
}

function parseHello(body: unknown): { readonly hello: HelloRequest } | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { mac, token, hostKeys } = body as Record<string, unknown>;
  if (typeof mac !== 'string' || typeof token !== 'string' || !Array.isArray(hostKeys)) return undefined;
  if (hostKeys.length === 0 || hostKeys.length > MOST_KEYS || !hostKeys.every(isPublicKey)) return undefined;
  return { hello: { mac: mac.toLowerCase(), token, hostKeys } };
}

/** One line of OpenSSH's public key format (sshd(8), AUTHORIZED_KEYS), without options. */
function isPublicKey(value: unknown): value is string {
  return typeof value === 'string' && /^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [^\r\n]*)?$/.test(value);
}
