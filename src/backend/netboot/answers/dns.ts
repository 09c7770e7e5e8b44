/** What a DNS question about the pool is answered: (model, question) → records or a code. Pure. */

import type { PoolModel } from '../../drive/model';
import { parseSubnet } from '../ipv4';
import { reverseNameOf } from './reverseZones';

export interface DnsQuestion {
  readonly name: string;
  /** `A`, `PTR`, `SOA`, `AAAA`…, as dns-packet names them. */
  readonly type: string;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: 'A' | 'PTR' | 'SOA' | 'NS';
  readonly data: string | DnsStartOfAuthority;
}

export interface DnsStartOfAuthority {
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

export interface DnsAnswer {
  readonly code: 'NOERROR' | 'NXDOMAIN' | 'REFUSED';
  readonly answers: readonly DnsRecord[];
  /** The SOA that lets a resolver remember a negative answer (RFC 2308). */
  readonly authorities: readonly DnsRecord[];
}

/** Seconds. Short: an edited drive takes effect at once. */
export const DNS_TTL = 30;

/** Name of the boot server in the pool's domain, unless a host has it. */
const SERVER_LABEL = 'pxen';

/**
 * Hosts by name under the pool's domain and by address under the subnet's reverse zones; everything else is REFUSED: a
 * server that is asked for other names by strangers must not answer at length.
 */
export function answerDns(model: PoolModel, question: DnsQuestion, serverAddress: string): DnsAnswer {
  if (ZONE_TRANSFERS.includes(question.type)) return REFUSED;
  const { network } = model.cluster;
  const domain = network.domain.toLowerCase();
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const reverse = reverseNameOf(name, parseSubnet(network.subnet));
  if (reverse) {
    const { zone, dotted } = reverse;
    const label = labelOfAddress(model, dotted, serverAddress);
    const pointers: readonly DnsRecord[] = label === undefined ? [] : [{ name, type: 'PTR', data: `${label}.${domain}` }];
    // A name is there as well when names below it are (RFC 8020 §2).
    return answerInZone({ zone, domain, question, name, records: pointers, exists: label !== undefined || hasAddressesBelow(model, dotted, serverAddress) });
  }
  if (name !== domain && !name.endsWith(`.${domain}`)) return REFUSED;
  const address = addressOfLabel(model, name.slice(0, -domain.length - 1), serverAddress);
  return answerInZone({ zone: domain, domain, question, name, records: address === undefined ? [] : [{ name, type: 'A', data: address }], exists: address !== undefined });
}

interface InZone {
  /** Name of the zone, and the pool's domain: both hold the boot server's name. */
  readonly zone: string;
  readonly domain: string;
  readonly question: DnsQuestion;
  readonly name: string;
  /** What the name has besides the zone's own records. */
  readonly records: readonly DnsRecord[];
  readonly exists: boolean;
}

/**
 * Whatever isn't there is told with the SOA of the zone, whose owner is the name or above it: resolvers remember it by
 * that, and throw away any other (RFC 2308 §3, §5).
 */
function answerInZone({ zone, domain, question, name, records, exists }: InZone): DnsAnswer {
  const authority: DnsRecord = { name: zone, type: 'SOA', data: startOfAuthority(domain) };
  if (name === zone) return found(question, [...records, authority, { name, type: 'NS', data: `${SERVER_LABEL}.${domain}` }], authority);
  return exists ? found(question, records, authority) : { code: 'NXDOMAIN', answers: [], authorities: [authority] };
}

/** RFC 5936 §2.2.1, RFC 1995: whoever asks for one would take anything else for the whole zone. */
export const ZONE_TRANSFERS: readonly string[] = ['AXFR', 'IXFR'];

const REFUSED: DnsAnswer = { code: 'REFUSED', answers: [], authorities: [] };

/**
 * A name that exists without records of the asked type is NOERROR with none (RFC 2308 §2.2), never NXDOMAIN. ANY gets one
 * record, whichever there is: it is asked to be sent much (RFC 8482 §4.1).
 */
function found(question: DnsQuestion, records: readonly DnsRecord[], authority: DnsRecord): DnsAnswer {
  const answers = question.type === 'ANY' ? records.slice(0, 1) : records.filter((record) => record.type === question.type);
  return { code: 'NOERROR', answers, authorities: answers.length > 0 ? [] : [authority] };
}

function addressOfLabel(model: PoolModel, label: string, serverAddress: string): string | undefined {
  return model.hosts.find((host) => host.name === label)?.address ?? (label === SERVER_LABEL ? serverAddress : undefined);
}

function labelOfAddress(model: PoolModel, address: string, serverAddress: string): string | undefined {
  return model.hosts.find((host) => host.address === address)?.name ?? (address === serverAddress ? SERVER_LABEL : undefined);
}

function hasAddressesBelow(model: PoolModel, dotted: string, serverAddress: string): boolean {
  return serverAddress.startsWith(`${dotted}.`) || model.hosts.some(({ address }) => address.startsWith(`${dotted}.`));
}

/** The serial is constant: there is no zone transfer, and two servers of one drive must answer alike. */
function startOfAuthority(domain: string): DnsStartOfAuthority {
  return { mname: `${SERVER_LABEL}.${domain}`, rname: `hostmaster.${domain}`, serial: 1, refresh: 3600, retry: 600, expire: 86_400, minimum: DNS_TTL };
}
