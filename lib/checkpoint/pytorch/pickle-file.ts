/** Reads a pickle from a file in which something else may follow it. */
import { inTurns } from '../../turns';
import type { HeaderLimits } from '../header-limits';
import type { PinnedFile } from '../pinned-file';
import { type PickleMeaning, unpickle } from './pickle';
import { PickleEnds, type PickleFail } from './pickle-bytes';
import type { PickleValue } from './pickle-values';
import { pytorchFault } from './pytorch-fault';

/** How a pickle is read. */
export interface ReadPickleOptions {
  limits: HeaderLimits;
  signal?: AbortSignal | undefined;
  /** Bytes that are read first. */
  guess?: number;
}

const FIRST_BYTES = 256 * 1024;
const GROWTH = 4;

/** Runs `unpickle`, letting other work run in between. */
export function runPickle(
  bytes: Buffer,
  meaning: (fail: PickleFail) => PickleMeaning,
  options: { file: string; limits: HeaderLimits; isPart?: boolean; signal?: AbortSignal | undefined },
): Promise<{ value: PickleValue; end: number }> {
  return inTurns(unpickle(bytes, meaning, options), options.signal);
}

/**
 * Reads the pickle that begins at byte `begin`, whose length is known to nobody: with few bytes first, and with more from
 * the start where they do not suffice.
 *
 * @returns its value, and the byte of the file behind it.
 * @throws CheckpointError `PICKLE_…`.
 */
export async function readPickleAt(
  window: FileWindow,
  begin: number,
  meaning: (fail: PickleFail) => PickleMeaning,
  { limits, signal, guess = FIRST_BYTES }: ReadPickleOptions,
): Promise<{ value: PickleValue; end: number }> {
  const { path, size } = window.file;
  for (let length = guess; ; length *= GROWTH) {
    const bytes = (await window.from(begin, Math.min(length, limits.headerBytes), signal)).subarray(
      0,
      limits.headerBytes,
    );
    const isPart = bytes.byteLength < size - begin;
    try {
      const { value, end } = await runPickle(bytes, meaning, { file: path, limits, isPart, signal });
      return { value, end: begin + end };
    } catch (error) {
      if (!(error instanceof PickleEnds)) throw error;
    }
    if (bytes.byteLength >= limits.headerBytes) {
      const what = `a pickle of it has more than ${limits.headerBytes} bytes`;
      throw pytorchFault('PICKLE_TOO_LARGE', path, what, { offset: begin });
    }
    length = Math.max(length, bytes.byteLength);
  }
}

/** The bytes that were read last: pickles that follow each other lie in them together. */
export class FileWindow {
  private begin = 0;
  private bytes = Buffer.alloc(0);

  constructor(readonly file: PinnedFile) {}

  /** The bytes from `at` on: `length` of them or more, fewer where the file ends. */
  async from(at: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    const wanted = Math.min(length, this.file.size - at);
    const start = at - this.begin;
    if (start >= 0 && start + wanted <= this.bytes.byteLength) return this.bytes.subarray(start);
    const bytes = Buffer.allocUnsafeSlow(wanted);
    await this.file.readInto(bytes, at, signal);
    this.begin = at;
    this.bytes = bytes;
    return bytes;
  }
}
