/** Which errors of a verb are told in a sentence. */

import { PoolError } from '../pool/errors';

/** What a user can put right; anything else is a mistake of PXEN and keeps its stack. */
export function isExpected(error: unknown): error is Error {
  return error instanceof PoolError || (error instanceof Error && EXPECTED.has(error.name));
}

const EXPECTED = new Set(['PoolError', 'DriveInvalidError', 'DriveWriteError', 'PoolKeyError', 'StateFileError', 'ListenError', 'OtherDhcpServerError', 'CaptureError', 'ImageError', 'WakeError', 'HostError', 'LimitError']);
