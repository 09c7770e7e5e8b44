/** DNS messages on a connection: each after its length in two octets (RFC 1035 §4.2.2). */

import type net from 'node:net';

/** An idle client is let go after this, and so is one that sends its question slower (RFC 7766 §6.2.3). */
const IDLE_MS = 10_000;
/** Questions asked before the first is answered. */
const MOST_AT_ONCE = 16;

/** `resolve` never rejects; undefined ends the connection. Answers go back as they come, whatever the order of the questions. */
export function serveTcp(client: net.Socket, resolve: (bytes: Buffer) => Promise<Buffer | undefined>): void {
  let received = Buffer.alloc(0);
  let underWay = 0;
  client.setTimeout(IDLE_MS, () => client.destroy());
  // A client that goes away in the middle is no trouble of ours; `close` follows.
  client.on('error', () => client.destroy());
  const answer = async (question: Buffer) => {
    underWay += 1;
    const reply = await resolve(question);
    underWay -= 1;
    if (client.destroyed) return;
    if (!reply) {
      client.destroy();
      return;
    }
    const length = Buffer.alloc(2);
    length.writeUInt16BE(reply.length);
    client.write(Buffer.concat([length, reply]));
    takeNext();
  };
  const takeNext = () => {
    while (underWay < MOST_AT_ONCE && received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const question = received.subarray(2, end);
      received = received.subarray(end);
      void answer(question);
    }
    // What it sends meanwhile waits in the system's buffer, and then at the client.
    if (underWay >= MOST_AT_ONCE) client.pause();
    else client.resume();
  };
  client.on('data', (part) => {
    received = Buffer.concat([received, part]);
    takeNext();
  });
}
