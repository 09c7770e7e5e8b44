/** A DNS packet to its reply (RFC 1035), on dns-packet. Pure. */

import dns from 'dns-packet';
import { DNS_TTL, type DnsAnswer, type DnsQuestion, type DnsRecord } from '../answers/dns';

export interface DnsQuery {
  readonly id: number;
  readonly recursionDesired: boolean;
  readonly question: DnsQuestion;
  /** Bytes a reply over UDP may have. */
  readonly largestReply: number;
  /** Whether it speaks EDNS (RFC 6891), and then whether it wants DNSSEC's records. */
  readonly edns?: { readonly dnssecOk: boolean };
}

export interface DnsReply {
  readonly bytes: Buffer;
  readonly question: DnsQuestion;
  readonly answer: DnsAnswer;
}

/** Without EDNS (RFC 1035 §4.2.1). */
const SMALLEST_LIMIT = 512;
/** More would be cut into fragments, which get lost and forged (DNS flag day 2020). */
export const LARGEST_UDP_REPLY = 1232;
const DNSSEC_OK = 0x8000;

/** RFC 1035 §4.1.1. */
const RESPONSE_CODE = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

/** Undefined for what isn't a query with one question of the Internet's class: nothing can be bounced between servers so. */
export function readQuery(bytes: Buffer): DnsQuery | undefined {
  if (!holdsWhatItCounts(bytes)) return undefined;
  let packet: dns.DecodedPacket;
  try {
    packet = dns.decode(bytes);
  } catch {
    return undefined;
  }
  const question = packet.questions?.[0];
  if (packet.type !== 'query' || operationOf(packet) !== 0 || !question || packet.questions?.length !== 1 || question.class !== 'IN') return undefined;
  const edns = packet.additionals?.find((record) => record.type === 'OPT');
  return {
    id: packet.id ?? 0,
    recursionDesired: ((packet.flags ?? 0) & dns.RECURSION_DESIRED) !== 0,
    question: { name: question.name, type: question.type },
    largestReply: Math.min(LARGEST_UDP_REPLY, Math.max(SMALLEST_LIMIT, edns?.udpPayloadSize ?? 0)),
    ...(edns && { edns: { dnssecOk: (edns.flags & DNSSEC_OK) !== 0 } }),
  };
}

/** As {@link readQuery}, then {@link encodeReply}. */
export function replyToDns(bytes: Buffer, decide: (question: DnsQuestion) => DnsAnswer, recursionAvailable = false): DnsReply | undefined {
  const query = readQuery(bytes);
  if (!query) return undefined;
  const answer = decide(query.question);
  const reply = encodeReply(query, answer, recursionAvailable);
  return reply && { bytes: reply, question: query.question, answer };
}

/** Undefined for a name or type that can be read but not written: no question that anybody means. */
export function encodeReply(query: DnsQuery, answer: DnsAnswer | { readonly code: 'SERVFAIL' }, recursionAvailable: boolean): Buffer | undefined {
  const records = 'answers' in answer ? answer : { answers: [], authorities: [] };
  const authoritative = answer.code === 'NOERROR' || answer.code === 'NXDOMAIN';
  return encode({
    ...header(query, (authoritative ? dns.AUTHORITATIVE_ANSWER : 0) | (recursionAvailable ? dns.RECURSION_AVAILABLE : 0) | RESPONSE_CODE[answer.code]),
    answers: records.answers.map(packetRecord),
    authorities: records.authorities.map(packetRecord),
  });
}

/** Says only: ask again over TCP, where nobody can pretend to be another (TC, RFC 1035 §4.1.1). */
export function truncatedReply(query: DnsQuery): Buffer | undefined {
  return encode(header(query, dns.TRUNCATED_RESPONSE));
}

function header(query: DnsQuery, flags: number): dns.Packet {
  return { type: 'response', id: query.id, flags: (query.recursionDesired ? dns.RECURSION_DESIRED : 0) | flags, questions: [packetQuestion(query.question)], additionals: query.edns ? [ednsRecord(0)] : [] };
}

/** The same question in a packet of our own making, for a forwarder. */
export function encodeForwarded(query: DnsQuery, id: number): Buffer | undefined {
  return encode({ type: 'query', id, flags: dns.RECURSION_DESIRED, questions: [packetQuestion(query.question)], additionals: query.edns ? [ednsRecord(query.edns.dnssecOk ? DNSSEC_OK : 0)] : [] });
}

/** Whether the packet answers this question under this id; anything else on the socket is a forgery or a stray. */
export function answersForwarded(bytes: Buffer, id: number, { name, type }: DnsQuestion): boolean {
  if (!holdsWhatItCounts(bytes)) return false;
  try {
    const packet = dns.decode(bytes);
    const [question] = packet.questions ?? [];
    return packet.type === 'response' && packet.id === id && packet.questions?.length === 1 && question?.type === type && question.name.toLowerCase() === name.toLowerCase();
  } catch {
    return false;
  }
}

const HEADER_BYTES = 12;
/** A question or a record with the root as its name and no data (RFC 1035 §4.1.2, §4.1.3). */
const SMALLEST_QUESTION = 5;
const SMALLEST_RECORD = 11;

/** dns-packet reads as many records as the header counts, past the end too: a header alone would hold us up for a tenth of a second. */
function holdsWhatItCounts(bytes: Buffer): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const [questions, records] = [bytes.readUInt16BE(4), bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10)];
  return HEADER_BYTES + questions * SMALLEST_QUESTION + records * SMALLEST_RECORD <= bytes.length;
}

/** 0: an ordinary query. */
function operationOf({ flags = 0 }: dns.DecodedPacket): number {
  return (flags >> 11) & 0xf;
}

function ednsRecord(flags: number): dns.Answer {
  return { type: 'OPT', name: '.', udpPayloadSize: LARGEST_UDP_REPLY, flags, options: [] } as unknown as dns.Answer;
}

function packetQuestion({ name, type }: DnsQuestion): dns.Question {
  return { name, type: type as dns.RecordType, class: 'IN' };
}

function packetRecord(record: DnsRecord): dns.Answer {
  return { ...record, ttl: DNS_TTL } as dns.Answer;
}

function encode(packet: dns.Packet): Buffer | undefined {
  try {
    return dns.encode(packet);
  } catch {
    return undefined;
  }
}
