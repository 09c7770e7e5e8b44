/** Which file a TFTP name means. Pure. */

export type NamedFile = { readonly kind: 'file'; readonly name: string } | { readonly kind: 'refused' } | { readonly kind: 'unknown' };

/**
 * Firmware writes names with leading or doubled slashes, backslashes and odd case, some with junk after the end. Only
 * names in `served` can come out, so nothing can lead elsewhere; a name that climbs is refused all the same, to be seen.
 */
export function fileOfName(requested: string, served: readonly string[]): NamedFile {
  const segments = requested.replaceAll('\\', '/').split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) return { kind: 'refused' };
  const wanted = segments.join('/').toLowerCase();
  const name = served.find((file) => file.toLowerCase() === wanted);
  return name === undefined ? { kind: 'unknown' } : { kind: 'file', name };
}
