/** Where the parts of a YAML document stand in its file. */

import { isCollection, isMap, isNode, isScalar, isSeq, type Document, type Node, type Pair } from 'yaml';
import type { Place } from './text';

/** Keys and list indices from the document's root. */
export type SpecPath = readonly (string | number)[];

export class Places {
  constructor(
    private readonly file: string,
    private readonly text: string,
    private readonly document: Document.Parsed,
  ) {}

  /** The value at `path`; its key when the value is empty. */
  value(path: SpecPath): Place {
    const { node, pair } = this.find(path);
    const place = node && this.ofNode(node);
    if (place && place.end > place.start) return place;
    return isNode(pair?.key) ? this.ofNode(pair.key) : this.owner(path.slice(0, -1));
  }

  /** The key that leads to `path`; the value when it is an item of a list. */
  key(path: SpecPath): Place {
    const { pair } = this.find(path);
    return isNode(pair?.key) ? this.ofNode(pair.key) : this.value(path);
  }

  /** Where to say something of a whole map: its key, or what it begins with when it has none. */
  owner(path: SpecPath): Place {
    const { node, pair } = this.find(path);
    if (isNode(pair?.key)) return this.ofNode(pair.key);
    if (!node) return this.ofDocument();
    const place = this.ofNode(node);
    if (!this.text.slice(place.start, place.end).includes('\n')) return place;
    const first = isMap(node) ? node.items[0] : undefined;
    if (path.length === 0 && first) return this.ofPair(first);
    return isNode(first?.key) ? this.ofNode(first.key) : this.firstLine(place);
  }

  /** The value as it is written, of a scalar; undefined for anything else. */
  written(path: SpecPath): string | undefined {
    const { node } = this.find(path);
    return isScalar(node) && node.source !== undefined ? node.source : undefined;
  }

  ofNode(node: Node): Place {
    return node.range ? this.clamped(node.range[0], node.range[1]) : this.ofDocument();
  }

  /** A place in this file; the end without the line breaks and blanks that YAML counts to a node, unless there is nothing else. */
  clamped(start: number, end: number): Place {
    const inside = Math.min(start, this.text.length);
    const last = Math.max(inside, Math.min(end, this.text.length));
    const length = this.text.slice(inside, last).trimEnd().length;
    return { file: this.file, start: inside, end: length > 0 ? inside + length : last };
  }

  private ofDocument(): Place {
    const [start, end] = this.document.range;
    return this.firstLine(this.clamped(start, end));
  }

  private ofPair(pair: Pair): Place {
    const key = isNode(pair.key) ? this.ofNode(pair.key) : this.ofDocument();
    const value = isNode(pair.value) && !isCollection(pair.value) ? this.ofNode(pair.value) : key;
    return { ...key, end: Math.max(key.end, value.end) };
  }

  private firstLine(place: Place): Place {
    const line = this.text.slice(place.start, place.end).split(/[\r\n]/, 1)[0] ?? '';
    return { ...place, end: place.start + line.trimEnd().length };
  }

  private find(path: SpecPath): { readonly node: Node | undefined; readonly pair: Pair | undefined } {
    let node: unknown = this.document.contents;
    let pair: Pair | undefined;
    for (const step of path) {
      if (isMap(node)) {
        pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
        node = pair?.value;
      } else {
        pair = undefined;
        node = isSeq(node) ? node.items[Number(step)] : undefined;
      }
    }
    return { node: isNode(node) ? node : undefined, pair };
  }
}
