import type { CheckpointError, CheckpointErrorDetails } from '../../errors';
import { type CheckpointFault, fault } from '../fault';

/** Faults after which it is open whether PyTorch wrote the file at all. */
const UNRECOGNISED: readonly CheckpointFault[] = ['UNKNOWN_FORMAT', 'EMPTY_FILE', 'ZIP_NO_DIRECTORY', 'PICKLE_INVALID'];

/** The error for a PyTorch file whose bytes cannot be used, in the words that Transformers begins it with. */
export function pytorchFault(
  code: CheckpointFault,
  file: string,
  message: string,
  details: Omit<CheckpointErrorDetails, 'file'> = {},
): CheckpointError {
  const hint = UNRECOGNISED.includes(code) ? '. For a TensorFlow checkpoint set from_tf (from_tf=True in Python)' : '';
  return fault(code, `Unable to load weights from pytorch checkpoint file '${file}': ${message}${hint}`, {
    ...details,
    file,
  });
}
