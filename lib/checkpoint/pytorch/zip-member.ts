/** Reads ranges of a zip member's content, inflating on the way where it is deflated. */
import { pipeline, Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { throwIfAborted } from '../../errors';
import { messageOf, quote } from '../fault';
import type { PinnedFile } from '../pinned-file';
import { pytorchFault } from './pytorch-fault';
import type { StorageBytes } from './storage-bytes';
import type { ZipDirectory } from './zip-directory';
import { DEFLATED, type ZipEntry } from './zip-entry';

/** Compressed bytes read by one call. */
const PIECE_BYTES = 1024 * 1024;

/** A member whose content has been found. */
export class ZipMember implements StorageBytes {
  private constructor(
    private readonly file: PinnedFile,
    readonly entry: ZipEntry,
    /** First byte of its content in the file, compressed or not. */
    readonly offset: number,
  ) {}

  /** @throws CheckpointError `ZIP_…` when its local header is not what the directory says. */
  static find(directory: ZipDirectory, entry: ZipEntry, signal?: AbortSignal): ZipMember | Promise<ZipMember> {
    const offset = directory.contentOffset(entry, signal);
    if (typeof offset === 'number') return new ZipMember(directory.file, entry, offset);
    return offset.then((found) => new ZipMember(directory.file, entry, found));
  }

  get name(): string {
    return this.entry.name;
  }

  get size(): number {
    return this.entry.size;
  }

  get isDeflated(): boolean {
    return this.entry.method === DEFLATED;
  }

  /** Fills `target` with the content from byte `start` on. @throws CheckpointError `ZIP_INVALID`, `FILE_CHANGED`. */
  async readInto(target: Uint8Array, start: number, signal?: AbortSignal): Promise<void> {
    if (!this.isDeflated) return this.file.readInto(target, this.offset + start, signal);
    const end = start + target.byteLength;
    let at = 0;
    for await (const piece of this.pieces(signal)) {
      const from = Math.max(start - at, 0);
      const to = Math.min(end - at, piece.byteLength);
      if (from < to) target.set(piece.subarray(from, to), at + from - start);
      at += piece.byteLength;
      if (at >= end && end < this.entry.size) break;
    }
    if (at < end) throw this.damaged(`inflates to ${at} bytes and not to ${this.entry.size}`);
  }

  /** Compares the content with its checksum. @throws CheckpointError `ZIP_CHECKSUM`. */
  async checkSum(signal?: AbortSignal): Promise<void> {
    let sum = 0;
    for await (const piece of this.pieces(signal)) sum = crc32(piece, sum);
    if (sum === this.entry.crc) return;
    throw pytorchFault(
      'ZIP_CHECKSUM',
      this.file.path,
      `member ${quote(this.entry.name)} has checksum ${sum} where ${this.entry.crc} is stated; fetch the file again`,
      { offset: this.offset },
    );
  }

  /** The content piece by piece; never more than the size that the directory states. */
  private async *pieces(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (!this.isDeflated) {
      yield* this.storedPieces(signal);
      return;
    }
    const inflater = createInflateRaw();
    // The error, if any, comes out of the loop below.
    pipeline(Readable.from(this.storedPieces(signal)), inflater, () => {});
    let length = 0;
    try {
      for await (const piece of inflater as AsyncIterable<Uint8Array>) {
        throwIfAborted(signal);
        length += piece.byteLength;
        if (length > this.entry.size) throw this.damaged(`inflates to more than its ${this.entry.size} bytes`);
        yield piece;
      }
    } catch (error) {
      const { code } = error as { code?: string };
      if (code?.startsWith('Z_')) throw this.damaged(`does not inflate: ${messageOf(error)}`);
      throw error;
    }
    if (length !== this.entry.size) throw this.damaged(`inflates to ${length} bytes and not to ${this.entry.size}`);
    if (inflater.bytesWritten !== this.entry.compressedSize)
      throw this.damaged('holds bytes behind its deflated content');
  }

  private async *storedPieces(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const { compressedSize } = this.entry;
    for (let start = 0; start < compressedSize; start += PIECE_BYTES) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, compressedSize - start));
      await this.file.readInto(piece, this.offset + start, signal);
      yield piece;
    }
  }

  private damaged(what: string) {
    return pytorchFault(
      'ZIP_INVALID',
      this.file.path,
      `member ${quote(this.entry.name)} ${what}; the file is damaged`,
      {
        offset: this.offset,
      },
    );
  }
}
