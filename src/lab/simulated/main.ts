/**
 * The lab's machines, in a process of their own so that they outlive a killed backend. Started by `environment.ts` with a
 * socket's path; ends with the process that started it, unless told to stay.
 */

import { rmdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter, type MessageConnection } from 'vscode-jsonrpc/node';
import { systemClock, systemRandom } from '../../backend/system';
import { ADDRESSES, BUILD, CUT_POWER, END, SERVING, VIEW } from './link';
import { RunningRack } from './rack';

/** Kept machines that nobody looks after any more end by themselves. */
const FORGOTTEN_MS = 60 * 60_000;

function main(argv: readonly string[]): void {
  const [socketPath, ...flags] = argv;
  if (socketPath === undefined) throw new Error('usage: lab-hosts SOCKET [--keep]');
  const keep = flags.includes('--keep');
  const connections = new Set<MessageConnection>();
  let rack: RunningRack | undefined;
  let cancelForgetting: () => void = () => undefined;

  const end = async () => {
    server.close();
    await rack?.close();
    // The folder was made for the socket; one that holds something else is somebody else's.
    await rmdir(path.dirname(socketPath)).catch(() => undefined);
    process.exit(0);
  };
  const endOrReport = () => {
    end().catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exit(1);
    });
  };
  // Whoever starts this process keeps its output: the log of every machine's screen.
  const console = (machine: string, line: string) => void process.stdout.write(`${new Date(systemClock.now()).toISOString()} ${machine}: ${line}\n`);

  const server = createServer((socket) => {
    cancelForgetting();
    const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
    connections.add(connection);
    connection.onRequest(BUILD, async (wanted) => {
      if (rack !== undefined) throw new Error('this lab has its machines already');
      rack = await RunningRack.start({ rack: wanted, clock: systemClock, random: systemRandom, console });
      return rack.addresses();
    });
    connection.onRequest(ADDRESSES, () => rack?.addresses() ?? null);
    connection.onRequest(SERVING, (ports) => {
      rack?.serve(ports);
      return null;
    });
    connection.onRequest(VIEW, () => rack?.views() ?? []);
    connection.onRequest(CUT_POWER, ({ machine }) => {
      rack?.cutPower(machine);
      return null;
    });
    connection.onRequest(END, () => {
      setImmediate(endOrReport);
      return null;
    });
    connection.onClose(() => {
      connections.delete(connection);
      connection.dispose();
      if (connections.size === 0) cancelForgetting = systemClock.after(FORGOTTEN_MS, endOrReport);
    });
    // A peer that was killed shows as a broken pipe; `onClose` follows.
    socket.on('error', () => undefined);
    connection.listen();
  });

  server.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  server.listen(socketPath, () => process.send?.('listening'));
  process.on('disconnect', () => {
    if (!keep) endOrReport();
  });
  // The terminal's Ctrl+C reaches the whole process group; the backend decides when the machines end.
  process.on('SIGINT', () => undefined);
}

main(process.argv.slice(2));
