import { CheckpointError, type CheckpointErrorDetails } from '../errors';

/** Every `code` that reading or writing a checkpoint can end in, and what it means. */
export const CHECKPOINT_FAULTS = Object.freeze({
  EMPTY_FILE: 'The file has no bytes.',
  GIT_LFS_POINTER: 'The file is the text pointer that git leaves in place of a large file when git-lfs did not run.',
  WRONG_FORMAT: 'The file starts like a file of another format.',
  HEADER_TRUNCATED: 'The file ends before its header does.',
  HEADER_TOO_LARGE: 'The header says that it is longer than the format allows.',
  HEADER_INVALID_UTF8: 'The header is not UTF-8.',
  HEADER_INVALID_JSON: 'The header is not JSON, or nests deeper than allowed.',
  HEADER_INVALID_ENTRY: 'A tensor entry lacks dtype, shape or data_offsets, or holds another type of value there.',
  METADATA_INVALID: '__metadata__ is something else than an object of strings.',
  METADATA_FORMAT: 'The metadata of a shard names a format that weights cannot have.',
  DUPLICATE_NAME: 'One name occurs twice.',
  NAME_TOO_LONG: 'A tensor name is longer than allowed.',
  TOO_MANY_TENSORS: 'The header lists more tensors than allowed.',
  TOO_MANY_DIMENSIONS: 'A shape has more dimensions than allowed.',
  UNKNOWN_DTYPE: 'An entry names an element type that the format does not define.',
  OVERFLOW: 'A dimension, an offset or a size is larger than any file can be.',
  MISALIGNED: 'A tensor of elements smaller than a byte does not end at a byte.',
  INVALID_OFFSETS: 'A tensor ends before it begins.',
  TENSOR_OUT_OF_RANGE: 'A tensor reaches past the end of the file: the file is truncated, or its header lies.',
  SIZE_MISMATCH: 'The bytes of a tensor are not those that its dtype and shape need.',
  OVERLAP: 'Two tensors share bytes.',
  HOLE: 'Bytes between two tensors, or before the first, belong to no tensor.',
  TRAILING_DATA: 'Bytes behind the last tensor belong to no tensor.',
  FILE_CHANGED: 'The file was truncated, rewritten or replaced after it had been opened.',
  FILE_NOT_FOUND: 'There is no such file.',
  FILE_UNREADABLE: 'The system refuses to open or read the file.',
  NOT_A_FILE: 'The path is a folder, a device or a pipe.',
  TENSOR_TOO_LARGE: 'A tensor is larger than one JavaScript buffer can be; read it in ranges.',
  INDEX_INVALID: 'The index of shards is not JSON, or has no weight_map of strings.',
  INDEX_TOO_LARGE: 'The index of shards is longer than allowed.',
  TOO_MANY_SHARDS: 'The index names more files than allowed.',
  UNSAFE_SHARD_NAME: 'The index names a file outside its folder, or one that is not a plain relative name.',
  SHARD_MISSING: 'A file that the index names is not there.',
  NAME_NOT_IN_SHARD: 'The index places a tensor in a file that does not hold it.',
  WEIGHTS_NOT_FOUND: 'The folder holds no weights that the options allow.',
  UNSUPPORTED_FORMAT: 'The weights are in a format that this version does not read.',
  UNSUPPORTED_LAYOUT:
    "The tensors are named and arranged as another framework does, where only PyTorch's way is taken.",
  UNKNOWN_FORMAT: 'The file starts like no file of weights that its name could stand for.',
  BIG_ENDIAN: 'The numbers are stored in big-endian order.',
  UNSUPPORTED_TENSOR: 'A tensor is of a kind that no weight can have: quantized, sparse, complex128, a negated view.',
  BUDGET_EXCEEDED: 'A few stored numbers are spread over so many elements that no weight can be meant.',
  NOT_A_STATE_DICT: 'The pickle holds something else than a dictionary of tensors by name.',
  WRAPPED_STATE_DICT: 'The tensors lie in a dictionary inside the dictionary.',
  STORAGE_MISSING: 'A tensor names a storage that the archive does not hold.',
  TAR_INVALID: 'A header of the tar archive is malformed, or a member reaches past its end.',
  ZIP_NO_DIRECTORY: 'The file starts like a zip archive and does not end like one.',
  ZIP_INVALID: 'A record of the zip archive is malformed.',
  ZIP_TOO_LARGE: 'The directory of the zip archive is larger than allowed.',
  ZIP_DUPLICATE_NAME: 'Two members of the zip archive have one name.',
  ZIP_OVERLAP: 'Two members of the zip archive share bytes, or one reaches into the directory.',
  ZIP_MISMATCH: 'Two places of the zip archive say different things about one member.',
  ZIP_ENCRYPTED: 'A member of the zip archive is encrypted.',
  ZIP_MULTI_DISK: 'The zip archive is a part of several.',
  ZIP_METHOD: 'A member of the zip archive is compressed in a way that is not read.',
  ZIP_BOMB: 'A member of the zip archive claims to be far larger than its bytes can hold.',
  ZIP_CHECKSUM: 'The bytes of a member of the zip archive do not have its checksum.',
  PICKLE_INVALID: 'The pickle is malformed: truncated, or no pickle at all.',
  PICKLE_TOO_LARGE: 'The pickle is longer, holds more objects or nests deeper than allowed.',
  PICKLE_FORBIDDEN_OPCODE: 'The pickle uses an instruction that weights have no use for.',
  PICKLE_FORBIDDEN_GLOBAL: 'The pickle names a class or function that weights have no use for.',
  PICKLE_TYPE_ERROR:
    'The pickle uses a value for what it is not: calls what cannot be called, appends to what is no list.',
  CHECKSUM_MISMATCH: 'Bytes do not have the checksum that is stored with them: the file is damaged.',
  H5_INVALID: 'A structure of the HDF5 file is malformed, or reaches past its end.',
  H5_TOO_LARGE: 'The HDF5 file has more structures, or larger ones, than the names and places of weights can need.',
  H5_UNSUPPORTED: 'The HDF5 file uses a feature that is not read, such as a filter of another library.',
  H5_EXTERNAL_REFUSED: 'The HDF5 file takes data from other files, or leads to objects that it does not hold.',
  TF_INVALID: 'The index of the TensorFlow checkpoint is malformed.',
  TF_TOO_LARGE: 'The index of the TensorFlow checkpoint is larger than allowed.',
  TF_SLICES: 'The parts of a partitioned TensorFlow variable do not cover it exactly once.',
  MSGPACK_TRUNCATED: 'The msgpack file ends in the middle of a value, or a value claims more bytes than there are.',
  MSGPACK_INVALID: 'The msgpack file is malformed, or an array in it is.',
  MSGPACK_TOO_LARGE: 'The msgpack file holds more values, or longer names, than allowed.',
  MSGPACK_TOO_DEEP: 'The values of the msgpack file nest deeper than allowed.',
  MSGPACK_DUPLICATE_KEY: 'One key occurs twice in a map of the msgpack file.',
  MSGPACK_EXTENSION: 'The msgpack file holds a value of a type that Flax does not define.',
  MSGPACK_SIZE_MISMATCH: 'The bytes of an array are not those that its element type and shape need.',
  MSGPACK_CHUNKS: 'An array that was cut into chunks cannot be put together.',
  MSGPACK_TRAILING_DATA: 'Bytes follow the value of the msgpack file.',
  NO_SUCH_TENSOR: 'The checkpoint holds no tensor of that name.',
  CHECKPOINT_CLOSED: 'The checkpoint was closed before it was read.',
  DISK_FULL: 'There is no room left to write the file.',
  WRITE_FAILED: 'The system refuses to write the file.',
  SAVE_IN_PROGRESS: 'Somebody else is saving into the folder.',
  SAVE_INTERRUPTED: 'A save into the folder was killed, and cannot be completed.',
});

/** A `code` of this room. */
export type CheckpointFault = keyof typeof CHECKPOINT_FAULTS;

/** The error for `code`: `message` says what was found, what was expected and what to do. */
export function fault(code: CheckpointFault, message: string, details: CheckpointErrorDetails = {}): CheckpointError {
  return new CheckpointError(code, message, details);
}

/** The error for a file whose bytes cannot be used. */
export function unreadable(
  code: CheckpointFault,
  file: string,
  message: string,
  details: Omit<CheckpointErrorDetails, 'file'> = {},
): CheckpointError {
  return fault(code, `Unable to load weights from '${file}': ${message}`, { ...details, file });
}

const LONGEST_QUOTE = 120;

/** `text` in quotation marks for a message: control characters escaped, long text cut. */
export function quote(text: string): string {
  const shown = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return `'${JSON.stringify(shown).slice(1, -1)}'`;
}

/** At most five of `names`, quoted, and how many more there are. */
export function quoteSome(names: readonly string[]): string {
  const shown = names.slice(0, 5).map(quote).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

/** The `code` of a Node system error (`'ENOENT'`), or an empty text. */
export function systemCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** The words of any thrown value. */
export function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message : String(error);
}
