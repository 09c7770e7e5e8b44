/** Why a pool couldn't be taken in hand at all, as opposed to what fails in it. */

import type { ProblemJson } from '../../protocol';

export class PoolError extends Error {
  override readonly name: string = 'PoolError';

  /** `sentence` says what is wrong, `remedy` what to do about it; both whole sentences. */
  constructor(
    readonly sentence: string,
    readonly remedy: string,
  ) {
    super(`${sentence} ${remedy}`);
  }
}

/** The drive's specs have errors. */
export class DriveInvalidError extends PoolError {
  override readonly name = 'DriveInvalidError';

  constructor(
    root: string,
    readonly problems: readonly ProblemJson[],
  ) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    const [first] = errors;
    const where = first === undefined ? '' : `: ${first.file}:${first.line}:${first.column}: ${first.message}`;
    super(`The drive ${root} has ${errors.length === 1 ? 'an error' : `${errors.length} errors`}${where}`, '`pxen validate` shows all of them.');
  }
}
