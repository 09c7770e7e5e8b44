/** The state files' formats: JSON text ↔ values, with nothing taken on trust. What can't be read is an error, never "empty". */

import type { DiskPlace, UnknownMachine } from '../../protocol';
import { isUuid } from './identity';
import type { DriveIdentity, HelloRecord, HostBootRecord, IssuedToken, LeaseRecord, LockedDisk, PlacementLock } from './state';

/** A state file that PXEN can't use. The message names the file and says what to do. */
export class StateFileError extends Error {
  override readonly name = 'StateFileError';

  constructor(
    readonly file: string,
    cause: string,
    remedy: string,
  ) {
    super(`${file} can't be used: ${cause}. ${remedy}`);
  }
}

/** One kind of state file: how to check what was read, and what to tell when it's no good. */
export interface StateFormat<Value> {
  readonly decode: (json: JsonReader) => Value;
  readonly remedy: string;
}

export const IDENTITY_FORMAT: StateFormat<DriveIdentity> = {
  decode: (json) => ({ driveId: json.get('driveId').uuid(), createdAt: json.get('createdAt').text() }),
  remedy:
    "The VMs' UUIDs and the arrays' ownership follow from it: put back the drive's last good copy of it (git or a backup). Every array also tells its drive's id, in pxen/array.json under its mount.",
};

export const PLACEMENT_FORMAT: StateFormat<PlacementLock> = {
  decode: (json) => ({
    assignments: json.get('assignments').record((entry) => entry.text()),
    disks: json.get('disks').record(lockedDisk),
  }),
  remedy:
    'It says which VM disks exist and where, so nothing is started without it: put back its last good copy (git or a backup). If there is none, delete it, but only while every host that ever held a VM disk is reachable: its arrays then tell where the disks are.',
};

export const HOST_BOOT_FORMAT: StateFormat<HostBootRecord> = {
  decode: (json) => {
    const formerTokens = json.optional('formerTokens');
    const hello = json.optional('hello');
    const formerHello = json.optional('formerHello');
    const poweredOffAt = json.optional('poweredOffAt');
    return {
      mac: json.get('mac').text(),
      image: json.get('image').text(),
      tokenSha256: json.get('tokenSha256').text(),
      issuedAt: json.get('issuedAt').text(),
      ...(formerTokens && { formerTokens: formerTokens.list(issuedToken) }),
      ...(hello && { hello: helloRecord(hello) }),
      ...(formerHello && { formerHello: formerHelloRecord(formerHello) }),
      ...(poweredOffAt && { poweredOffAt: poweredOffAt.text() }),
    };
  },
  remedy: "It pins the ssh keys of the host's present boot: put back its last good copy, or switch the host off by hand and delete the file; the host then boots anew.",
};

/** Newest first. */
export const UNKNOWN_MACHINES_FORMAT: StateFormat<readonly UnknownMachine[]> = {
  decode: (json) =>
    Object.entries(json.get('machines').record(unknownMachine))
      .map(([mac, machine]) => ({ ...machine, mac }))
      .sort((a, b) => (a.lastSeen > b.lastSeen ? -1 : 1)),
  remedy: 'It only remembers which machines asked without being on the drive: delete it.',
};

/** By address. */
export const LEASES_FORMAT: StateFormat<Readonly<Record<string, LeaseRecord>>> = {
  decode: (json) =>
    json.get('leases').record((lease) => ({
      mac: lease.get('mac').text(),
      until: lease.get('until').text(),
      ...(lease.optional('avoided')?.flag() === true && { avoided: true }),
    })),
  remedy: 'It remembers which addresses of network.range are lent: delete it. Machines then keep theirs when they ask again.',
};

/** `format` is raised when an older PXEN would misread the file. */
const FORMAT = 1;

/** Text of a state file: keys sorted, and one line an entry, so that a git diff shows what changed and nothing else. */
export function encodeState(value: object): string {
  return `${laidOut({ format: FORMAT, ...value }, '')}\n`;
}

/** Two levels have a line for each entry; what lies deeper belongs to its entry. */
const DEEPEST_INDENT = '  ';

function laidOut(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Array.isArray(value)
    ? value.map((item: unknown) => laidOut(item, `${indent}  `))
    : Object.entries(value)
        .filter(([, inner]) => inner !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, inner]) => `${JSON.stringify(key)}: ${laidOut(inner, `${indent}  `)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0 || indent.length > DEEPEST_INDENT.length) return `${open}${entries.join(', ')}${close}`;
  return `${open}\n${entries.map((entry) => `${indent}  ${entry}`).join(',\n')}\n${indent}${close}`;
}

/** Reads what `encodeState` wrote; throws a StateFileError that names `file`. */
export function decodeState<Value>(file: string, bytes: Uint8Array, format: StateFormat<Value>): Value {
  const fail = (cause: string) => new StateFileError(file, cause, format.remedy);
  if (bytes.length === 0) throw fail('it is empty, as after a drive was pulled while something else wrote to it');
  if (bytes.every((byte) => byte === 0)) throw fail('it holds only zeros, as after a drive was pulled while something else wrote to it');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw fail(`it isn't JSON (${(error as Error).message})`);
  }
  try {
    const json = new JsonReader(value, '');
    const written = json.get('format').number();
    if (written > FORMAT) throw fail(`a newer PXEN wrote it (format ${written}, this one knows ${FORMAT}); use that one`);
    return format.decode(json);
  } catch (error) {
    if (error instanceof MismatchError) throw fail(error.message);
    throw error;
  }
}

function helloRecord(json: JsonReader): HelloRecord {
  return {
    at: json.get('at').text(),
    address: json.get('address').text(),
    hostKeys: json.get('hostKeys').list((key) => key.text()),
  };
}

/** Which token it was spent with, only newer records tell. */
function formerHelloRecord(json: JsonReader): NonNullable<HostBootRecord['formerHello']> {
  const spent = json.optional('tokenSha256');
  return { ...helloRecord(json), ...(spent && { tokenSha256: spent.text() }) };
}

function issuedToken(json: JsonReader): IssuedToken {
  return { mac: json.get('mac').text(), tokenSha256: json.get('tokenSha256').text() };
}

function lockedDisk(json: JsonReader): LockedDisk {
  const adopted = json.optional('adopted');
  return {
    place: diskPlace(json.get('place')),
    generation: json.get('generation').number(),
    sizeBytes: json.get('sizeBytes').number(),
    ...(adopted?.flag() === true && { adopted: true }),
  };
}

function unknownMachine(json: JsonReader): Omit<UnknownMachine, 'mac'> {
  const architecture = json.optional('architecture');
  const vendorClass = json.optional('vendorClass');
  return {
    wants: json.get('wants').text() === 'boot' ? 'boot' : 'address',
    ...(architecture && { architecture: architecture.text() }),
    ...(vendorClass && { vendorClass: vendorClass.text() }),
    firstSeen: json.get('firstSeen').text(),
    lastSeen: json.get('lastSeen').text(),
    count: json.get('count').number(),
  };
}

function diskPlace(json: JsonReader): DiskPlace {
  const storage = json.optional('storage');
  if (storage) return { storage: storage.text() };
  return { host: json.get('host').text(), array: json.get('array').text() };
}

class MismatchError extends Error {}

/** Walks a JSON value and knows where it is, so that a mismatch is told with its place. */
class JsonReader {
  constructor(
    private readonly value: unknown,
    private readonly path: string,
  ) {}

  flag(): boolean {
    if (typeof this.value !== 'boolean') throw this.mismatch('true or false');
    return this.value;
  }

  get(key: string): JsonReader {
    const found = this.optional(key);
    if (!found) throw new MismatchError(`"${this.pathOf(key)}" is missing`);
    return found;
  }

  optional(key: string): JsonReader | undefined {
    const object = this.object();
    return Object.hasOwn(object, key) ? new JsonReader(object[key], this.pathOf(key)) : undefined;
  }

  record<Entry>(decode: (json: JsonReader) => Entry): Readonly<Record<string, Entry>> {
    return Object.fromEntries(Object.entries(this.object()).map(([key, entry]) => [key, decode(new JsonReader(entry, this.pathOf(key)))]));
  }

  list<Item>(decode: (json: JsonReader) => Item): readonly Item[] {
    if (!Array.isArray(this.value)) throw this.mismatch('a list');
    return this.value.map((item, index) => decode(new JsonReader(item, `${this.path}[${index}]`)));
  }

  text(): string {
    if (typeof this.value !== 'string') throw this.mismatch('text');
    return this.value;
  }

  uuid(): string {
    const text = this.text();
    if (!isUuid(text)) throw this.mismatch('a UUID');
    return text;
  }

  /** A whole number from 0 upwards. */
  number(): number {
    if (!Number.isSafeInteger(this.value) || (this.value as number) < 0) throw this.mismatch('a whole number');
    return this.value as number;
  }

  private pathOf(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  private object(): Record<string, unknown> {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) throw this.mismatch('an object');
    return this.value as Record<string, unknown>;
  }

  private mismatch(expected: string): MismatchError {
    return new MismatchError(`${this.path === '' ? 'its content' : `"${this.path}"`} isn't ${expected}`);
  }
}
