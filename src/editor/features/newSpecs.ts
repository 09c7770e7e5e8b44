/** Hosts and VMs to add to a drive: what to propose, what is wrong with an answer, and the document that the answers make. */

import { placeholderSerial, placeholderUuid } from '../../backend/drive/placeholders';
import { hostText, vmText, type HostChoices, type VmBootChoice, type VmChoices } from '../../backend/drive/specTexts';
import type { SpecPath } from '../../backend/drive/places';
import type { UnknownMachine } from '../../protocol';
import { freeAddress } from './addresses';
import type { TextRange } from './edits';
import type { EditorDrive } from './editorDrive';
import { descend, itemCount, rangeOf, textOf } from './nodes';
import { freeName } from './templates';

/** A file that the drive doesn't have yet. */
export interface NewSpec {
  /** Relative to the drive. */
  readonly file: string;
  readonly text: string;
  /** What its author should fill in next. */
  readonly next: TextRange;
}

/** Answers to the questions of *Add Host*; `array` asks for one to be filled in. */
export interface HostAnswers extends Omit<HostChoices, 'array' | 'labels'> {
  readonly array: boolean;
}

/** What to propose: the next name of the row, the next free address, and as large as the host before it. */
export function hostProposal(drive: EditorDrive): Omit<HostAnswers, 'macs' | 'array'> {
  const last = documentsOf(drive, 'Host').at(-1);
  const read = (key: string) => textOf(descend(last?.yaml.contents, [key]).node);
  return { name: freeName(last?.name ?? 'node1', namesOf(drive, 'Host')), address: freeAddress(drive) ?? '', cpus: read('cpus') ?? '8', memory: read('memory') ?? '32GiB' };
}

export function newHost(drive: EditorDrive, { array, ...choices }: HostAnswers): NewSpec {
  const text = hostText({ ...choices, ...(array && { array: arrayToFillIn(drive) }) });
  return { file: hostFile(choices.name), text, next: array ? found(text, /(?<= {4}uuid: ).*/) : found(text, /(?<=reserve: )\{.*?\}/) };
}

export type VmAnswers = VmChoices;

export function vmProposal(drive: EditorDrive): Pick<VmAnswers, 'name' | 'vcpus' | 'memory'> & { readonly size: string } {
  return { name: freeName(documentsOf(drive, 'VM').at(-1)?.name ?? 'vm1', namesOf(drive, 'VM')), vcpus: '2', memory: '2GiB', size: '20GiB' };
}

export function newVm(choices: VmAnswers): NewSpec {
  const text = vmText(choices);
  return { file: vmFile(choices.name), text, next: choices.disk ? found(text, /(?<=bandwidth: )\S+/) : found(text, /(?<=priority: )\d+/) };
}

/** Golden images that a disk can start from: what lies in `disks/` and is no kernel. */
export function goldenImages({ surroundings }: EditorDrive): readonly string[] {
  return (surroundings.diskFiles ?? []).filter((file) => /\.(?:raw|img|qcow2)$/i.test(file));
}

/** The ways to start a guest: with kernels that lie in `disks/`, each with the initrd of the same version. */
export function bootChoices({ surroundings }: EditorDrive): readonly Exclude<VmBootChoice, string>[] {
  const files = surroundings.diskFiles ?? [];
  return files
    .filter((file) => /(?:^|\/)vmlinu[xz][^/]*$/i.test(file))
    .map((kernel) => {
      const version = kernel.replace(/^.*vmlinu[xz]/i, '');
      const ramdisk = files.find((file) => /(?:^|\/)init(?:rd|ramfs)[^/]*$/i.test(file) && file.replace(/\.img$/i, '').endsWith(version.replace(/\.img$/i, '')));
      return { type: 'pv', kernel, ...(ramdisk !== undefined && { ramdisk }) };
    });
}

/** Machines that asked to boot and aren't on the drive, the last heard first. */
export function strangers(drive: EditorDrive, machines: readonly UnknownMachine[]): readonly UnknownMachine[] {
  const known = new Set(documentsOf(drive, 'Host').flatMap(({ yaml }) => Array.from({ length: itemCount(yaml.contents, ['macs']) }, (_, index) => canonical(textOf(descend(yaml.contents, ['macs', index]).node) ?? ''))));
  return machines.filter(({ mac }) => !known.has(canonical(mac))).sort((a, b) => Number(b.wants === 'boot') - Number(a.wants === 'boot'));
}

/** Several in one answer, with commas or blanks between them. */
export function macsIn(answer: string): readonly string[] {
  return answer.split(/[\s,]+/).filter((mac) => mac !== '');
}

export type HostQuestion = 'name' | 'macs' | 'address' | 'cpus' | 'memory';

/** What is wrong with an answer, in the words of `pxen validate`; undefined when nothing is. The other answers are taken for good. */
export function hostTrouble(drive: EditorDrive, question: HostQuestion, answer: string): string | undefined {
  const free = hostProposal(drive);
  // An answer to one question mustn't stand in the way of another's proposal.
  const good: HostAnswers = { ...free, address: free.address === '' ? '10.77.0.11' : free.address, macs: ['52:54:00:ff:ff:fe'], array: false };
  const answers: HostAnswers = question === 'macs' ? { ...good, macs: macsIn(answer) } : { ...good, [question]: answer.trim() };
  return trouble(drive, newHost(drive, answers), [question], question === 'name' ? 'host' : undefined);
}

export type VmQuestion = 'name' | 'vcpus' | 'memory' | 'size' | 'source';

export function vmTrouble(drive: EditorDrive, question: VmQuestion, answer: string): string | undefined {
  const { size, ...good } = vmProposal(drive);
  const disk = question === 'size' ? { size: answer.trim() } : question === 'source' ? { size, source: answer.trim() } : { size };
  const answers: VmAnswers = { ...good, ...((question === 'name' || question === 'vcpus' || question === 'memory') && { [question]: answer.trim() }), disk, boot: 'hvm' };
  const path = question === 'size' || question === 'source' ? ['disks', 0, question] : [question];
  return trouble(drive, newVm(answers), path, question === 'name' ? 'VM' : undefined);
}

/** The document is read as if it were on the drive already, beside all the others. */
function trouble(drive: EditorDrive, { file, text }: NewSpec, path: SpecPath, named: string | undefined): string | undefined {
  // A name that is no name would make a file that is none: any other will do to have it judged.
  const own = /^(?:hosts|vms)\/[a-z0-9-]+\.(?:host|vm)\.yaml$/.test(file) ? file : file.replace(/\/.*?(?=\.(?:host|vm)\.yaml$)/, '/new');
  const taken = [...drive.files.keys()].find((other) => other.toLowerCase() === own.toLowerCase());
  if (named !== undefined && own === file && taken !== undefined) return `There is a file ${taken} already. Choose another name for this ${named}.`;
  const asked = drive.with(taken === undefined ? own : own.replace(/\.(host|vm)\.yaml$/, '-new.$1.yaml'), text);
  const document = [...asked.files.values()].find((entry) => entry.text === text && !drive.files.has(entry.file));
  const node = document && descend(document.spec.documents[0]?.yaml.contents, path).node;
  if (!document || !node) return 'Write something here.';
  const { lines } = document.spec;
  const range = rangeOf(node);
  return asked.checked.problems.find((problem) => {
    if (problem.file !== document.file || problem.severity !== 'error') return false;
    const start = lines.offset(problem);
    return range.start <= start && start <= range.end;
  })?.message;
}

function hostFile(name: string): string {
  return `hosts/${name}.host.yaml`;
}

function vmFile(name: string): string {
  return `vms/${name}.vm.yaml`;
}

function found(text: string, pattern: RegExp): TextRange {
  const match = pattern.exec(text);
  return match ? { start: match.index, end: match.index + match[0].length } : { start: text.length, end: text.length };
}

function canonical(mac: string): string {
  return mac.toLowerCase().replaceAll('-', ':');
}

/** With the next placeholders that no array has. */
function arrayToFillIn(drive: EditorDrive): NonNullable<HostChoices['array']> {
  const written = [...drive.files.values()].map(({ text }) => text).join('\n');
  const free = (placeholder: (number: number) => string, from: number) => {
    let number = from;
    while (written.includes(placeholder(number))) number += 1;
    return number;
  };
  const serial = free(placeholderSerial, 1);
  return { uuid: placeholderUuid(free(placeholderUuid, 1)), members: [placeholderSerial(serial), placeholderSerial(free(placeholderSerial, serial + 1))] };
}

function documentsOf(drive: EditorDrive, kind: 'Host' | 'VM') {
  return [...drive.files.values()].toSorted((a, b) => (a.file < b.file ? -1 : 1)).flatMap(({ spec }) => spec.documents.filter((document) => document.kind === kind));
}

/** Also of files, so that a proposal never falls on one. */
function namesOf(drive: EditorDrive, kind: 'Host' | 'VM'): ReadonlySet<string> {
  const stems = [...drive.files.keys()].flatMap((file) => (kind === 'Host' ? /^hosts\/(.*)\.host\.yaml$/i : /^vms\/(.*)\.vm\.yaml$/i).exec(file)?.[1]?.toLowerCase() ?? []);
  return new Set([...documentsOf(drive, kind).flatMap(({ name }) => name ?? []), ...stems]);
}
