/** The errors that end a job, by code. Rows that cannot be used are not errors here: they go to `errors/`. */

import { OSError, RuntimeError, ValueError } from '../errors';

/** No file, or nothing that can be read as rows. */
export function inputError(code: string, message: string, cause?: unknown): OSError {
  return new OSError(message, { code, cause });
}

/** The folder holds a run of another model, other options or another input. */
export function runChanged(folder: string, changes: readonly string[]): ValueError {
  return new ValueError(
    `${folder} holds a run that cannot go on, because this changed: ${changes.join('; ')}. ` +
      'Give the same model, options and input, another --output, or --overwrite to drop what is there',
    { code: 'RUN_CHANGED' },
  );
}

/** The folder's files are not what this package writes. */
export function notARunFolder(message: string, cause?: unknown): ValueError {
  return new ValueError(message, { code: 'NOT_A_RUN_FOLDER', cause });
}

/** Another process works in the folder. */
export function runLocked(message: string): RuntimeError {
  return new RuntimeError(message, { code: 'RUN_LOCKED' });
}

/** Turns a failed write into an error that says what is safe and what to do; other errors stay as they are. */
export function writeError(cause: unknown, path: string): unknown {
  const code = errorCode(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new OSError(
      `no room to write ${path} (${code}). Every finished part is safe: free some space and run the same command again`,
      { code: 'DISK_FULL', cause },
    );
  }
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return new OSError(`may not write ${path} (${code}): choose another --output or change its permissions`, {
      code: 'NOT_WRITABLE',
      cause,
    });
  }
  return cause;
}

/** The `code` of anything thrown, or undefined. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** The message of anything thrown. */
export function errorMessage(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}
