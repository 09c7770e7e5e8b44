/** Why nothing can be written to a place, in words. Whatever PXEN writes on a drive is written through `writing`. */

/** The message says where, why, and what to do. */
export class DriveWriteError extends Error {
  override readonly name = 'DriveWriteError';

  constructor(
    where: string,
    /** The system's, like `EROFS`. */
    readonly code: string,
    { cause, remedy }: WriteTrouble,
    options: ErrorOptions,
  ) {
    super(`${where} can't be written: ${cause} (${code}). ${remedy}`, options);
  }
}

interface WriteTrouble {
  readonly cause: string;
  readonly remedy: string;
}

const NO_RIGHT: WriteTrouble = { cause: 'this user may not write there', remedy: 'Run pxen as the user whom the drive belongs to, or give it to this one (chown).' };
const NO_ROOM: WriteTrouble = { cause: 'there is no room left', remedy: 'Make room there, then try again.' };
const NO_DEVICE: WriteTrouble = { cause: 'the drive answers with errors', remedy: 'See whether it is still plugged in; `dmesg` tells what the system says of it.' };

const TROUBLES: Readonly<Record<string, WriteTrouble>> = {
  EROFS: { cause: 'the file system is mounted read-only', remedy: 'Mount it for writing (a flash drive may have a switch; `mount -o remount,rw`), or work on a copy of the drive.' },
  EACCES: NO_RIGHT,
  EPERM: NO_RIGHT,
  ENOSPC: NO_ROOM,
  EDQUOT: NO_ROOM,
  EIO: NO_DEVICE,
  ENODEV: NO_DEVICE,
  ENXIO: NO_DEVICE,
};

/** The folder it belongs into was there when the drive was opened. */
export function driveGone(where: string): DriveWriteError {
  return new DriveWriteError(where, 'ENOENT', { cause: "the drive isn't there any more", remedy: 'Plug it in and mount it again where it was.' }, {});
}

/** Does what writes `where`; rejects with a `DriveWriteError` for what its user can mend, and as it is with anything else. */
export async function writing<Result>(where: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const trouble = code === undefined || error instanceof DriveWriteError ? undefined : TROUBLES[code];
    throw code === undefined || trouble === undefined ? error : new DriveWriteError(where, code, trouble, { cause: error });
  }
}
