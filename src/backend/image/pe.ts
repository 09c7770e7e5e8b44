/** The two fields of a PE header (Microsoft's "PE Format") that tell one build from the next of the same content. */

const POINTER_TO_SIGNATURE = 0x3c;
const SIGNATURE = 'PE\0\0';
/** Both from the signature on: TimeDateStamp of the COFF header, CheckSum of the optional header. */
const TIME_DATE_STAMP = 8;
const CHECK_SUM = 24 + 64;

/**
 * Sets the date in a PE file's header (its first kilobyte will do) and clears its checksum, which UEFI doesn't look at and
 * which covers the date. Throws when it is no PE file.
 */
export function setPeDate(header: Buffer, secondsSinceEpoch: number): void {
  const signature = header.length >= POINTER_TO_SIGNATURE + 4 ? header.readUInt32LE(POINTER_TO_SIGNATURE) : header.length;
  if (header.toString('latin1', signature, signature + 4) !== SIGNATURE) throw new Error('not a PE file');
  header.writeUInt32LE(secondsSinceEpoch % 2 ** 32, signature + TIME_DATE_STAMP);
  header.writeUInt32LE(0, signature + CHECK_SUM);
}
