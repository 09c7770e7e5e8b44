/** TFTP packets (RFC 1350, options by RFC 2347) to bytes and back. Pure; decoding never throws. */

const OPCODE = { read: 1, write: 2, data: 3, acknowledgement: 4, error: 5, optionAcknowledgement: 6 } as const;

/** RFC 1350 §5 and RFC 2347. */
export const TFTP_ERROR = { undefined: 0, notFound: 1, accessViolation: 2, illegalOperation: 4, optionNegotiation: 8 } as const;

export const DATA_HEADER_LENGTH = 4;

export type TftpPacket =
  | { readonly kind: 'read' | 'write'; readonly file: string; readonly mode: string; readonly options: ReadonlyMap<string, string> }
  | { readonly kind: 'data'; readonly block: number; readonly data: Buffer }
  | { readonly kind: 'acknowledgement'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | { readonly kind: 'options'; readonly options: ReadonlyMap<string, string> };

/** Undefined for what isn't TFTP. Option names come back in lower case (RFC 2347: they are not case-sensitive). */
export function decodeTftp(bytes: Buffer): TftpPacket | undefined {
  if (bytes.length < 4) return undefined;
  switch (bytes.readUInt16BE(0)) {
    case OPCODE.read:
      return decodeRequest('read', bytes);
    case OPCODE.write:
      return decodeRequest('write', bytes);
    case OPCODE.data:
      return { kind: 'data', block: bytes.readUInt16BE(2), data: bytes.subarray(DATA_HEADER_LENGTH) };
    case OPCODE.acknowledgement:
      return { kind: 'acknowledgement', block: bytes.readUInt16BE(2) };
    case OPCODE.error:
      return { kind: 'error', code: bytes.readUInt16BE(2), message: splitStrings(bytes.subarray(4))[0] ?? '' };
    case OPCODE.optionAcknowledgement:
      return { kind: 'options', options: pairs(splitStrings(bytes.subarray(2))) };
    default:
      return undefined;
  }
}

function decodeRequest(kind: 'read' | 'write', bytes: Buffer): TftpPacket | undefined {
  const [file, mode, ...options] = splitStrings(bytes.subarray(2));
  if (file === undefined || file === '' || mode === undefined) return undefined;
  return { kind, file, mode: mode.toLowerCase(), options: pairs(options) };
}

/** NUL-terminated strings; a last one without its NUL counts, since some firmware forgets it. */
function splitStrings(bytes: Buffer): readonly string[] {
  const strings = bytes.toString('latin1').split('\0');
  if (strings.at(-1) === '') strings.pop();
  return strings;
}

/** RFC 2347: an option may be given once; the first counts. A name without a value is dropped. */
function pairs(strings: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (let index = 0; index + 1 < strings.length; index += 2) {
    const name = (strings[index] ?? '').toLowerCase();
    if (!options.has(name)) options.set(name, strings[index + 1] ?? '');
  }
  return options;
}

export function encodeTftp(packet: TftpPacket): Buffer {
  switch (packet.kind) {
    case 'read':
    case 'write':
      return Buffer.concat([uint16(OPCODE[packet.kind]), ...[packet.file, packet.mode, ...flat(packet.options)].map(terminated)]);
    case 'data':
      return Buffer.concat([uint16(OPCODE.data), uint16(packet.block), packet.data]);
    case 'acknowledgement':
      return Buffer.concat([uint16(OPCODE.acknowledgement), uint16(packet.block)]);
    case 'error':
      return Buffer.concat([uint16(OPCODE.error), uint16(packet.code), terminated(packet.message)]);
    case 'options':
      return Buffer.concat([uint16(OPCODE.optionAcknowledgement), ...flat(packet.options).map(terminated)]);
  }
}

/** Writes a data packet's header over the first four octets of `into`. */
export function writeDataHeader(into: Buffer, block: number): void {
  into.writeUInt16BE(OPCODE.data, 0);
  into.writeUInt16BE(block, 2);
}

function flat(options: ReadonlyMap<string, string>): readonly string[] {
  return [...options].flat();
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value & 0xffff);
  return bytes;
}

function terminated(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'latin1');
}
