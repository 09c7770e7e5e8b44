/** One kind of error for everything that can go wrong with a booted host, told so that an administrator can act on it. */

export type HostErrorKind =
  /** No ssh connection: refused, no route, no answer in time. */
  | 'unreachable'
  /** The host showed another ssh key than the one it posted at its hello. */
  | 'host-key'
  /** The host doesn't accept the pool's key. */
  | 'login'
  /** The connection went away while it was in use. */
  | 'lost'
  /** A command said nothing for too long. */
  | 'silent'
  /** A command ended with an error. */
  | 'command'
  /** PXEN itself refuses, because going on could harm data or run a VM twice. */
  | 'refused';

export interface HostErrorParts {
  readonly kind: HostErrorKind;
  readonly host: string;
  /** What was tried, to follow "could not": "mount array r0 at /srv/r0". */
  readonly tried: string;
  /** What the host, or the library, said about it. */
  readonly said: string;
  /** What the administrator can do about it: a whole sentence. */
  readonly remedy: string;
}

export class HostError extends Error {
  readonly kind: HostErrorKind;
  readonly host: string;
  /** What went wrong, without the remedy. */
  readonly sentence: string;
  readonly remedy: string;

  constructor(parts: HostErrorParts, options?: ErrorOptions) {
    const said = parts.said.trim().replace(/\s*\n\s*/g, '; ');
    const sentence = `${parts.host}: could not ${parts.tried}${said === '' ? '' : `: ${said}`}`;
    super(`${sentence.replace(/[.;]?$/, '.')} ${parts.remedy}`, options);
    this.name = 'HostError';
    this.kind = parts.kind;
    this.host = parts.host;
    this.sentence = sentence;
    this.remedy = parts.remedy;
  }
}
