import * as runtime from '../binding/runtime';
import { currentCall } from './call';
import { arrayOf, type TypedArray } from './dtype';
import type { Stream } from './stream';
import type { Tensor } from './tensor';

/**
 * Brings the elements of `tensors` into JS. All reads of one stream are one command, so they resolve together.
 * @throws the error of the call that made a value, or AbortError
 */
export async function readTensors(tensors: readonly Tensor[], signal?: AbortSignal): Promise<void> {
  const byStream = new Map<Stream, { tensor: Tensor; handle: runtime.Handle }[]>();
  for (const tensor of new Set(tensors.map(({ owner }) => owner))) {
    const source = tensor.source();
    if (!source) continue;
    const list = byStream.get(source.stream) ?? [];
    list.push({ tensor, handle: source.handle });
    byStream.set(source.stream, list);
  }
  const call = currentCall()?.id ?? 0;
  await Promise.all(
    [...byStream].map(async ([stream, list]) => {
      const arrays = list.map(({ tensor }) => new (arrayOf(tensor.type))(tensor.size));
      const handles = list.map(({ handle }) => handle);
      await runtime.read(stream.id, call, handles, arrays as NodeJS.TypedArray[], signal);
      list.forEach(({ tensor }, i) => {
        tensor.receive(arrays[i] as TypedArray);
      });
    }),
  );
}
