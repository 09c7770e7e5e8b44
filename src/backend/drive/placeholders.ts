/** Values that stand in a spec to be replaced: no machine, array or disk has them. One place makes them and knows them again. */

/** From the block that is kept for documentation (RFC 9542, §2.1.1), which no network card comes with. */
export function placeholderMac(number: number): string {
  return `${MAC_PREFIX}${(number & 0xff).toString(16).padStart(2, '0')}`;
}

export function placeholderUuid(number: number): string {
  return `${UUID_PREFIX}${number.toString(16).padStart(8, '0')}`;
}

export function placeholderSerial(number: number): string {
  return `${SERIAL_PREFIX}${number}`;
}

/** All in the form that the model has them in: lower case, with colons. */
export const isPlaceholder = {
  mac: (mac: string) => mac.startsWith(MAC_PREFIX),
  uuid: (uuid: string) => uuid.startsWith(UUID_PREFIX),
  serial: (serial: string) => serial.startsWith(SERIAL_PREFIX),
} as const;

export type PlaceholderKind = keyof typeof isPlaceholder;

const MAC_PREFIX = '00:00:5e:00:53:';
const UUID_PREFIX = '01234567:89abcdef:01234567:';
const SERIAL_PREFIX = 'SERIAL-OF-DISK-';
