import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { CancellationTokenSource, createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { serveConnection, type BackendHandlers } from '../../src/backend/pool/rpc';

it('ends a request whose cancelling arrives together with it', async () => {
  const [toBackend, fromBackend] = [new PassThrough(), new PassThrough()];
  const refuse = () => Promise.reject(new Error('not asked for here'));
  const handlers: BackendHandlers = {
    'pool/boot': (_, signal) =>
      new Promise((_resolve, reject) => {
        const end = () => reject(new Error('ended'));
        if (signal.aborted) end();
        else signal.addEventListener('abort', end);
      }),
    'pool/status': refuse,
    'pool/down': refuse,
    'pool/wake': refuse,
    'backend/stop': refuse,
  };
  const served = serveConnection(new StreamMessageReader(toBackend), new StreamMessageWriter(fromBackend), handlers, () => undefined);
  const window = createMessageConnection(new StreamMessageReader(fromBackend), new StreamMessageWriter(toBackend));
  window.listen();
  onTestFinished(async () => {
    window.dispose();
    await served.end();
  });
  const source = new CancellationTokenSource();
  const request = window.sendRequest('pool/boot', { drive: '/drive', target: 'simulated' }, source.token);
  source.cancel();
  await expect(request).rejects.toMatchObject({ code: -32800 });
});
