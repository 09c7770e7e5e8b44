import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { CancellationTokenSource, createMessageConnection, StreamMessageReader, StreamMessageWriter, type MessageConnection } from 'vscode-jsonrpc/node';
import { OtherDhcpServerError } from '../../src/backend/netboot/dhcp/beside';
import { otherDhcpServers } from '../../src/clientErrors';
import { serveConnection, type BackendHandlers } from '../../src/backend/pool/rpc';

const refuse = () => Promise.reject(new Error('not asked for here'));
const REFUSING: BackendHandlers = { 'pool/boot': refuse, 'pool/status': refuse, 'pool/down': refuse, 'pool/wake': refuse, 'backend/stop': refuse };

/** A window that is connected to a backend with these handlers; both end with the test. */
function connect(handlers: Partial<BackendHandlers>): MessageConnection {
  const [toBackend, fromBackend] = [new PassThrough(), new PassThrough()];
  const served = serveConnection(new StreamMessageReader(toBackend), new StreamMessageWriter(fromBackend), { ...REFUSING, ...handlers }, () => undefined);
  const window = createMessageConnection(new StreamMessageReader(fromBackend), new StreamMessageWriter(toBackend));
  window.listen();
  onTestFinished(async () => {
    window.dispose();
    await served.end();
  });
  return window;
}

it('ends a request whose cancelling arrives together with it', async () => {
  const window = connect({
    'pool/boot': (_, signal) =>
      new Promise((_resolve, reject) => {
        const end = () => reject(new Error('ended'));
        if (signal.aborted) end();
        else signal.addEventListener('abort', end);
      }),
  });
  const source = new CancellationTokenSource();
  const request = window.sendRequest('pool/boot', { drive: '/drive', target: 'simulated' }, source.token);
  source.cancel();
  await expect(request).rejects.toMatchObject({ code: -32800 });
});

it('tells of another DHCP server in a form that the window can offer choices for', async () => {
  const servers = [{ address: '10.77.0.254', mac: '52:54:00:00:00:fe' }];
  const window = connect({ 'pool/boot': () => Promise.reject(new OtherDhcpServerError(servers, '/drive/pxen.yaml:12')) });
  const error: unknown = await window.sendRequest('pool/boot', { drive: '/drive', target: 'machines' }).catch((reason: unknown) => reason);
  expect(otherDhcpServers(error)).toEqual(servers);
  expect(otherDhcpServers(await window.sendRequest('pool/status', { drive: '/drive' }).catch((reason: unknown) => reason))).toBeUndefined();
});
