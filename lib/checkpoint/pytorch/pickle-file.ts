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
  file: PinnedFile,
  begin: number,
  meaning: (fail: PickleFail) => PickleMeaning,
  { limits, signal, guess = FIRST_BYTES }: ReadPickleOptions,
): Promise<{ value: PickleValue; end: number }> {
  const rest = file.size - begin;
  for (let length = Math.min(guess, limits.headerBytes); ; length = Math.min(length * GROWTH, limits.headerBytes)) {
    const bytes = Buffer.allocUnsafeSlow(Math.min(length, rest));
    await file.readInto(bytes, begin, signal);
    const isPart = length < rest;
    try {
      const { value, end } = await runPickle(bytes, meaning, { file: file.path, limits, isPart, signal });
      return { value, end: begin + end };
    } catch (error) {
      if (!(error instanceof PickleEnds)) throw error;
    }
    if (length >= limits.headerBytes) {
      const what = `a pickle of it has more than ${limits.headerBytes} bytes`;
      throw pytorchFault('PICKLE_TOO_LARGE', file.path, what, { offset: begin });
    }
  }
}
