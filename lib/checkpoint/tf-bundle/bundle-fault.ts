import type { CheckpointError } from '../../errors';
import { type CheckpointFault, unreadable } from '../fault';

/** Makes the error for bytes of a TensorFlow checkpoint that cannot be used. */
export type Fail = (code: CheckpointFault, message: string, tensor?: string) => CheckpointError;

/** `Fail` for the file at `path`. */
export function failing(path: string): Fail {
  return (code, message, tensor) => unreadable(code, path, message, tensor === undefined ? {} : { tensor });
}
