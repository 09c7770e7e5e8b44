/** `pxen answer MAC [DRIVE]`: what a machine would be told, and why. Sends nothing, changes nothing. */

import path from 'node:path';
import { loadDrive } from '../drive/load';
import type { PoolModel } from '../drive/model';
import { ImageError, readManifest } from '../image/manifest';
import { answerDhcp, type DhcpAnswer } from '../netboot/answers/dhcp';
import { bootScript } from '../netboot/answers/bootScript';
import { hostOfMac } from '../netboot/answers/facts';
import { requestOf, type FirmwareKind } from '../netboot/answers/exampleRequest';
import { STANDARD_PORTS } from '../netboot/endpoints';
import { DriveInvalidError } from '../pool/errors';
import { machineFolders } from '../pool/machines';
import { isExpected } from './bootPool';
import { EXIT, type VerbIo } from './io';

export interface AnswerOptions {
  readonly mac: string;
  readonly drive: string;
  readonly arch: FirmwareKind;
  /** As iPXE asks, once firmware has loaded it. */
  readonly ipxe: boolean;
  readonly json: boolean;
}

/** With `--json` one document `{"answered","sentence","address"?,"bootFile"?,"script"?}`. Exits 0 when the machine would be answered, 1 when not, 2 for a bad MAC or drive. */
export async function runAnswer({ mac: written, drive, arch, ipxe, json }: AnswerOptions, io: VerbIo): Promise<number> {
  const mac = written.toLowerCase().replaceAll('-', ':');
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) {
    io.err(`${written} isn't a MAC address. Write it like 52:54:00:aa:00:01.\n`);
    return EXIT.usage;
  }
  try {
    const root = path.resolve(drive);
    const { model, problems } = await loadDrive(root);
    if (model === undefined) throw new DriveInvalidError(root, problems);
    const facts = { address: model.cluster.network.server, httpPort: STANDARD_PORTS.http, image: model.cluster.boot.image, port: 'dhcp' as const };
    const answer = answerDhcp(model, requestOf(mac, arch, ipxe), facts);
    const script = ipxe && answer.kind === 'reply' ? await scriptFor(root, model, mac) : undefined;
    if (json) io.out(`${JSON.stringify(answerJson(answer, script))}\n`);
    else io.out(`${answer.sentence}.\n${script === undefined ? '' : `\n${script}`}`);
    return answer.kind === 'reply' ? EXIT.ok : EXIT.problems;
  } catch (error) {
    if (!isExpected(error)) throw error;
    io.err(`${error.message}\n`);
    return EXIT.usage;
  }
}

/** The script with a placeholder for the token: a real one is issued only to a machine that boots. */
async function scriptFor(root: string, model: PoolModel, mac: string): Promise<string | undefined> {
  const host = hostOfMac(model, mac);
  if (host === undefined) return undefined;
  const { network, boot } = model.cluster;
  try {
    const manifest = await readManifest(path.join(machineFolders(root).imagesFolder, boot.image));
    const facts = { address: network.server, httpPort: STANDARD_PORTS.http, image: boot.image };
    return bootScript({ model, host, mac, facts, manifest, token: 'ONE-TIME-TOKEN' });
  } catch (error) {
    if (error instanceof ImageError) return `${error.message}\n`;
    throw error;
  }
}

function answerJson(answer: DhcpAnswer, script: string | undefined): Readonly<Record<string, unknown>> {
  const { sentence } = answer;
  if (answer.kind === 'silence') return { answered: false, sentence };
  const { message, bootFile } = answer;
  return { answered: true, sentence, ...(message.yourAddress !== '0.0.0.0' && { address: message.yourAddress }), ...(bootFile !== undefined && { bootFile }), ...(script !== undefined && { script }) };
}
