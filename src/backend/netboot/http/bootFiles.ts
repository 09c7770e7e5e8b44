/** `/boot/<mac>.…`: what iPXE is told to do, Xen's configuration, and the initrd with the host's own words. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { bootWordsArchive } from '../../image/bootWords';
import { ImageError, readManifest, type Manifest } from '../../image/manifest';
import type { Asker } from '../answers/asker';
import { bootScript, bootWords, scriptForOther, waitScript, xenConfig, type BootScriptInputs } from '../answers/bootScript';
import { hostOfMac, nameOfHost, type ServerFacts } from '../answers/facts';
import { unknownMachineScript } from '../answers/unknownScript';
import type { BootServerOptions } from '../server';
import type { Downloads } from './downloads';
import { refuse, respond } from './respond';
import { type HttpTelling, namesOf } from './told';

export interface BootFilesOptions extends Pick<BootServerOptions, 'model' | 'imagesFolder' | 'image' | 'tokens' | 'extraArguments'> {
  /** Where machines reach this server. */
  readonly place: Pick<ServerFacts, 'address' | 'httpPort'>;
  readonly askerOf: (request: IncomingMessage, mac: string) => Asker;
  readonly addressOf: (request: IncomingMessage) => string;
  readonly downloads: Downloads;
  readonly telling: HttpTelling;
}

export class BootFiles {
  readonly #options: BootFilesOptions;

  constructor(options: BootFilesOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse, name: string, url: URL): Promise<void> {
    const { telling, askerOf } = this.#options;
    const [, written, extension = ''] = /^([0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})\.(ipxe|cfg|initrd)$/i.exec(name) ?? [];
    if (written === undefined) {
      telling.refuse(request, response, askerOf(request, ''), 404, 'Boot scripts are named after a MAC, like 52:54:00:aa:00:01.ipxe.');
      return;
    }
    const mac = macOf(written);
    const model = this.#options.model();
    const host = hostOfMac(model, mac);
    const kind = extension.toLowerCase();
    if (!host) {
      this.#answerStranger(request, response, mac, kind);
      return;
    }
    const image = this.#options.image();
    const manifest = await this.#manifest(image);
    const facts = { ...this.#options.place, image };
    const asker = askerOf(request, mac);
    if (manifest instanceof ImageError) {
      telling.tell(asker, { kind: 'refused', ...namesOf(asker), sentence: `${asker.name} must wait: ${manifest.message}` });
      if (kind === 'ipxe') respond(request, response, { status: 200, text: waitScript(mac, facts, manifest.message) });
      else refuse(request, response, 503, manifest.message, { 'Retry-After': '20' });
      return;
    }
    const extra = this.#options.extraArguments?.();
    const inputs = { model, host, mac, facts, manifest, ...(extra && { extra }) };
    if (kind === 'ipxe') await this.#script(request, response, asker, inputs);
    else if (kind === 'cfg') this.#config(request, response, asker, inputs);
    else await this.#initrd(request, response, asker, inputs, url.searchParams.get('token') ?? '');
  }

  /** A machine that isn't on the drive, or somebody who says one's MAC. */
  #answerStranger(request: IncomingMessage, response: ServerResponse, mac: string, kind: string): void {
    const { telling, model, addressOf, place } = this.#options;
    const stranger: Asker = { kind: 'other', name: mac };
    const from = addressOf(request);
    if (kind === 'ipxe') {
      telling.tell(stranger, { kind: 'script', mac, sentence: `${mac} asked for a boot script and got the menu for unknown machines at ${from}: no host on the drive has this MAC` });
      respond(request, response, { status: 200, text: unknownMachineScript(model(), mac, place) });
      return;
    }
    telling.tell(stranger, { kind: 'refused', mac, sentence: `${mac} asked for a boot file from ${from}, but no host on the drive has this MAC` });
    refuse(request, response, 404, `No host on the drive has the MAC ${mac}.`);
  }

  async #script(request: IncomingMessage, response: ServerResponse, asker: Asker, inputs: Omit<BootScriptInputs, 'token'>): Promise<void> {
    const { telling, tokens, addressOf } = this.#options;
    const { host, mac, manifest } = inputs;
    if (asker.kind === 'other') {
      respond(request, response, { status: 200, text: scriptForOther(inputs, addressOf(request)) });
      const sentence = `${asker.name} asked for the boot script of ${nameOfHost(host, mac)} and was shown it without its token: ${host.name} has the address ${host.address}`;
      telling.tell(asker, { kind: 'script', mac, sentence });
      return;
    }
    // Only a GET begins a boot: a HEAD must not cost a token.
    const token = request.method === 'GET' ? await tokens.issue(mac) : '';
    respond(request, response, { status: 200, text: bootScript({ ...inputs, token }) });
    if (request.method === 'GET') telling.tell(asker, { kind: 'script', ...namesOf(asker), mac, sentence: `${asker.name} got its boot script for ${manifest.name}` }, token);
    else telling.tellQuietly(`${asker.name} asked whether there is a boot script for it`);
  }

  #config(request: IncomingMessage, response: ServerResponse, asker: Asker, inputs: Omit<BootScriptInputs, 'token'>): void {
    const { telling } = this.#options;
    const { host, mac } = inputs;
    respond(request, response, { status: 200, text: xenConfig(inputs) });
    if (asker.kind === 'host') telling.tell(asker, { kind: 'script', ...namesOf(asker), mac, sentence: `${asker.name} got Xen's configuration file` });
    else telling.tell(asker, { kind: 'script', mac, sentence: `${asker.name} asked for Xen's configuration file of ${nameOfHost(host, mac)} and got it: ${host.name} has the address ${host.address}` });
  }

  async #initrd(request: IncomingMessage, response: ServerResponse, asker: Asker, inputs: Omit<BootScriptInputs, 'token'>, token: string): Promise<void> {
    const { telling, downloads, image } = this.#options;
    if (!/^[A-Za-z0-9_-]+$/.test(token)) telling.refuse(request, response, asker, 400, 'The token is missing: the boot script names this file with it.');
    else await downloads.send(request, response, { image: image(), file: 'initrd', asker, prefix: bootWordsArchive(bootWords({ ...inputs, token })) });
  }

  async #manifest(image: string): Promise<Manifest | ImageError> {
    try {
      return await readManifest(path.join(this.#options.imagesFolder, image));
    } catch (error) {
      if (error instanceof ImageError) return error;
      throw error;
    }
  }
}

/** In canonical form. */
export function macOf(text: string): string {
  return text.toLowerCase().replaceAll('-', ':');
}
