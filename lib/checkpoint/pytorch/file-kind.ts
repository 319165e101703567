/** Tells from a file's first bytes whether it is a zip archive of PyTorch, and what else it may be. */
import { foreignFormat, isGitLfsPointer } from '../foreign-format';
import type { PinnedFile } from '../pinned-file';
import { pytorchFault } from './pytorch-fault';

/** Bytes that tell: the mark of a tar archive is the last to come. */
const TELLING_BYTES = 263;
const TAR_MARK = 257;
/** The number that begins a stream of torch before 1.6, as a pickle of protocol 2 and later has it, and as older ones do. */
const STREAM_NUMBER = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const STREAM_TEXT = [...Buffer.from('L119547037146038801333356L\n', 'latin1')];
const PROTO = 0x80;
const FRAME = 0x95;
const FRAME_BYTES = 9;
const STOP = 0x2e;

/** The forms that PyTorch's files have had. `begin`: the byte behind what tells. */
export type FileKind = { is: 'zip' } | { is: 'stream'; begin: number } | { is: 'tar' };

/** @throws CheckpointError `EMPTY_FILE`, `GIT_LFS_POINTER`, `UNKNOWN_FORMAT`. */
export async function fileKind(file: PinnedFile, signal?: AbortSignal): Promise<FileKind> {
  const bytes = Buffer.alloc(Math.min(TELLING_BYTES, file.size));
  await file.readInto(bytes, 0, signal);
  const starts = (mark: readonly number[], at = 0) => mark.every((byte, i) => bytes[at + i] === byte);
  if (starts([0x50, 0x4b, 0x03, 0x04]) || starts([0x50, 0x4b, 0x05, 0x06])) return { is: 'zip' };
  const { path } = file;
  if (bytes.byteLength === 0) throw pytorchFault('EMPTY_FILE', path, 'it has no bytes; fetch it again');
  if (isGitLfsPointer(bytes)) {
    throw pytorchFault(
      'GIT_LFS_POINTER',
      path,
      'it is the pointer that git leaves in place of a large file; install git-lfs and run git lfs pull',
    );
  }
  const begin = streamBegin(bytes, starts);
  if (begin !== null) return { is: 'stream', begin };
  if (bytes.toString('latin1', TAR_MARK, TAR_MARK + 5) === 'ustar') return { is: 'tar' };
  const foreign = looksLikeSafetensors(bytes, file.size) ? 'a safetensors file' : foreignFormat(bytes);
  const hex = bytes.toString('hex', 0, 4);
  throw pytorchFault(
    'UNKNOWN_FORMAT',
    path,
    foreign === null ? `it begins with bytes ${hex}, as no file of PyTorch does` : `it is ${foreign}`,
  );
}

/** The byte behind the pickled number, or null. */
function streamBegin(bytes: Buffer, starts: (mark: readonly number[], at?: number) => boolean): number | null {
  let at = bytes[0] === PROTO ? 2 : 0;
  if (at > 0 && bytes[at] === FRAME) at += FRAME_BYTES;
  const number = [STREAM_NUMBER, STREAM_TEXT].find((mark) => starts([...mark, STOP], at));
  return number === undefined ? null : at + number.length + 1;
}

function looksLikeSafetensors(bytes: Buffer, size: number): boolean {
  return bytes.byteLength > 8 && bytes[8] === 0x7b && bytes.readBigUInt64LE(0) < BigInt(size);
}
