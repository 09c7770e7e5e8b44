/** Offsets inside, line and column at the boundary. */

/** A range of characters in one file of the drive; the end is exclusive. Offsets count UTF-16 units, as editors do. */
export interface Place {
  /** Relative to the drive, with forward slashes. */
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** 1-based. */
export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** Finds the line and column of an offset; each kind of line break that editors know ends a line. */
export class LineIndex {
  private readonly starts: readonly number[];
  private readonly length: number;

  constructor(text: string) {
    const starts = [0];
    for (const lineBreak of text.matchAll(/\r\n|\r|\n/g)) starts.push(lineBreak.index + lineBreak[0].length);
    this.starts = starts;
    this.length = text.length;
  }

  at(offset: number): LineColumn {
    const inside = Math.max(0, Math.min(offset, this.length));
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.startOf(middle) <= inside) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: inside - this.startOf(low) + 1 };
  }

  /** The offset of a position that `at` gives; the nearest one in the text for any other. */
  offset({ line, column }: LineColumn): number {
    const lineIndex = Math.max(0, Math.min(line - 1, this.starts.length - 1));
    return Math.max(0, Math.min(this.startOf(lineIndex) + column - 1, this.starts[lineIndex + 1] ?? this.length));
  }

  private startOf(lineIndex: number): number {
    return this.starts[lineIndex] ?? 0;
  }
}
