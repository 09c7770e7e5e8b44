/** Plain text tables for people: aligned, no frames, nothing cut off. */

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const GAP = '  ';

/** One line a row, the columns' names first; every line ends with a newline. The last column is ragged. */
export function renderTable({ columns, rows }: Table): string {
  const lines = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => displayWidth(line[column] ?? ''))));
  return lines.map((line) => `${columns.map((_, column) => pad(line[column] ?? '', widths[column] ?? 0)).join(GAP).trimEnd()}\n`).join('');
}

/** A paragraph: `lead` before its first line, the same width of spaces before the others. */
export function paragraph(lead: string, text: string, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(lead) + displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((one, index) => `${index === 0 ? lead : ' '.repeat(displayWidth(lead))}${one}\n`).join('');
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/** Characters, not UTF-16 units. */
function displayWidth(text: string): number {
  return Array.from(text).length;
}
