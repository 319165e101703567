import * as runtime from '../binding/runtime';
import { currentCall } from './call';
import { currentStream } from './stream';
import { Tensor } from './tensor';

/**
 * The tensor as a parameter: what multiplies with it keeps its panels, and with `pack` it is held as panels only, of the
 * matrix or of its transpose. The tensor must be an op's fresh result; it is used up.
 */
export function keep(fresh: Tensor, pack: 'rows' | 'transposed' | null): Tensor {
  const stream = currentStream();
  const output = runtime.keep(stream.id, currentCall()?.id ?? 0, fresh.native(), pack);
  const kept = Tensor.fromNative(output, stream);
  runtime.submit(stream.id);
  fresh.dispose();
  return kept;
}
