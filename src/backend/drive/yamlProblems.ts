/** YAML as specs use it: one document says what it says, without anchors, tags, directives or surprises. */

import { isAlias, isMap, isNode, isPair, isScalar, visit, type Document, type Node, type YAMLError } from 'yaml';
import type { Places } from './places';
import * as problems from './problems';
import type { Problem } from './problems';
import type { LineIndex, Place } from './text';

/** Reports what makes a document unreadable. The first syntax error only: the others follow from it. */
export function syntaxProblems(document: Document, places: Places, lines: LineIndex): readonly Problem[] {
  const duplicates = document.errors.filter(({ code }) => code === 'DUPLICATE_KEY');
  const syntax = document.errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  return [...(syntax ? [syntaxProblem(syntax, places)] : []), ...(duplicates.length > 0 ? duplicateKeys(document, places, lines) : [])];
}

/** Reports what YAML allows and specs don't. */
export function featureProblems(document: Document, places: Places): readonly Problem[] {
  const found: Problem[] = document.directives?.yaml.explicit === true ? [problems.yamlDirective(places.clamped(0, '%YAML'.length))] : [];
  for (const { code, pos, message } of document.warnings) {
    // Unknown tags are told of below, with all others.
    if (code === 'BAD_DIRECTIVE') found.push(problems.yamlDirective(places.clamped(...pos)));
    else if (code !== 'TAG_RESOLVE_FAILED') found.push(problems.yamlSyntax(places.clamped(...pos), sentence(message)));
  }
  visit(document, {
    Node: (_key, node: Node) => {
      const place = places.ofNode(node);
      if (isAlias(node)) found.push(problems.yamlAlias(place, `*${node.source}`));
      else if (node.anchor !== undefined) found.push(problems.yamlAlias(place, `&${node.anchor}`));
      if (!isAlias(node) && node.tag !== undefined) found.push(problems.yamlTag(place, node.tag.replace('tag:yaml.org,2002:', '!!')));
    },
    Pair: (_key, pair) => {
      if (isScalar(pair.key) && pair.key.value === '<<') found.push(problems.yamlMergeKey(places.ofNode(pair.key)));
    },
  });
  return found;
}

/** Numbers that people write with a leading zero because they mean text, or octal: YAML 1.2 §10.3.2 reads them as decimal. */
export function leadingZeros(document: Document, places: Places): readonly Problem[] {
  const found: Problem[] = [];
  visit(document, {
    Scalar: (_key, scalar) => {
      if (typeof scalar.value === 'number' && scalar.type === 'PLAIN' && /^[-+]?0\d/.test(scalar.source ?? ''))
        found.push(problems.yamlLeadingZero(places.ofNode(scalar), scalar.source ?? '', scalar.value));
    },
  });
  return found;
}

/**
 * Whether a text nests so deeply that composing it could exhaust the stack. Linear and rough: it counts open brackets,
 * stacked `- ? :` indicators and indentation, all far beyond what specs need.
 */
export function deepNesting(text: string): { readonly start: number; readonly end: number } | undefined {
  let open = 0;
  for (const { index, 0: found } of text.matchAll(/[[\]{}]|^[ \t]*(?:[-?:][ \t]+)*/gm)) {
    if (found === '[' || found === '{') open += 1;
    else if (found === ']' || found === '}') open = Math.max(0, open - 1);
    const indicators = found.length > 1 ? found.replace(/[ \t]/g, '').length : 0;
    if (open > MAX_NESTING || indicators > MAX_NESTING || found.length > MAX_INDENTATION) return { start: index, end: index + found.length };
  }
  return undefined;
}

const MAX_NESTING = 64;
const MAX_INDENTATION = 200;

function syntaxProblem({ code, pos, message }: YAMLError, places: Places): Problem {
  const place = places.clamped(...pos);
  if (code === 'TAB_AS_INDENT') return problems.yamlTab(place);
  const plain = PLAIN_CAUSES.find(([known, words]) => known === code && message.includes(words))?.[2];
  return problems.yamlSyntax(place, plain ?? sentence(message));
}

/** yaml's code, words of its message, and what that means to somebody who writes specs. */
const PLAIN_CAUSES: readonly (readonly [string, string, string])[] = [
  ['BAD_INDENT', 'Flow', 'a [ or { that was opened before this is not closed'],
  ['MISSING_CHAR', 'Flow', 'a [ or { that was opened before this is not closed'],
  ['MISSING_CHAR', 'Implicit map keys', 'this line has no ":" after its key'],
  ['MISSING_CHAR', 'quote', 'a quote that was opened here is not closed'],
  ['BLOCK_AS_IMPLICIT_KEY', '', 'a second "key: value" on one line, or a line that is indented too far'],
  ['MULTILINE_IMPLICIT_KEY', '', 'a key that goes over several lines, or a line that is indented too far'],
  ['BAD_SCALAR_START', '', 'a value that begins with this character must be in quotes'],
];

/** yaml tells where the second key is; the author wants to know of the first as well. */
function duplicateKeys(document: Document, places: Places, lines: LineIndex): readonly Problem[] {
  const found: Problem[] = [];
  visit(document, {
    Map: (_key, map) => {
      if (!isMap(map)) return;
      const first = new Map<string, Place>();
      for (const pair of map.items) {
        if (!isPair(pair) || !isNode(pair.key) || !isScalar(pair.key)) continue;
        const key = String(pair.key.value);
        const place = places.ofNode(pair.key);
        const earlier = first.get(key);
        if (earlier) found.push(problems.yamlDuplicateKey(place, key, `line ${lines.at(earlier.start).line}`));
        else first.set(key, place);
      }
    },
  });
  return found;
}

/** yaml's messages begin with a capital and have no full stop. */
function sentence(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
