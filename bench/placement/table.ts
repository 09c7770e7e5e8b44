/** Tables on the terminal: a heading, aligned columns, numbers to the right. */

export class Table {
  private readonly widths: readonly number[];

  /** The columns by heading and width; a negative width aligns to the right. */
  constructor(
    title: string,
    private readonly columns: readonly (readonly [heading: string, width: number])[],
  ) {
    this.widths = columns.map(([heading, width]) => Math.sign(width) * Math.max(Math.abs(width), heading.length));
    console.log(`\n${title}`);
    this.row(...columns.map(([heading]) => heading));
  }

  row(...cells: readonly (string | number)[]): void {
    console.log(
      cells
        .slice(0, this.columns.length)
        .map((cell, column) => {
          const width = this.widths[column] ?? 0;
          return width < 0 ? String(cell).padStart(-width) : String(cell).padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    );
  }
}

export function timed<T>(work: () => T): { readonly result: T; readonly seconds: number } {
  const start = cpuSeconds();
  const result = work();
  return { result, seconds: cpuSeconds() - start };
}

/** Of this process, all threads. */
export function cpuSeconds(): number {
  return process.cpuUsage().user / 1e6;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
