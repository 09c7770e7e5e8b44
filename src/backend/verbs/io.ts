/** What a verb of the command line gets from its caller. A verb never touches `process` itself. */

export interface VerbIo {
  /** Results; one JSON document, or a line an event, with `--json`. */
  readonly out: (text: string) => void;
  /** Logs and progress, for people. */
  readonly err: (text: string) => void;
  /** Whether `err` is a terminal that can redraw lines. */
  readonly interactive: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts on SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
}

/** Exit codes of the contract. */
export const EXIT = { ok: 0, problems: 1, usage: 2, partly: 3 } as const;
