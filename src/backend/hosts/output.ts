/** Forms of output that several of dom0's tools share. */

/** `KEY=value` lines, as `mdadm --export` and `blkid --output export` print them. */
export function parsePairs(printed: string): ReadonlyMap<string, string> {
  return new Map(
    printed.split('\n').flatMap((line): [string, string][] => {
      const at = line.indexOf('=');
      return at > 0 ? [[line.slice(0, at).trim(), line.slice(at + 1).trim()]] : [];
    }),
  );
}
