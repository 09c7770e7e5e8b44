/**
 * Which file a TFTP name means. Pure.
 *
 * The boot file that DHCP hands out is `52-54-00-aa-00-01/undionly.kpxe`: the folder says who is asking, which the
 * source address doesn't when another server gave it out (proxy) or when the machines are simulated. The bare name is
 * served too.
 */

export type NamedFile =
  | { readonly kind: 'file'; readonly name: string; readonly mac?: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown' };

export function tftpNameFor(mac: string, file: string): string {
  return `${mac.replaceAll(':', '-')}/${file}`;
}

/**
 * Firmware writes names with leading or doubled slashes, backslashes and odd case. Only names in `served` can come out,
 * so nothing leads elsewhere; a name that tries to climb is refused rather than unknown, to be seen.
 */
export function fileOfName(requested: string, served: readonly string[]): NamedFile {
  const segments = requested.replaceAll('\\', '/').split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) return { kind: 'refused', reason: 'the name climbs out of the served folder' };
  const [first = '', ...rest] = segments.map((segment) => segment.toLowerCase());
  const fromMac = /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/.test(first);
  const wanted = (fromMac ? rest : [first, ...rest]).join('/');
  const name = served.find((file) => file.toLowerCase() === wanted);
  if (name === undefined) return { kind: 'unknown' };
  return { kind: 'file', name, ...(fromMac && { mac: first.replaceAll('-', ':') }) };
}
