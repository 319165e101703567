import { write } from 'node:fs';
import { promisify } from 'node:util';
import * as runtime from '../binding/runtime';
import { RuntimeError, throwIfAborted } from '../errors';
import type { Call } from './call';
import { arrayOf } from './dtype';
import type { Stream } from './stream';
import type { Tensor } from './tensor';

const writeSome = promisify(write);

/** Elements that live natively go to files and copies from there; those in JS, and views, are taken from JS. */
function isNative(tensor: Tensor): boolean {
  return !tensor.isHost && tensor.owner === tensor;
}

/**
 * Writes a tensor's bytes, row-major and little-endian, into an open file from `offset` on: from native memory, on
 * `stream`'s threads, where the tensor lives there. When the promise settles the file is touched no more.
 * @throws OSError whose code is the system's (ENOSPC, EIO, …); RuntimeError `ERR_DISPOSED`; AbortError
 */
export async function writeTensor(
  tensor: Tensor,
  descriptor: number,
  offset: number,
  stream: Stream,
  call: Call,
): Promise<void> {
  throwIfAborted(call.signal);
  if (!isNative(tensor)) return await writeAll(descriptor, await copyBytes(tensor, stream, call), offset);
  refused(tensor, () => runtime.write(stream.id, call.id, tensor.native(), descriptor, offset));
  // No signal here: an abort ends the command within a chunk, and until then the descriptor must stay open.
  const done = runtime.fence(stream.id, call.id);
  await done.catch((error: unknown) => {
    throwIfAborted(call.signal);
    throw error;
  });
}

async function writeAll(descriptor: number, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; )
    done += (await writeSome(descriptor, bytes, done, bytes.byteLength - done, offset + done)).bytesWritten;
}

/** The bytes of a tensor in an array of their own; the tensor stays where it is. @throws as `writeTensor` */
export async function copyBytes(tensor: Tensor, stream: Stream, call: Call): Promise<Uint8Array> {
  if (!isNative(tensor)) {
    const data = await tensor.getData();
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  const array = new (arrayOf(tensor.type))(tensor.size);
  await runtime.read(stream.id, call.id, [tensor.native()], [array as NodeJS.TypedArray], call.signal);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function refused(tensor: Tensor, record: () => void): void {
  try {
    record();
  } catch (error) {
    if ((error as Error).constructor !== runtime.Refused) throw error;
    throw new RuntimeError(`${tensor} cannot be written: it ${(error as Error).message}`, { code: 'ERR_DISPOSED' });
  }
}
