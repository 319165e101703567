import { NotImplementedError, TypeError } from '../../errors';
import { refuseSurplus } from '../../options';
import { dimension } from '../dimension';
import { as, assertTensor } from '../expression';
import * as ops from '../ops/matmul';
import { computeFloating, promoteTypes } from '../promote';
import { readTensors } from '../read';
import { scope } from '../scope';
import { signalOf, type WaitOptions } from '../stream';
import { Tensor } from '../tensor';
import { stack } from './join';

/**
 * The matrix product as torch.matmul defines it: batch dimensions broadcast, a vector is a row on the left and a column
 * on the right.
 * @param a - [..., M, K] float32, float16 or bfloat16
 * @param b - [..., K, N]
 * @returns [..., M, N], its elements in JS
 * @throws ValueError `ERR_SHAPE` naming both shapes; TypeError `ERR_DTYPE`; AbortError
 */
export async function matmul(a: Tensor, b: Tensor, options?: WaitOptions | null, ...surplus: never[]): Promise<Tensor> {
  refuseSurplus('matmul', surplus);
  const signal = signalOf(options, 'matmul');
  assertTensor('matmul', a);
  assertTensor('matmul', b);
  const product = scope(() => {
    const type = promoteTypes('matmul', a.type, b.type);
    return as(ops.matmul(single('matmul', a), single('matmul', b)), type);
  });
  await readTensors([product], signal);
  return product;
}

/** `x` in float32, which the kernels multiply in. */
function single(op: string, x: Tensor): Tensor {
  if (computeFloating(op, x.type) === 'float64')
    throw new TypeError(`${op} does not compute with 'float64'; use .to('float32')`, { code: 'ERR_DTYPE' });
  return as(x, 'float32');
}

/** Longer signals would need a transform that is fast. */
const kLongestSignal = 4096;

/**
 * The discrete Fourier transform of real numbers along one dimension, as torch.fft.rfft.
 * @param x - float32 with n ≤ 4096 elements in that dimension
 * @param dim - the dimension, or a Tensor that holds its number
 * @returns the shape of x with n / 2 + 1, rounded down, in place of n, and a last dimension of real and imaginary part
 */
export async function rfft(
  x: Tensor,
  dim: Tensor | number,
  options?: WaitOptions | null,
  ...surplus: never[]
): Promise<Tensor> {
  refuseSurplus('rfft', surplus);
  const signal = signalOf(options, 'rfft');
  assertTensor('rfft', x);
  const axis = dimension('rfft', x, dim instanceof Tensor ? Number(dim.item()) : dim);
  const n = x.dims[axis] ?? 0;
  if (n > kLongestSignal)
    throw new NotImplementedError(`rfft of more than ${kLongestSignal} elements is not supported; ${x} has ${n}`);
  const spectrum = scope(() => {
    const waveform = single('rfft', x).transpose(axis, -1); // [..., n]
    const parts = [Math.cos, (angle: number) => -Math.sin(angle)].map((f) =>
      ops.matmul(waveform, waves(n, f)).transpose(axis, -1),
    );
    return stack(parts, -1);
  });
  await readTensors([spectrum], signal);
  return spectrum;
}

/** f(2π t k / n) for each time t and frequency k. @returns [n, n / 2 + 1] */
function waves(n: number, f: (angle: number) => number): Tensor {
  const frequencies = Math.floor(n / 2) + 1;
  const once = Array.from({ length: n }, (_, i) => f((2 * Math.PI * i) / n));
  const values = new Float32Array(n * frequencies);
  for (let t = 0; t < n; t++)
    for (let k = 0; k < frequencies; k++) values[t * frequencies + k] = once[(t * k) % n] as number;
  return new Tensor('float32', values, [n, frequencies]);
}
