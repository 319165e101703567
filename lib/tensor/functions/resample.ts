import { TypeError, throwIfAborted, unknownName, ValueError } from '../../errors';
import { givenOptions, refuseSurplus } from '../../options';
import { isFloating } from '../dtype';
import { as, assertTensor } from '../expression';
import { add, clamp, mul, unary } from '../ops/elementwise';
import { index_select } from '../ops/embedding';
import { computeFloating } from '../promote';
import { readTensors } from '../read';
import { scope } from '../scope';
import type { WaitOptions } from '../stream';
import { Tensor } from '../tensor';

/**
 * Images in other sizes. Along each axis an output element is a weighted sum of a few input elements; the two axes are
 * done one after the other.
 */

/** How elements between the input's are made. */
export type InterpolationMode = 'nearest' | 'bilinear' | 'bicubic';

const modes: readonly string[] = ['nearest', 'bilinear', 'bicubic'];

/** For each output element an input element and its factor. */
interface Tap {
  index: Int32Array;
  weight: Float32Array | null;
}

/** Where output element i lies among `size` input elements. */
type Position = (i: number) => number;

/** Centres of elements are half an element from the edges. */
const halfPixel =
  (size: number, out: number): Position =>
  (i) =>
    ((i + 0.5) * size) / out - 0.5;

/** The first and the last elements lie on each other. */
const aligned =
  (size: number, out: number): Position =>
  (i) =>
    out > 1 ? (i * (size - 1)) / (out - 1) : 0;

function tap(out: number, size: number, indexOf: Position, weightOf: Position | null): Tap {
  const index = new Int32Array(out);
  for (let i = 0; i < out; i++) index[i] = Math.min(Math.max(indexOf(i), 0), size - 1);
  return { index, weight: weightOf && Float32Array.from({ length: out }, (_, i) => weightOf(i)) };
}

function linearTaps(out: number, size: number, position: Position): Tap[] {
  const at = (i: number) => Math.min(Math.max(position(i), 0), size - 1);
  return [
    tap(
      out,
      size,
      (i) => Math.floor(at(i)),
      (i) => 1 - (at(i) % 1),
    ),
    tap(
      out,
      size,
      (i) => Math.floor(at(i)) + 1,
      (i) => at(i) % 1,
    ),
  ];
}

/** The cubic convolution of Keys, 1981, with a = -0.75; the elements at the edges go on beyond them. */
function cubicTaps(out: number, size: number, position: Position): Tap[] {
  const a = -0.75;
  const near = (t: number) => ((a + 2) * t - (a + 3)) * t * t + 1; // t ≤ 1
  const far = (t: number) => ((a * t - 5 * a) * t + 8 * a) * t - 4 * a; // 1 < t < 2
  return [-1, 0, 1, 2].map((step) =>
    tap(
      out,
      size,
      (i) => Math.floor(position(i)) + step,
      (i) => {
        const distance = Math.abs(position(i) - Math.floor(position(i)) - step);
        return distance <= 1 ? near(distance) : far(distance);
      },
    ),
  );
}

function resampleAxis(x: Tensor, dim: number, out: number, tapsOf: (out: number, size: number) => Tap[]): Tensor {
  const size = x.dims[dim] as number;
  const shape = x.dims.map((_, i) => (i === dim ? out : 1));
  const terms = tapsOf(out, size).map(({ index, weight }) => {
    const selected = index_select(x, dim, new Tensor('int32', index));
    return weight ? mul(selected, as(new Tensor('float32', weight, shape), x.type)) : selected;
  });
  return terms.reduce((total, term) => add(total, term));
}

/** The last two dimensions of `x` at another size. */
function resample(
  op: string,
  x: Tensor,
  size: readonly number[],
  mode: InterpolationMode,
  tapsOf: (out: number, size: number) => Tap[],
): Tensor {
  const rank = x.dims.length;
  const input = x.dims.slice(rank - 2);
  if ([...size, ...input].some((d) => !Number.isSafeInteger(d) || d < 1))
    throw new ValueError(`${op}: an image of [${input}] cannot be brought to the size [${size}]`, {
      code: 'ERR_SHAPE',
    });
  const exact = mode === 'nearest';
  if (!exact && x.type !== 'uint8') computeFloating(op, x.type);
  return scope(() => {
    const values = exact || x.type === 'float64' ? x : as(x, 'float32');
    const rows = resampleAxis(values, rank - 2, size[0] as number, tapsOf);
    const result = resampleAxis(rows, rank - 1, size[1] as number, tapsOf);
    if (exact || isFloating(x.type)) return as(result, x.type);
    return as(clamp(unary('round', result), 0, 255), x.type);
  });
}

function checkMode(op: string, mode: string): void {
  if (!modes.includes(mode)) throw new ValueError(`${op}: the mode is one of ${modes.join(', ')}, not '${mode}'`);
}

/**
 * An image at another size. 'nearest' is that of torch.nn.functional.interpolate; bytes are rounded.
 * @param input - [C, H, W]
 * @param size - [height, width]
 * @param align_corners - the corners' elements lie on each other; for 'bilinear' and 'bicubic'
 * @returns [C, height, width]
 * @throws ValueError, TypeError
 */
export function interpolate(
  input: Tensor,
  size: readonly [height: number, width: number],
  mode: InterpolationMode = 'bilinear',
  align_corners = false,
  ...surplus: never[]
): Tensor {
  refuseSurplus('interpolate', surplus);
  assertTensor('interpolate', input);
  checkMode('interpolate', mode);
  if (!Array.isArray(size) || size.length !== 2) throw new TypeError('interpolate takes the size as [height, width]');
  if (input.dims.length !== 3)
    throw new ValueError(`interpolate takes one image [C, H, W], not ${input}; interpolate_4d takes several`, {
      code: 'ERR_SHAPE',
    });
  if (mode === 'nearest' && align_corners)
    throw new ValueError("interpolate: align_corners has no meaning with mode 'nearest'");
  const positions = align_corners ? aligned : halfPixel;
  return resample('interpolate', input, size, mode, (out, length) => {
    if (mode === 'nearest') return [tap(out, length, (i) => Math.floor((i * length) / out), null)];
    const position = positions(length, out);
    return mode === 'bilinear' ? linearTaps(out, length, position) : cubicTaps(out, length, position);
  });
}

/**
 * Images at another size, as ONNX's Resize: 'nearest' rounds halves down.
 * @param input - [N, C, H, W]
 * @param options.size - [height, width]; N and C may stand in front, and must be the input's
 * @returns [N, C, height, width], its elements in JS
 * @throws ValueError, TypeError
 */
export async function interpolate_4d(
  input: Tensor,
  given?: ({ size?: readonly number[] | null; mode?: InterpolationMode | null } & WaitOptions) | null,
  ...surplus: never[]
): Promise<Tensor> {
  refuseSurplus('interpolate_4d', surplus);
  const options = givenOptions(given, 'interpolate_4d');
  assertTensor('interpolate_4d', input);
  const { size, signal } = options;
  const known = ['size', 'mode', 'signal'];
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw unknownName('option', name, 'interpolate_4d', known);
  throwIfAborted(signal);
  const mode = options.mode ?? 'bilinear';
  checkMode('interpolate_4d', mode);
  if (input.dims.length !== 4)
    throw new ValueError(`interpolate_4d takes [N, C, H, W], not ${input}`, { code: 'ERR_SHAPE' });
  if (!Array.isArray(size) || size.length < 2 || size.length > 4)
    throw new TypeError('interpolate_4d takes the option `size` as [height, width]');
  const front = size.slice(0, -2);
  if (front.some((d, i) => d !== input.dims[2 - front.length + i]))
    throw new ValueError(`interpolate_4d: the size [${size}] would change how many images or channels ${input} has`, {
      code: 'ERR_SHAPE',
    });
  const result = resample('interpolate_4d', input, size.slice(-2), mode, (out, length) => {
    const position = halfPixel(length, out);
    if (mode === 'nearest') return [tap(out, length, (i) => Math.ceil(position(i) - 0.5), null)];
    return mode === 'bilinear' ? linearTaps(out, length, position) : cubicTaps(out, length, position);
  });
  await readTensors([result], signal);
  return result;
}
