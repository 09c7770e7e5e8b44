/** What a machine sent, fit for a line of a log or a terminal: printable ASCII, at most 100 characters. */
export function printable(text: string): string {
  return text.slice(0, LONGEST).replace(/[^ -~]/g, '?');
}

const LONGEST = 100;
