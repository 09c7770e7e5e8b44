/** The HTTP server: boot scripts, image files, the hello of booted hosts, health and metrics. */

import type dgram from 'node:dgram';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HostModel, PoolModel } from '../../drive/model';
import { bootWordsArchive } from '../../image/bootWords';
import { ImageError, readManifest, type Manifest } from '../../image/manifest';
import path from 'node:path';
import { bootScript, bootWords, waitScript, xenConfig, type BootScriptInputs } from '../answers/bootScript';
import { unknownMachineScript } from '../answers/unknownScript';
import { hostOfMac, nameOfHost, type ServerFacts } from '../answers/facts';
import type { Log } from '../../system';
import type { NetbootMetrics } from '../metrics';
import type { BootServerOptions, NetbootEvent } from '../server';
import type { PortHelper } from '../portHelper/ask';
import { closeUdp, openTcp, openUdp, portOf, type ListenAddress } from '../sockets';
import { readHello } from './hello';
import { parseFrontLog } from './nginx';
import { createBoundedServer } from './connections';
import { Downloads } from './downloads';
import { addressOfClient, refuse, respond } from './respond';

export interface HttpServerOptions extends Pick<BootServerOptions, 'model' | 'imagesFolder' | 'image' | 'tokens' | 'authorizedKeys' | 'extraArguments' | 'onEvent' | 'clock' | 'log'> {
  readonly bindAddress: string;
  readonly port: number;
  readonly portHelper?: PortHelper | undefined;
  readonly metrics: NetbootMetrics;
  /** Once a minute the same sentence. */
  readonly firstTime: (sentence: string) => boolean;
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
  const downloads = new Downloads(options);
  const routes = new Routes(options, downloads, front ? { address: front.publicAddress, httpPort: front.publicPort } : { address: options.bindAddress, httpPort: portOf(server) });
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
    frontLog = front && (await openFrontLog({ address: options.bindAddress, port: boundPort }, downloads, log));
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

class Routes {
  readonly #options: HttpServerOptions;
  readonly #downloads: Downloads;
  readonly #address: Pick<ServerFacts, 'address' | 'httpPort'>;

  constructor(options: HttpServerOptions, downloads: Downloads, address: Pick<ServerFacts, 'address' | 'httpPort'>) {
    this.#options = options;
    this.#downloads = downloads;
    this.#address = address;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = parseUrl(request.url);
    const [, route = '', ...rest] = url?.pathname.split('/') ?? [];
    response.once('close', () => this.#options.metrics.http.inc({ route: ROUTES.has(route) ? route : 'other', status: response.statusCode }));
    try {
      if (!url) refuse(request, response, 400, 'The request has no path.');
      else if (!ROUTES.has(route)) refuse(request, response, 404, 'There is nothing here.');
      else if (!allows(route, request.method)) refuse(request, response, 405, `${request.method ?? ''} is not for this path.`, { Allow: route === 'hello' ? 'POST' : 'GET, HEAD' });
      else await this.#route(request, response, route, rest, url);
    } catch (error) {
      const sentence = `HTTP ${request.method ?? ''} ${request.url ?? ''}: ${error instanceof Error ? error.message : String(error)}`;
      this.#options.log('error', sentence);
      // Booting machines heed Retry-After; what failed may be a drive that is being put back.
      if (!response.headersSent) refuse(request, response, 503, 'The boot server has trouble; its log says which.', { 'Retry-After': '5' });
      else response.destroy();
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, route: string, rest: readonly string[], url: URL): Promise<void> {
    const [first = '', second] = rest.map(decoded);
    switch (route) {
      case 'boot':
        if (rest.length === 1) return this.#boot(request, response, first, url);
        break;
      case 'images':
        if (rest.length === 2 && second !== undefined) return this.#downloads.send(request, response, { image: first, file: second, mac: macOf(url.searchParams.get('mac') ?? '') });
        break;
      case 'hello':
        if (rest.length === 0) return this.#hello(request, response);
        break;
      case 'healthz':
        if (rest.length === 0) {
          respond(request, response, { status: 200, text: 'ok\n' });
          return;
        }
        break;
      case 'metrics':
        if (rest.length === 0) {
          const { registry } = this.#options.metrics;
          respond(request, response, { status: 200, text: await registry.metrics(), type: registry.contentType });
          return;
        }
        break;
    }
    refuse(request, response, 404, 'There is nothing here.');
  }

  async #boot(request: IncomingMessage, response: ServerResponse, name: string, url: URL): Promise<void> {
    const match = /^([0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})\.(ipxe|cfg|initrd)$/i.exec(name);
    if (!match) {
      refuse(request, response, 404, 'Boot scripts are named after a MAC, like 52:54:00:aa:00:01.ipxe.');
      return;
    }
    const mac = macOf(match[1] ?? '');
    const model = this.#options.model();
    const host = hostOfMac(model, mac);
    if (!host && match[2]?.toLowerCase() === 'ipxe') {
      this.#emit({ kind: 'script', mac, sentence: `${mac} asked for a boot script and got the menu for unknown machines: no host on the drive has this MAC` });
      respond(request, response, { status: 200, text: unknownMachineScript(model, mac, this.#address) });
      return;
    }
    if (!host) {
      this.#emit({ kind: 'refused', mac, sentence: `${mac} asked for a boot file, but no host on the drive has this MAC` });
      refuse(request, response, 404, `No host on the drive has the MAC ${mac}.`);
      return;
    }
    const image = this.#options.image();
    const manifest = await this.#manifest(image);
    const facts = { ...this.#address, image };
    const extension = match[2]?.toLowerCase();
    if (extension === 'ipxe') {
      await this.#script(request, response, model, host, mac, facts, manifest);
      return;
    }
    if (manifest instanceof ImageError) {
      refuse(request, response, 503, manifest.message, { 'Retry-After': '20' });
      return;
    }
    const inputs = { model, host, mac, facts, manifest, ...this.#extra() };
    if (extension === 'cfg') {
      respond(request, response, { status: 200, text: xenConfig(inputs) });
      return;
    }
    const token = url.searchParams.get('token') ?? '';
    if (!/^[A-Za-z0-9_-]+$/.test(token)) refuse(request, response, 400, 'The token is missing: the boot script names this file with it.');
    else await this.#downloads.send(request, response, { image, file: 'initrd', mac, prefix: bootWordsArchive(bootWords({ ...inputs, token })) });
  }

  #extra(): Pick<BootScriptInputs, 'extra'> {
    const extra = this.#options.extraArguments?.();
    return extra === undefined ? {} : { extra };
  }

  async #script(request: IncomingMessage, response: ServerResponse, model: PoolModel, host: HostModel, mac: string, facts: ServerFacts, manifest: Manifest | ImageError): Promise<void> {
    if (manifest instanceof ImageError) {
      this.#emit({ kind: 'refused', mac, host: host.name, sentence: `${nameOfHost(host, mac)} must wait: ${manifest.message}` });
      respond(request, response, { status: 200, text: waitScript(mac, facts, manifest.message) });
      return;
    }
    // Only a GET begins a boot: a HEAD must not cost a token.
    const token = request.method === 'GET' ? await this.#options.tokens.issue(mac) : '';
    respond(request, response, { status: 200, text: bootScript({ model, host, mac, facts, manifest, token, ...this.#extra() }) });
    if (request.method === 'GET') {
      this.#emit({ kind: 'script', mac, host: host.name, sentence: `${nameOfHost(host, mac)} got its boot script for ${manifest.name}` });
    }
  }

  async #hello(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readHello(request);
    if ('reason' in body) {
      refuse(request, response, body.status, body.reason, { Connection: 'close' });
      return;
    }
    const { hello } = body;
    const { mac, hostKeys } = hello;
    const host = hostOfMac(this.#options.model(), mac);
    if (!host || !(await this.#options.tokens.redeem(hello))) {
      const reason = host ? "the token is not this machine's present one, or was used before" : `no host on the drive has the MAC ${mac}`;
      const name = host ? nameOfHost(host, mac) : printable(mac);
      this.#emit({ kind: 'refused', ...(host && { mac, host: host.name }), sentence: `a hello in the name of ${name} was refused: ${reason}` });
      refuse(request, response, 403, `Refused: ${printable(reason)}.`);
      return;
    }
    const address = addressOfClient(request, this.#options.front !== undefined) ?? host.address;
    const answer = { hostname: host.name, authorizedKeys: await this.#options.authorizedKeys() };
    respond(request, response, { status: 200, text: JSON.stringify(answer), type: 'application/json' });
    this.#emit({ kind: 'hello', mac, host: host.name, hostKeys, address, sentence: `${nameOfHost(host, mac)} said hello; its ssh host key is pinned for this boot` });
  }

  async #manifest(image: string): Promise<Manifest | ImageError> {
    try {
      return await readManifest(path.join(this.#options.imagesFolder, image));
    } catch (error) {
      if (error instanceof ImageError) return error;
      throw error;
    }
  }

  #emit(event: NetbootEvent): void {
    this.#options.onEvent(event);
  }
}

const ROUTES: ReadonlySet<string> = new Set(['boot', 'images', 'hello', 'healthz', 'metrics']);

function allows(route: string, method = ''): boolean {
  return route === 'hello' ? method === 'POST' : method === 'GET' || method === 'HEAD';
}

function parseUrl(target = ''): URL | undefined {
  try {
    return new URL(target, 'http://boot-server');
  } catch {
    return undefined;
  }
}

/** Undefined for a segment with a broken escape. */
function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function macOf(text: string): string {
  return text.toLowerCase().replaceAll('-', ':');
}

/** What a stranger sent, fit for a log. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?').slice(0, 100);
}
