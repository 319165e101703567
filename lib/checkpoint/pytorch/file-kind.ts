/** Tells from a file's first bytes whether it is a zip archive of PyTorch, and what else it may be. */
import { foreignFormat, isGitLfsPointer } from '../foreign-format';
import type { PinnedFile } from '../pinned-file';
import { pytorchFault } from './pytorch-fault';

/** Bytes that tell: the mark of a tar archive is the last to come. */
const TELLING_BYTES = 263;
const TAR_MARK = 257;
/** The pickled number that begins a stream of torch before 1.6, without the first two bytes. */
const STREAM_MARK = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/** @throws CheckpointError `EMPTY_FILE`, `GIT_LFS_POINTER`, `UNSUPPORTED_FORMAT` for PyTorch's older forms, `UNKNOWN_FORMAT`. */
export async function checkIsZip(file: PinnedFile, signal?: AbortSignal): Promise<void> {
  const bytes = Buffer.alloc(Math.min(TELLING_BYTES, file.size));
  await file.readInto(bytes, 0, signal);
  const starts = (mark: readonly number[], at = 0) => mark.every((byte, i) => bytes[at + i] === byte);
  if (starts([0x50, 0x4b, 0x03, 0x04]) || starts([0x50, 0x4b, 0x05, 0x06])) return;
  const { path } = file;
  if (bytes.byteLength === 0) throw pytorchFault('EMPTY_FILE', path, 'it has no bytes; fetch it again');
  if (isGitLfsPointer(bytes)) {
    throw pytorchFault(
      'GIT_LFS_POINTER',
      path,
      'it is the pointer that git leaves in place of a large file; install git-lfs and run git lfs pull',
    );
  }
  const older = olderForm(bytes, starts);
  if (older !== null) {
    const what = `it is ${older}, which is not supported yet; load it in PyTorch and save it again with torch.save`;
    throw pytorchFault('UNSUPPORTED_FORMAT', path, what);
  }
  const foreign = looksLikeSafetensors(bytes, file.size) ? 'a safetensors file' : foreignFormat(bytes);
  const hex = bytes.toString('hex', 0, 4);
  throw pytorchFault(
    'UNKNOWN_FORMAT',
    path,
    foreign === null ? `it begins with bytes ${hex}, as no file of PyTorch does` : `it is ${foreign}`,
  );
}

function olderForm(bytes: Buffer, starts: (mark: readonly number[], at?: number) => boolean): string | null {
  if (bytes[0] === 0x80 && starts(STREAM_MARK, 2)) return 'a stream as PyTorch before 1.6 wrote';
  if (bytes.toString('latin1', TAR_MARK, TAR_MARK + 5) === 'ustar') return 'a tar archive as PyTorch before 0.2 wrote';
  return null;
}

function looksLikeSafetensors(bytes: Buffer, size: number): boolean {
  return bytes.byteLength > 8 && bytes[8] === 0x7b && bytes.readBigUInt64LE(0) < BigInt(size);
}
