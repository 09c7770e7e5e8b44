/** Which option of a message goes into which of its fields, and which stay out when there is too little room. Pure. */

import { OPTION, textOf, type DhcpOptions } from './options';

export type Option = readonly [code: number, value: Buffer];

/** Octets that each field has for options and its end marker. */
export interface Room {
  readonly main: number;
  readonly file: number;
  readonly serverName: number;
}

export interface Allotted {
  readonly main: readonly Option[];
  readonly file: readonly Option[];
  readonly serverName: readonly Option[];
  /** Codes of the options that found no room. */
  readonly omitted: readonly number[];
}

const END_LENGTH = 1;
/** Option 52, which says that the other fields hold options as well. */
const OVERLOAD_LENGTH = 3;

/**
 * What makes a message an answer of ours, and then what the relay sent with it: a server shall give that back (RFC 3046
 * §2.2), and relays look for it in the main field only, which has room for it in every message.
 */
const MOST_NEEDED: readonly number[] = [OPTION.messageType, OPTION.serverIdentifier, OPTION.relayAgentInformation];
/** What a client can do without, the most needed first: the broadcast address follows from the mask, the message is for people. */
const LEAST_NEEDED: readonly number[] = [OPTION.hostName, OPTION.domainName, OPTION.broadcastAddress, OPTION.message];

/** Fields of the message that options 66 and 67 may only repeat. */
export interface Fixed {
  readonly nextServer: string;
  readonly bootFile: string;
}

/** In each field the options stay in their order. */
export function allot(options: DhcpOptions, room: Room, fixed: Fixed): Allotted {
  let total = END_LENGTH;
  for (const option of options) total += encodedLength(option);
  // As nearly always.
  if (total <= room.main) return { main: [...options], file: [], serverName: [], omitted: [] };

  const left: Record<keyof Room, number> = { main: room.main - END_LENGTH - OVERLOAD_LENGTH, file: room.file - END_LENGTH, serverName: room.serverName - END_LENGTH };
  const fieldOf = new Map<number, keyof Room>();
  for (const option of byNeed(options, fixed)) {
    const length = encodedLength(option);
    const field = FIELDS.find((each) => left[each] >= length);
    if (field === undefined) continue;
    fieldOf.set(option[0], field);
    left[field] -= length;
  }
  const thoseIn = (field: keyof Room | undefined) => [...options].filter(([code]) => fieldOf.get(code) === field);
  return { main: thoseIn('main'), file: thoseIn('file'), serverName: thoseIn('serverName'), omitted: thoseIn(undefined).map(([code]) => code) };
}

/** Not every client reads options in the other fields, nor does every relay. */
const FIELDS = ['main', 'file', 'serverName'] as const;

/** Equally needed ones in the order of the message. */
function byNeed(options: DhcpOptions, { nextServer, bootFile }: Fixed): readonly Option[] {
  const rank = (code: number): number => {
    const isRepeated = (code === OPTION.tftpServerName && textOf(options, code) === nextServer) || (code === OPTION.bootFileName && textOf(options, code) === bootFile);
    if (isRepeated) return LEAST_NEEDED.length;
    // Those in neither list have -1, between the two.
    return MOST_NEEDED.includes(code) ? MOST_NEEDED.indexOf(code) - MOST_NEEDED.length - 1 : LEAST_NEEDED.indexOf(code);
  };
  return [...options].sort(([a], [b]) => rank(a) - rank(b));
}

/** Values over 255 octets are split into several options of the same code (RFC 3396). */
export function encodedLength([, value]: Option): number {
  return value.length + 2 * Math.max(1, Math.ceil(value.length / 255));
}
