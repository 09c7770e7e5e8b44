/** IPv4 addresses of the pool's subnet that nobody has yet. */

import type { EditorDrive } from './editorDrive';
import { descend, textOf } from './nodes';

/** The first free address behind the highest one of a host; else the first free one of all. Undefined without a readable subnet or when it is full. */
export function freeAddress(drive: EditorDrive): string | undefined {
  const documents = [...drive.files.values()].flatMap(({ spec }) => spec.documents);
  const cluster = documents.find(({ kind }) => kind === 'Cluster')?.yaml.contents;
  const subnet = parseSubnet(textOf(descend(cluster, ['network', 'subnet']).node) ?? '');
  if (!subnet) return undefined;
  const own = ['server', 'gateway'].map((key) => parseAddress(textOf(descend(cluster, ['network', key]).node) ?? ''));
  const hosts = documents.filter(({ kind }) => kind === 'Host').map(({ yaml }) => parseAddress(textOf(descend(yaml.contents, ['address']).node) ?? ''));
  const taken = new Set([...own, ...hosts]);
  const [from, to] = ['from', 'to'].map((end) => parseAddress(textOf(descend(cluster, ['network', 'range', end]).node) ?? ''));
  const isLent = (address: number) => from !== undefined && to !== undefined && from <= address && address <= to;
  const inside = hosts.filter((address) => address !== undefined && address > subnet.network && address < subnet.broadcast);
  const highest = Math.max(subnet.network, ...inside.filter((address) => address !== undefined));
  const free = (from: number, to: number) => {
    for (let address = from; address < to; address += 1) if (!taken.has(address) && !isLent(address)) return formatAddress(address);
    return undefined;
  };
  return free(highest + 1, subnet.broadcast) ?? free(subnet.network + 1, subnet.broadcast);
}

/** The network that an address with a prefix length lies in, as CIDR; undefined when it isn't one. */
export function networkOf(cidr: string): string | undefined {
  const subnet = parseSubnet(cidr);
  return subnet && `${formatAddress(subnet.network)}/${subnet.prefixLength}`;
}

function parseSubnet(cidr: string): { readonly network: number; readonly broadcast: number; readonly prefixLength: number } | undefined {
  const [written = '', length = ''] = cidr.split('/');
  const [address, prefixLength] = [parseAddress(written), Number(length)];
  if (address === undefined || !/^\d+$/.test(length) || prefixLength < 8 || prefixLength > 30) return undefined;
  const size = 2 ** (32 - prefixLength);
  const network = Math.floor(address / size) * size;
  return { network, broadcast: network + size - 1, prefixLength };
}

function parseAddress(text: string): number | undefined {
  const bytes = text.split('.');
  if (bytes.length !== 4 || bytes.some((byte) => !/^\d{1,3}$/.test(byte) || Number(byte) > 255)) return undefined;
  return bytes.reduce((value, byte) => value * 256 + Number(byte), 0);
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
