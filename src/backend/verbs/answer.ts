/** `pxen answer MAC [DRIVE]`: what a machine would be told, and why. Sends nothing, changes nothing. */

import path from 'node:path';
import type { UnknownMachine } from '../../protocol';
import { readLeases } from '../drive/leases';
import type { PoolModel } from '../drive/model';
import { readUnknownMachines } from '../drive/unknownMachines';
import { ImageError, readManifest } from '../image/manifest';
import { bootScript, waitScript } from '../netboot/answers/bootScript';
import { replyDestination } from '../netboot/answers/destination';
import { answerDhcp, type DhcpAnswer, type DhcpFacts } from '../netboot/answers/dhcp';
import { hostOfMac } from '../netboot/answers/facts';
import { requestOf, type FirmwareKind } from '../netboot/answers/exampleRequest';
import { unknownMachineScript } from '../netboot/answers/unknownScript';
import { describeOptions } from '../netboot/dhcp/describe';
import { leasesOf } from '../netboot/dhcp/leaseBook';
import { messageTypeOf } from '../netboot/dhcp/options';
import { ANY_ADDRESS } from '../netboot/ipv4';
import { STANDARD_PORTS } from '../netboot/endpoints';
import { PoolError } from '../pool/errors';
import { checkImage, machineFolders } from '../pool/machines';
import { loadSoundDrive } from '../pool/soundDrive';
import { isExpected } from './expected';
import { EXIT, type VerbIo } from './io';

export interface AnswerOptions {
  readonly mac: string;
  readonly drive: string;
  readonly arch: FirmwareKind;
  /** As iPXE asks, once firmware has loaded it. */
  readonly ipxe: boolean;
  readonly json: boolean;
}

/**
 * With `--json` one document `{"answered","sentence","why":["…"],"replies":[{"type","port","to","fields","options"}],"address"?,
 * "bootFile"?,"imageTrouble"?,"script"?,"heard"?}`. Exits 0 when the machine would be answered, 1 when not, 2 for a bad MAC or drive.
 */
export async function runAnswer({ mac: written, drive, arch, ipxe, json }: AnswerOptions, io: VerbIo): Promise<number> {
  const mac = written.toLowerCase().replaceAll('-', ':');
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) {
    io.err(`${written} isn't a MAC address. Write it like 52:54:00:aa:00:01.\n`);
    return EXIT.usage;
  }
  try {
    const told = await dryRun(path.resolve(drive), mac, arch, ipxe);
    io.out(json ? `${JSON.stringify(answerJson(told))}\n` : answerText(told));
    return told.answer.kind === 'reply' ? EXIT.ok : EXIT.problems;
  } catch (error) {
    if (!isExpected(error)) throw error;
    io.err(`${error.message}\n`);
    return EXIT.usage;
  }
}

interface Told {
  readonly answer: DhcpAnswer;
  /** At port 4011, where a proxy is asked again. */
  readonly atPxePort: DhcpAnswer | undefined;
  readonly why: readonly string[];
  /** Why the machine would get no further than this answer: what it is sent to isn't there. */
  readonly imageTrouble: string | undefined;
  readonly script: string | undefined;
  readonly heard: UnknownMachine | undefined;
}

async function dryRun(root: string, mac: string, arch: FirmwareKind, ipxe: boolean): Promise<Told> {
  const { model } = await loadSoundDrive(root);
  const { stateFolder } = machineFolders(root);
  const { network, boot } = model.cluster;
  const lending = { leases: leasesOf(await readLeases(stateFolder)), nowMs: Date.now() };
  const facts: DhcpFacts = { address: network.server, httpPort: STANDARD_PORTS.http, image: boot.image, port: 'dhcp', lending };
  const answer = answerDhcp(model, requestOf(mac, arch, ipxe), facts);
  const asksAgain = network.dhcp === 'proxy' && arch === 'uefi' && !ipxe && answer.kind === 'reply';
  return {
    answer,
    atPxePort: asksAgain ? answerDhcp(model, requestOf(mac, arch, ipxe, 'request'), { ...facts, port: 'pxe' }) : undefined,
    why: reasons(model, mac),
    imageTrouble: answer.kind === 'reply' && answer.bootFile !== undefined && needsImage(model, mac, ipxe) ? await imageTroubleOf(root, boot.image) : undefined,
    script: ipxe && answer.kind === 'reply' ? await scriptFor(root, model, mac) : undefined,
    heard: hostOfMac(model, mac) ? undefined : (await readUnknownMachines(stateFolder)).find((machine) => machine.mac === mac),
  };
}

/** Which lines of the drive the answer follows from. */
function reasons(model: PoolModel, mac: string): readonly string[] {
  const { network, boot } = model.cluster;
  const host = hostOfMac(model, mac);
  const modes = {
    authoritative: 'network.dhcp is authoritative: PXEN gives the addresses',
    proxy: 'network.dhcp is proxy: another DHCP server gives the addresses, PXEN only the boot file',
    off: 'network.dhcp is off: PXEN answers no DHCP',
  };
  if (host !== undefined) return [`${mac} is a MAC of host ${host.name}, whose address is ${host.address}`, modes[network.dhcp], `its image is ${boot.image} (boot.image)`];
  const range = network.range === undefined ? 'the drive has no range for such machines (network.range)' : `machines that aren't on the drive are lent an address from ${network.range.from} to ${network.range.to} (network.range)`;
  const menu = network.menuForUnknown === true ? 'those that boot get the menu for unknown machines, never an image' : 'those that boot are told nothing (network.unknown)';
  return [`${mac} is no MAC of any host on the drive`, modes[network.dhcp], ...(network.dhcp === 'authoritative' ? [range] : []), menu];
}

/** Also boot loaders lie in the image. A stranger's iPXE is sent to a menu, which doesn't. */
function needsImage(model: PoolModel, mac: string, ipxe: boolean): boolean {
  return !ipxe || hostOfMac(model, mac) !== undefined;
}

async function imageTroubleOf(root: string, image: string): Promise<string | undefined> {
  try {
    await checkImage(machineFolders(root).imagesFolder, image);
    return undefined;
  } catch (error) {
    if (error instanceof PoolError) return error.message;
    throw error;
  }
}

/** The script with a placeholder for the token: a real one is issued only to a machine that boots. */
async function scriptFor(root: string, model: PoolModel, mac: string): Promise<string | undefined> {
  const host = hostOfMac(model, mac);
  const { network, boot } = model.cluster;
  const facts = { address: network.server, httpPort: STANDARD_PORTS.http, image: boot.image };
  if (host === undefined) return network.menuForUnknown === true ? unknownMachineScript(model, mac, facts) : undefined;
  try {
    const manifest = await readManifest(path.join(machineFolders(root).imagesFolder, boot.image));
    return bootScript({ model, host, mac, facts, manifest, token: 'ONE-TIME-TOKEN' });
  } catch (error) {
    if (error instanceof ImageError) return waitScript(mac, facts, error.message);
    throw error;
  }
}

function answerText({ answer, atPxePort, why, imageTrouble, script, heard }: Told): string {
  return [
    `${answer.sentence}.`,
    ...why.map((reason) => `- ${reason}`),
    ...(heard ? [`- ${heardWords(heard)}`] : []),
    ...(imageTrouble === undefined ? [] : ['', `It would get no further. ${imageTrouble}`]),
    ...replyLines(answer, 'port 67'),
    ...(atPxePort ? ['', `Asked at port 4011: ${atPxePort.sentence}.`, ...replyLines(atPxePort, 'port 4011')] : []),
    ...(script === undefined ? [] : ['', script.trimEnd()]),
    '',
  ].join('\n');
}

function heardWords({ count, firstSeen, lastSeen, architecture, vendorClass }: UnknownMachine): string {
  const what = [architecture, vendorClass].filter((word) => word !== undefined).join(', ');
  return `it was heard ${count === 1 ? 'once' : `${count} times`}, from ${firstSeen} to ${lastSeen}${what === '' ? '' : ` (${what})`}`;
}

function replyLines(answer: DhcpAnswer, port: string): readonly string[] {
  if (answer.kind === 'silence') return [];
  const { type, to, fields, options } = replyJson(answer, port);
  return [
    '',
    `${(type ?? 'reply').toUpperCase()} to ${to}`,
    ...Object.entries(fields).map(([name, value]) => `  ${name.padEnd(28)} ${value}`),
    ...options.map(({ code, name, value }) => `  ${`option ${code}, ${name}`.padEnd(28)} ${value}`),
  ];
}

function replyJson({ message }: DhcpAnswer & { readonly kind: 'reply' }, port: string) {
  const { address, port: toPort } = replyDestination(message);
  const fields = { yiaddr: message.yourAddress, siaddr: message.nextServer, file: message.bootFile };
  return {
    type: messageTypeOf(message.options),
    port,
    to: port === 'port 67' ? `${address}:${toPort}` : "the request's sender",
    fields: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '' && value !== ANY_ADDRESS)),
    options: describeOptions(message.options),
  };
}

function answerJson({ answer, atPxePort, why, imageTrouble, script, heard }: Told): Readonly<Record<string, unknown>> {
  const { sentence } = answer;
  if (answer.kind === 'silence') return { answered: false, sentence, why, replies: [], ...(heard && { heard }) };
  const { message, bootFile } = answer;
  return {
    answered: true,
    sentence,
    why,
    replies: [replyJson(answer, 'port 67'), ...(atPxePort?.kind === 'reply' ? [replyJson(atPxePort, 'port 4011')] : [])],
    ...(message.yourAddress !== ANY_ADDRESS && { address: message.yourAddress }),
    ...(bootFile !== undefined && { bootFile }),
    ...(imageTrouble !== undefined && { imageTrouble }),
    ...(script !== undefined && { script }),
    ...(heard && { heard }),
  };
}
