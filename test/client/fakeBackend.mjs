/**
 * Speaks the backend's side of src/protocol.ts over standard input and output. What it does is asked for by the drive's name:
 * `/good` comes up, `/endless` boots until it is cancelled, `/crash` dies in the middle, `/elevation-…` gets no ports; any other is refused.
 */

import { createMessageConnection, ResponseError, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node.js';

const AT = '2026-01-02T03:04:05.000Z';
const connection = createMessageConnection(new StreamMessageReader(process.stdin), new StreamMessageWriter(process.stdout));

const host = (state, percent) => ({ name: 'node1', address: '10.0.0.1', state, percent, since: AT, attempt: 1, arrays: [] });
const snapshot = (phase, ...hosts) => ({ cluster: 'fake', phase, at: AT, hosts, vms: [] });
const tell = (event) => connection.sendNotification('pool/event', event);

let last = snapshot('idle', host('off', 0));

connection.onRequest('pool/boot', async ({ drive }, cancellation) => {
  last = snapshot('booting', host('waking', 5));
  switch (drive) {
    case '/good':
      await new Promise((resolve) => setTimeout(resolve));
      await tell({ event: 'host', at: AT, host: host('kernel', 40) });
      await tell({ event: 'host', at: AT, host: host('ssh', 90) });
      last = snapshot('up', host('ready', 100));
      return { exitCode: 0, snapshot: last };
    case '/endless':
      return new Promise((_, reject) => {
        const end = () => {
          last = snapshot('partly', host('off', 0));
          reject(new ResponseError(-32800, 'cancelled'));
        };
        // A token that was cancelled before anyone listened never calls back.
        if (cancellation.isCancellationRequested) end();
        else cancellation.onCancellationRequested(end);
      });
    case '/crash':
      process.stderr.write('first line\nEADDRINUSE: port 67 is taken\n', () => process.exit(7));
      return new Promise(() => {});
    case '/elevation-dismissed':
    case '/elevation-refused':
      throw new ResponseError(-32803, 'No ports.', { code: drive.slice(1) });
    default:
      throw new ResponseError(-32001, `${drive} has no pxen.yaml.`);
  }
});
connection.onRequest('pool/status', () => last);
connection.onRequest('pool/down', () => ({ exitCode: 0, snapshot: snapshot('down', host('off', 0)) }));
connection.onRequest('pool/wake', ({ hosts }) => ({ woken: hosts }));
connection.onRequest('backend/stop', () => {
  setTimeout(() => process.exit(0));
  return null;
});
connection.onClose(() => process.exit(0));
connection.listen();
