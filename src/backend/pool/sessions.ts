/** The ssh sessions to the hosts that are up: one to a host, each with one owner that ends it. */

import type { HostControl } from '../hosts/control';

export interface HostSession {
  readonly control: HostControl;
  /** Aborts when the session ends, for whatever reason. */
  readonly signal: AbortSignal;
}

export class Sessions {
  private readonly open = new Map<string, HostSession & { readonly abort: AbortController }>();

  /** Takes over a session; `onLost` is called when it breaks, not when it is ended here. */
  add(host: string, control: HostControl, onLost: () => void): void {
    this.end(host);
    const abort = new AbortController();
    const session = { control, abort, signal: abort.signal };
    this.open.set(host, session);
    void control.closed.then(() => {
      abort.abort(new Error(`the session to ${host} ended`));
      if (this.open.get(host) !== session) return;
      this.open.delete(host);
      onLost();
    });
  }

  get(host: string): HostSession | undefined {
    return this.open.get(host);
  }

  entries(): readonly (readonly [string, HostControl])[] {
    return [...this.open].map(([host, { control }]) => [host, control]);
  }

  end(host: string): void {
    const session = this.open.get(host);
    if (session === undefined) return;
    this.open.delete(host);
    session.abort.abort(new Error(`the session to ${host} was ended`));
    session.control.close();
  }

  endAll(): void {
    for (const host of [...this.open.keys()]) this.end(host);
  }
}
