/** Every thing a drive's author can be told: one code, one factory. Each says what is wrong, where, and what to do. */

import type { ProblemJson, Severity } from '../../protocol';
import type { PlaceholderKind } from './placeholders';
import { QUANTITY_NAMES, UNIT_NAMES, type QuantityFault, type QuantityKind } from './quantity';
import type { LineIndex, Place } from './text';

/** Closed: a new thing to tell is a new code here and a factory below. */
export const PROBLEM_CODES = [
  'file-unreadable', 'file-too-large', 'file-encoding', 'file-empty', 'file-name', 'file-case',
  'yaml-syntax', 'yaml-tab', 'yaml-duplicate-key', 'yaml-alias', 'yaml-merge-key', 'yaml-tag', 'yaml-directive', 'yaml-leading-zero', 'yaml-boolean', 'yaml-nesting',
  'cluster-missing', 'cluster-second', 'kind-missing', 'kind-unknown', 'kind-misplaced',
  'key-unknown', 'key-missing', 'key-conflict', 'key-malformed', 'type-wrong', 'value-unknown', 'value-malformed', 'number-range', 'item-count', 'item-repeated',
  'unit-missing', 'unit-unknown', 'quantity-malformed', 'quantity-range', 'reserve-too-large',
  'name-duplicate', 'mac-duplicate', 'address-duplicate', 'uuid-duplicate', 'member-duplicate', 'mount-overlap',
  'subnet-host-bits', 'address-outside', 'address-reserved', 'range-order', 'range-size', 'range-overlap', 'range-unused', 'menu-unseen', 'forwarder-self',
  'reference-unknown', 'reference-self', 'start-cycle', 'apart-and-together', 'array-members',
  'image-missing', 'disk-file-missing',
  'host-missing', 'vm-too-large', 'placeholder-left',
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

export interface Problem extends Place {
  readonly severity: Severity;
  readonly code: ProblemCode;
  readonly message: string;
}

/** To the contract's form. `lines` is the index of the problem's file. */
export function problemJson(problem: Problem, lines: LineIndex): ProblemJson {
  const start = lines.at(problem.start);
  const end = lines.at(problem.end);
  return {
    file: problem.file,
    line: start.line,
    column: start.column,
    endLine: end.line,
    endColumn: end.column,
    severity: problem.severity,
    code: problem.code,
    message: problem.message,
  };
}

// ---- Files ----

export const fileUnreadable = (place: Place, cause: string): Problem =>
  error(place, 'file-unreadable', `This file can't be read (${cause}). Check the drive and the file's permissions.`);

export const fileTooLarge = (place: Place, limitBytes: number): Problem =>
  error(place, 'file-too-large', `This file is larger than ${limitBytes / 1024} KiB, which no spec is; it isn't read. Move it elsewhere, or split it.`);

export const fileEncoding = (place: Place, found: string): Problem =>
  error(place, 'file-encoding', `This file isn't UTF-8 text (${found}). Save it as UTF-8.`);

export const fileEmpty = (place: Place): Problem =>
  warning(place, 'file-empty', 'This file holds no spec. Write one, or delete the file.');

/** Nothing works without a cluster: where that is what the file was to be, this says why there is none. */
export const fileName = (place: Place, expected: string): Problem =>
  (expected === 'pxen.yaml' ? error : warning)(place, 'file-name', `PXEN doesn't read this file because of ${place.file.split('/').length > 2 ? 'the folder it lies in' : 'its name'}. If it is a spec, name it ${expected}; otherwise move it elsewhere.`);

export const fileCase = (place: Place, other: string): Problem =>
  error(place, 'file-case', `This file's name differs from ${other} only in upper and lower case: a FAT drive can't hold both. Rename one.`);

// ---- YAML ----

export const yamlSyntax = (place: Place, cause: string): Problem =>
  error(place, 'yaml-syntax', `This isn't valid YAML: ${cause}. Nothing else in this document is checked until it is.`);

export const yamlTab = (place: Place): Problem =>
  error(place, 'yaml-tab', 'YAML allows no tab as indentation. Indent with spaces.');

export const yamlDuplicateKey = (place: Place, key: string, otherPlace: string): Problem =>
  error(place, 'yaml-duplicate-key', `"${key}" is here a second time; the first is at ${otherPlace}. Keep one of them.`);

export const yamlAlias = (place: Place, written: string): Problem =>
  error(place, 'yaml-alias', `Specs take no YAML anchors or aliases (${written}): each spec is to be read by itself. Write the value out.`);

export const yamlMergeKey = (place: Place): Problem =>
  error(place, 'yaml-merge-key', 'Specs take no YAML merge keys (<<): each spec is to be read by itself. Write the keys out.');

export const yamlTag = (place: Place, tag: string): Problem =>
  error(place, 'yaml-tag', `Specs take no YAML tags (${tag}). Remove it and write the plain value.`);

export const yamlDirective = (place: Place): Problem =>
  error(place, 'yaml-directive', 'Specs are YAML 1.2 and take no % directives. Remove this line.');

export const yamlLeadingZero = (place: Place, written: string, read: number): Problem =>
  error(place, 'yaml-leading-zero', `YAML reads ${written} as the number ${read}. Write "${written}" in quotes if text is meant, else ${read}.`);

export const yamlBoolean = (place: Place, written: string, meant: boolean): Problem =>
  error(place, 'yaml-boolean', `"${written}" is text in YAML 1.2, not a yes or no. Write ${meant}.`);

export const yamlNesting = (place: Place): Problem =>
  error(place, 'yaml-nesting', 'This is nested far deeper than any spec. Look for brackets that are never closed.');

// ---- Kinds ----

export const clusterMissing = (place: Place): Problem =>
  error(place, 'cluster-missing', 'This drive has no Cluster document. Write one in pxen.yaml ("pxen drive new" makes a drive to start from).');

export const clusterSecond = (place: Place, otherPlace: string): Problem =>
  error(place, 'cluster-second', `A drive has one Cluster document; there is another at ${otherPlace}. Delete one of them.`);

export const kindMissing = (place: Place, expected: string): Problem =>
  error(place, 'kind-missing', `This document doesn't say what it is. Begin it with "kind: ${expected}".`);

export const kindUnknown = (place: Place, written: string, suggestion: string | undefined): Problem =>
  error(place, 'kind-unknown', `There is no kind "${written}".${didYouMean(suggestion)} A document is of kind Cluster, Host or VM.`);

export const kindMisplaced = (place: Place, kind: string, belongs: string): Problem =>
  error(place, 'kind-misplaced', `A ${kind} document belongs in ${belongs}. Move it there.`);

// ---- Shape ----

export const keyUnknown = (place: Place, key: string, suggestion: string | undefined, known: readonly string[]): Problem =>
  error(place, 'key-unknown', `There is no key "${key}" here.${didYouMean(suggestion)}${suggestion === undefined && known.length > 0 ? ` Possible ${known.length === 1 ? 'is' : 'are'} ${listed(known)}.` : ''}`);

export const keyMissing = (place: Place, key: string, example: string | undefined): Problem =>
  error(place, 'key-missing', `"${key}" is missing here. Add ${example === undefined ? 'it' : `it, for instance "${key}: ${example}"`}.`);

export const keyConflict = (place: Place, key: string, other: string): Problem =>
  error(place, 'key-conflict', `"${key}" and "${other}" can't stand together. Remove one of them.`);

export const keyMalformed = (place: Place, key: string, expected: string): Problem =>
  error(place, 'key-malformed', `"${key}" can't be a key here. Write ${expected}.`);

export const typeWrong = (place: Place, key: string, expected: string, found: string, remedy: string): Problem =>
  error(place, 'type-wrong', `"${key}" must be ${expected}; this is ${found}. ${remedy}`);

export const valueUnknown = (place: Place, key: string, written: string, allowed: readonly string[], suggestion: string | undefined): Problem =>
  error(place, 'value-unknown', `"${key}" can't be ${written}.${didYouMean(suggestion)} Possible ${allowed.length === 1 ? 'is' : 'are'} ${listed(allowed)}.`);

export const valueMalformed = (place: Place, key: string, written: string, expected: string, example: string | undefined): Problem =>
  error(place, 'value-malformed', `"${key}" can't be ${written}. Write ${expected}${example === undefined ? '' : `, for instance ${example}`}.`);

export const numberRange = (place: Place, key: string, written: string, bound: string): Problem =>
  error(place, 'number-range', `"${key}" can't be ${written}. Write a number that is ${bound}.`);

export const itemCount = (place: Place, key: string, bound: string): Problem =>
  error(place, 'item-count', `"${key}" must have ${bound}.`);

export const itemRepeated = (place: Place, written: string): Problem =>
  warning(place, 'item-repeated', `"${written}" is in this list twice. Remove one.`);

// ---- Quantities ----

/** What is told of a text that is no quantity of its kind. */
export function quantityFault(place: Place, key: string, kind: QuantityKind, written: string, fault: QuantityFault): Problem {
  const proposal = fault.suggestions.length === 0 ? '' : ` Write ${fault.suggestions.join(' or ')}.`;
  switch (fault.reason) {
    case 'unit-missing':
      return error(place, 'unit-missing', `"${key}" needs a unit: ${written} of what?${proposal}`);
    case 'unit-unknown':
      return error(place, 'unit-unknown', `"${key}" can't be ${written}: the unit isn't one of ${UNIT_NAMES[kind]}.${proposal}`);
    case 'malformed':
      return error(place, 'quantity-malformed', `"${key}" must be ${QUANTITY_NAMES[kind]}, not ${written}. Write a number and a unit, for instance ${fault.suggestions.join(' or ')}.`);
    case 'negative':
      return error(place, 'quantity-range', `"${key}" can't be negative.${proposal}`);
    case 'too-large':
      return error(place, 'quantity-range', `"${key}" can't be ${written}: that is more than PXEN can count exactly (9 million TB). Write a smaller one.`);
  }
}

export const quantityZero = (place: Place, key: string): Problem =>
  error(place, 'quantity-range', `"${key}" can't be zero. Write how much there is.`);

export const quantityTooSmall = (place: Place, key: string, written: string, least: string): Problem =>
  error(place, 'quantity-range', `"${key}" can't be ${written}. Write at least ${least}.`);

export const reserveTooLarge = (place: Place, reserved: string, total: string): Problem =>
  error(place, 'reserve-too-large', `dom0's reserve of ${reserved} leaves nothing of the host's ${total}. Lower the reserve.`);

// ---- Duplicates ----

export const nameDuplicate = (place: Place, what: string, name: string, otherPlace: string): Problem =>
  error(place, 'name-duplicate', `There is another ${what} "${name}" at ${otherPlace}. Rename one of them.`);

export const macDuplicate = (place: Place, mac: string, owner: string, otherPlace: string): Problem =>
  error(place, 'mac-duplicate', `${mac} is also a MAC address of ${owner} at ${otherPlace}. Correct the wrong one.`);

export const derivedMacDuplicate = (place: Place, mac: string, owner: string): Problem =>
  error(place, 'mac-duplicate', `The MAC address derived for this network card, ${mac}, is also that of ${owner}. Give this card a "mac" of its own.`);

export const addressDuplicate = (place: Place, address: string, owner: string, otherPlace: string): Problem =>
  error(place, 'address-duplicate', `${address} is also the address of ${owner} at ${otherPlace}. Correct the wrong one.`);

export const uuidDuplicate = (place: Place, uuid: string, owner: string, otherPlace: string): Problem =>
  error(place, 'uuid-duplicate', `${uuid} is also the UUID of ${owner} at ${otherPlace}. Correct the wrong one.`);

export const memberDuplicate = (place: Place, serial: string, array: string, otherPlace: string): Problem =>
  error(place, 'member-duplicate', `The disk ${serial} is also a member of ${array} at ${otherPlace}. A disk belongs to one array: correct the wrong one.`);

export const mountOverlap = (place: Place, mount: string, array: string, otherPlace: string): Problem =>
  error(place, 'mount-overlap', `${mount} is also, or lies in or above, the mount of array ${array} at ${otherPlace}. Give each array a folder of its own.`);

// ---- Network ----

export const subnetHostBits = (place: Place, written: string, network: string): Problem =>
  error(place, 'subnet-host-bits', `${written} is an address in a network, not a network. Write ${network}.`);

export const addressOutside = (place: Place, address: string, subnet: string, otherPlace: string): Problem =>
  error(place, 'address-outside', `${address} lies outside the subnet ${subnet} (${otherPlace}). Correct the address or the subnet.`);

export const addressReserved = (place: Place, address: string, role: 'network' | 'broadcast', subnet: string): Problem =>
  error(place, 'address-reserved', `${address} is the ${role} address of ${subnet}; no machine can have it. Choose another.`);

export const rangeOrder = (place: Place, from: string, to: string): Problem =>
  error(place, 'range-order', `The range ends at ${to}, before it begins at ${from}. Exchange the two.`);

export const rangeSize = (place: Place, size: number, most: number): Problem =>
  error(place, 'range-size', `This range has ${size} addresses; it may have ${most}. Make it smaller.`);

export const rangeOverlap = (place: Place, address: string, owner: string, otherPlace: string): Problem =>
  error(place, 'range-overlap', `${address}, the address of ${owner} at ${otherPlace}, lies in this range and could be lent to another machine. Leave it out of the range, or choose another address for it.`);

export const forwarderSelf = (place: Place, address: string): Problem =>
  error(place, 'forwarder-self', `${address} is the boot server itself: it would ask itself without end. Name another server, such as the router's, or leave forwarders out.`);

export const rangeUnused = (place: Place, dhcp: string): Problem =>
  warning(place, 'range-unused', `With "dhcp: ${dhcp}" PXEN gives no addresses, so this range is never used. Remove it, or set "dhcp: authoritative".`);

export const menuUnseen = (place: Place, dhcp: string): Problem =>
  warning(place, 'menu-unseen', `With "dhcp: ${dhcp}"${dhcp === 'authoritative' ? ' and no "range"' : ''} PXEN answers no machine that isn't on the drive, so nobody sees this menu. ${dhcp === 'authoritative' ? 'Add a "range"' : 'Set "dhcp: proxy"'}, or remove this line.`);

// ---- References ----

export const referenceUnknown = (place: Place, what: string, written: string, suggestion: string | undefined): Problem =>
  error(place, 'reference-unknown', `There is no ${what} "${written}" on this drive.${didYouMean(suggestion)} ${suggestion === undefined ? 'Correct the name, or add what is missing.' : ''}`.trimEnd());

export const referenceSelf = (place: Place, name: string): Problem =>
  error(place, 'reference-self', `"${name}" names itself here. Remove it.`);

/** `cycle` begins and ends with the same VM; `nextPlace` is where its second one names the third. */
export const startCycle = (place: Place, cycle: readonly string[], nextPlace: string): Problem =>
  error(place, 'start-cycle', `The start order goes in a circle: ${shortened(cycle).join(' after ')} (next: ${nextPlace}). Remove one of these "after" entries.`);

export const apartAndTogether = (place: Place, vm: string, other: string, chain: readonly string[], otherPlace: string): Problem =>
  error(place, 'apart-and-together', `"${vm}" and "${other}" must be apart here but together at ${otherPlace}${chain.length > 2 ? ` (${chain.join(' with ')})` : ''}. Remove one of the two.`);

export const arrayMembers = (place: Place, level: string, count: number, needed: number): Problem =>
  error(place, 'array-members', `${level} needs at least ${needed} members; here ${count === 1 ? 'is 1' : `are ${count}`}. Add the missing serial numbers or correct "level".`);

export const imageMissing = (place: Place, image: string, present: readonly string[], suggestion: string | undefined): Problem =>
  warning(place, 'image-missing', `There is no boot image "${image}" under images/ (there: ${listed(present)}).${didYouMean(suggestion)} Build it with "pxen image build", or name one that exists.`);

export const diskFileMissing = (place: Place, file: string, suggestion: string | undefined): Problem =>
  warning(place, 'disk-file-missing', `There is no file ${file} on this drive.${didYouMean(suggestion)} Put it there or correct the path.`);

// ---- Room ----

export const hostMissing = (place: Place, vms: number): Problem =>
  warning(place, 'host-missing', `This drive has no Host document: there is nothing for its ${vms === 1 ? 'VM' : `${vms} VMs`} to run on. Write one in ${HOST_FILE}.`);

/** `largest` is the host that has most of it; undefined when none has any. */
export const vmTooLarge = (place: Place, what: string, wanted: string, largest: { readonly host: string; readonly most: string } | undefined): Problem =>
  warning(place, 'vm-too-large', `No host can ever hold this: ${wanted} ${what === 'vCPUs' ? what : `of ${what}`} ${largest === undefined ? 'is wanted, and no host has any' : `${what === 'vCPUs' ? 'are' : 'is'} wanted, and the largest, ${largest.host}, gives ${largest.most}`}. Ask for less, or correct the host.`);

export const placeholderLeft = (place: Place, kind: PlaceholderKind, written: string): Problem =>
  warning(place, 'placeholder-left', `${written} stands here to be replaced: ${PLACEHOLDER_WORDS[kind]}`);

const PLACEHOLDER_WORDS: Readonly<Record<PlaceholderKind, string>> = {
  mac: 'no machine has this MAC address, so the host can neither be woken nor booted. "ip link" on the machine tells its own.',
  uuid: 'no array has this UUID, so the host would come up without it. "mdadm --detail /dev/md0" on the machine tells its own.',
  serial: 'no disk has this serial number. "lsblk -o NAME,SERIAL" on the machine tells its own.',
};

const HOST_FILE = 'hosts/NAME.host.yaml';

// ---- Helpers ----

function error(place: Place, code: ProblemCode, message: string): Problem {
  return problem(place, 'error', code, message);
}

function warning(place: Place, code: ProblemCode, message: string): Problem {
  return problem(place, 'warning', code, message);
}

function problem({ file, start, end }: Place, severity: Severity, code: ProblemCode, message: string): Problem {
  return { file, start, end, severity, code, message };
}

function shortened(names: readonly string[]): readonly string[] {
  return names.length <= 10 ? names : [...names.slice(0, 5), `… ${names.length - 9} more …`, ...names.slice(-4)];
}

function didYouMean(suggestion: string | undefined): string {
  return suggestion === undefined ? '' : ` Did you mean ${suggestion}?`;
}

function listed(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} and ${values.at(-1) ?? ''}`;
}
