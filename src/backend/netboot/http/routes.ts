/** Which path of the HTTP server leads to what. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HostModel } from '../../drive/model';
import type { HelloRequest } from '../server';
import { type Asker, askerOf } from '../answers/asker';
import { hostOfMac, nameOfHost, type ServerFacts } from '../answers/facts';
import { BootFiles, macOf } from './bootFiles';
import { Downloads } from './downloads';
import { readHello } from './hello';
import { printable } from '../printable';
import { addressOfClient, refuse, respond } from './respond';
import type { HttpServerOptions } from './server';
import { HttpTelling, what } from './told';

export class Routes {
  readonly downloads: Downloads;
  readonly #options: HttpServerOptions;
  readonly #telling: HttpTelling;
  readonly #bootFiles: BootFiles;

  /** `place`: where machines reach this server. */
  constructor(options: HttpServerOptions, place: Pick<ServerFacts, 'address' | 'httpPort'>) {
    this.#options = options;
    const telling = (this.#telling = new HttpTelling(options));
    const downloads = (this.downloads = new Downloads({ ...options, front: options.front !== undefined, askerOf: (address, mac) => this.#askerAt(address, mac), telling }));
    this.#bootFiles = new BootFiles({ ...options, place, downloads, telling, askerOf: (request, mac) => this.#askerOf(request, mac), addressOf: (request) => this.#addressOf(request) ?? 'an unknown address' });
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = parseUrl(request.url);
    const [, route = '', ...rest] = url?.pathname.split('/') ?? [];
    response.once('close', () => this.#options.metrics.http.inc({ route: ROUTES.has(route) ? route : 'other', status: response.statusCode }));
    try {
      if (!url) this.#refuse(request, response, 400, 'The request has no path.');
      else if (!ROUTES.has(route)) this.#refuse(request, response, 404, NOTHING_HERE);
      else if (!allows(route, request.method)) this.#refuse(request, response, 405, `${request.method ?? ''} is not for this path.`, { Allow: route === 'hello' ? 'POST' : 'GET, HEAD' });
      else await this.#route(request, response, route, rest, url);
    } catch (error) {
      this.#telling.tellTrouble(`HTTP ${what(request)}: ${error instanceof Error ? error.message : String(error)}`);
      // Booting machines heed Retry-After; what failed may be a drive that is being put back.
      if (!response.headersSent) refuse(request, response, 503, 'The boot server has trouble; its log says which.', { 'Retry-After': '5' });
      else response.destroy();
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, route: string, rest: readonly string[], url: URL): Promise<void> {
    const [first = '', second] = rest.map(decoded);
    switch (route) {
      case 'boot':
        if (rest.length === 1) return this.#bootFiles.answer(request, response, first, url);
        break;
      case 'images':
        if (rest.length === 2 && second !== undefined) return this.downloads.send(request, response, { image: first, file: second, asker: this.#askerOf(request, macOf(url.searchParams.get('mac') ?? '')) });
        break;
      case 'hello':
        if (rest.length === 0) return this.#hello(request, response);
        break;
      case 'healthz':
        if (rest.length > 0) break;
        this.#telling.tellQuietly(`${this.#askerOf(request, '').name} asked whether the boot server is well`);
        respond(request, response, { status: 200, text: 'ok\n' });
        return;
      case 'metrics': {
        if (rest.length > 0) break;
        this.#telling.tellQuietly(`${this.#askerOf(request, '').name} asked for the metrics`);
        const { registry } = this.#options.metrics;
        respond(request, response, { status: 200, text: await registry.metrics(), type: registry.contentType });
        return;
      }
    }
    this.#refuse(request, response, 404, NOTHING_HERE);
  }

  async #hello(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readHello(request);
    if ('reason' in body) {
      this.#refuse(request, response, body.status, body.reason, { Connection: 'close' });
      return;
    }
    const { hello } = body;
    const { mac, hostKeys } = hello;
    const host = hostOfMac(this.#options.model(), mac);
    const asker = this.#askerOf(request, mac);
    const reason = await this.#whyRefused(hello, host, asker);
    if (host === undefined || reason !== undefined) {
      const name = host ? nameOfHost(host, mac) : printable(mac);
      const from = this.#addressOf(request) ?? 'an unknown address';
      this.#telling.tell(asker, { kind: 'refused', ...(host && { mac, host: host.name }), sentence: `a hello in the name of ${name} from ${from} was refused: ${reason ?? ''}` });
      refuse(request, response, 403, `Refused: ${reason ?? ''}.`);
      return;
    }
    const answer = { hostname: host.name, authorizedKeys: await this.#options.authorizedKeys() };
    respond(request, response, { status: 200, text: JSON.stringify(answer), type: 'application/json' });
    const address = this.#addressOf(request) ?? host.address;
    this.#telling.tell(asker, { kind: 'hello', mac, host: host.name, hostKeys, address, sentence: `${asker.name} said hello; its ssh host key is pinned for this boot` }, hello.token);
  }

  /** Undefined when the hello is taken: then its token is spent. */
  async #whyRefused(hello: HelloRequest, host: HostModel | undefined, asker: Asker): Promise<string | undefined> {
    if (host === undefined) return `no host on the drive has the MAC ${printable(hello.mac)}`;
    // Also of a host that boots with an address it had before the drive was edited: nobody would find it at the one of now.
    if (asker.kind === 'other') return `${host.name} has the address ${host.address}`;
    return (await this.#options.tokens.redeem(hello)) ? undefined : "the token is not this machine's present one, or was used before";
  }

  #refuse(request: IncomingMessage, response: ServerResponse, status: number, reason: string, headers?: Readonly<Record<string, string>>): void {
    this.#telling.refuse(request, response, this.#askerOf(request, ''), status, reason, headers);
  }

  #askerOf(request: IncomingMessage, mac: string): Asker {
    return this.#askerAt(this.#addressOf(request), mac);
  }

  #askerAt(address: string | undefined, mac: string): Asker {
    return askerOf({ model: this.#options.model(), mac, address, onlyServer: this.#options.onlyServer });
  }

  #addressOf(request: IncomingMessage): string | undefined {
    return addressOfClient(request, this.#options.front !== undefined);
  }
}

const NOTHING_HERE = 'There is nothing here.';
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
