/** Opens Flax files (`flax_model.msgpack`): a tree of arrays in msgpack, of which only what lies between the arrays is read. */
import { unknownName } from '../../errors';
import { inTurns, TurnTaker } from '../../turns';
import { unreadable } from '../fault';
import { foreignFormat, isGitLfsPointer } from '../foreign-format';
import { type HeaderLimits, headerLimits } from '../header-limits';
import { PinnedFile } from '../pinned-file';
import { type FlaxLeaves, flaxLeaves } from './flax-leaves';
import { FlaxSource } from './flax-source';
import { MsgpackTree } from './msgpack-tree';
import { type MsgpackFail, MsgpackWindow } from './msgpack-window';

/** Options of `openFlax`. */
export interface OpenFlaxOptions {
  signal?: AbortSignal;
  limits?: Partial<HeaderLimits>;
}

/** Bytes read at once: what lies between two arrays fits, and small arrays are passed over within. */
const WINDOW_BYTES = 16 * 1024;
const MAGIC_BYTES = 8;

/**
 * Opens one file and finds its arrays, reading none of their bytes.
 *
 * @throws CheckpointError with a code of `CHECKPOINT_FAULTS` when the file is missing, damaged or hostile.
 * @throws AbortError when `signal` is aborted.
 */
export async function openFlax(path: string, options: OpenFlaxOptions = {}): Promise<FlaxSource> {
  for (const name of Object.keys(options)) {
    if (name !== 'signal' && name !== 'limits') throw unknownName('option', name, 'openFlax()', ['signal', 'limits']);
  }
  const { signal } = options;
  const limits = headerLimits(options.limits);
  const file = await PinnedFile.open(path, signal);
  try {
    await checkBegin(file, signal);
    const leaves = await scan(file, limits, signal);
    await file.verify();
    return new FlaxSource(file, leaves);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function checkBegin(file: PinnedFile, signal?: AbortSignal): Promise<void> {
  const { path } = file;
  const bytes = new Uint8Array(Math.min(MAGIC_BYTES, file.size));
  await file.readInto(bytes, 0, signal);
  if (bytes.byteLength === 0) throw unreadable('EMPTY_FILE', path, 'it has no bytes; fetch it again');
  if (isGitLfsPointer(bytes)) {
    const what = 'it is the pointer that git leaves in place of a large file; install git-lfs and run git lfs pull';
    throw unreadable('GIT_LFS_POINTER', path, what);
  }
  const foreign = foreignFormat(bytes);
  if (foreign !== null) throw unreadable('UNKNOWN_FORMAT', path, `it is no Flax file: it is ${foreign}`);
}

async function scan(file: PinnedFile, limits: HeaderLimits, signal?: AbortSignal): Promise<FlaxLeaves> {
  const fail: MsgpackFail = (code, message, offset) => {
    throw unreadable(code, file.path, message, offset === undefined ? {} : { offset });
  };
  const window = new MsgpackWindow(file.size, fail);
  const steps = new MsgpackTree(window, limits).read();
  const turns = new TurnTaker(signal);
  const small = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, file.size));
  for (;;) {
    const step = steps.next();
    if (step.done) return inTurns(flaxLeaves(step.value, limits, fail), signal);
    if (step.value === 0) {
      await turns.next();
      continue;
    }
    const bytes =
      step.value > small.byteLength
        ? Buffer.allocUnsafeSlow(step.value)
        : small.subarray(0, Math.min(small.byteLength, window.remaining));
    if (!file.readNow(bytes, window.at)) await file.readInto(bytes, window.at, signal);
    window.fill(bytes);
  }
}
