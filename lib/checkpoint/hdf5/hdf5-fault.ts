import type { CheckpointError } from '../../errors';
import { type CheckpointFault, unreadable } from '../fault';

/** Makes the error for bytes of an HDF5 file that cannot be used: what was found, and at which byte. */
export type Fail = (code: CheckpointFault, message: string, offset?: number) => CheckpointError;

/** `Fail` for the file at `path`. */
export function failing(path: string): Fail {
  return (code, message, offset) => unreadable(code, path, message, offset === undefined ? {} : { offset });
}
