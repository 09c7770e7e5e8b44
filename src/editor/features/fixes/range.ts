/** The cluster's range for strangers, and what they are shown. */

import { replace } from '../edits';
import { descend, rangeOf, textOf } from '../nodes';
import { remove, type Context, type Fix } from './context';

/** The two ends change places. */
export function exchangeEnds({ document, file }: Context): readonly Fix[] {
  const [from, to] = ['from', 'to'].map((end) => descend(document.yaml.contents, ['network', 'range', end]).node);
  const [first, last] = [textOf(from), textOf(to)];
  if (!from || !to || first === undefined || last === undefined) return [];
  return [{ title: `Let it go from ${last} to ${first}`, edits: [replace({ file, ...rangeOf(from) }, last), replace({ file, ...rangeOf(to) }, first)], preferred: true }];
}

export function removeKey(context: Context): readonly Fix[] {
  const { path } = context.spot;
  return remove(context, path, `Remove "${String(path.at(-1))}"`);
}
