/** The HTTP server: boot scripts, image files, the hello of booted hosts, health and metrics. */

import type dgram from 'node:dgram';
import type { Log } from '../../system';
import type { AskerInputs } from '../answers/asker';
import type { NetbootMetrics } from '../metrics';
import type { PortHelper } from '../portHelper/ask';
import type { BootServerOptions } from '../server';
import { closeUdp, openTcp, openUdp, portOf, type ListenAddress } from '../sockets';
import { createBoundedServer } from './connections';
import type { Downloads } from './downloads';
import { parseFrontLog } from './nginx';
import { Routes } from './routes';

export interface HttpServerOptions extends Pick<BootServerOptions, 'model' | 'imagesFolder' | 'image' | 'tokens' | 'authorizedKeys' | 'extraArguments' | 'onEvent' | 'clock' | 'log'>, Pick<AskerInputs, 'onlyServer'> {
  readonly bindAddress: string;
  readonly port: number;
  readonly portHelper?: PortHelper | undefined;
  readonly metrics: NetbootMetrics;
  /** A proxy stands in front: it is what machines reach, at this port of the boot server's address. */
  readonly front?: { readonly publicAddress: string; readonly publicPort: number };
}

export interface HttpServer {
  /** Where machines reach it, which may be a proxy's. */
  readonly port: number;
  /** Where it listens. */
  readonly boundPort: number;
  close(): Promise<void>;
}

export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { metrics, front, log } = options;
  const server = createBoundedServer({ anyNumberOfOne: front !== undefined, onRefused: (why) => metrics.httpRefused.inc({ reason: why }) });
  await openTcp('HTTP', server, { address: options.bindAddress, port: options.port, helper: options.portHelper });
  const routes = new Routes(options, front ? { address: front.publicAddress, httpPort: front.publicPort } : { address: options.bindAddress, httpPort: portOf(server) });
  server.on('error', (error) => log('warn', `HTTP: ${error.message}`));
  server.on('request', (request, response) => void routes.answer(request, response));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const boundPort = portOf(server);
  let frontLog: dgram.Socket | undefined;
  try {
    frontLog = front && (await openFrontLog({ address: options.bindAddress, port: boundPort }, routes.downloads, log));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    port: front?.publicPort ?? boundPort,
    boundPort,
    close: async () => {
      await Promise.all([close(), frontLog && closeUdp(frontLog)]);
    },
  };
}

/** What nginx has sent is told of by its access log. */
function openFrontLog(at: ListenAddress, downloads: Downloads, log: Log): Promise<dgram.Socket> {
  return openUdp('The log of nginx', at, (error) => log('warn', `The log of nginx: ${error.message}`)).then((socket) => {
    socket.on('message', (datagram) => {
      const download = parseFrontLog(datagram.toString('latin1'));
      if (!download) return;
      downloads.endedAtFront(download).catch((error: unknown) => log('warn', `The end of a download can't be told: ${String(error)}`));
    });
    return socket;
  });
}
