import * as f from '../../lib/tensor/functions';
import { set_seed } from '../../lib/tensor/random';
import { Stream } from '../../lib/tensor/stream';
import { Tensor } from '../../lib/tensor/tensor';
import { float32, int64 } from '../ops/case-table';

const coded = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });
const summary = (tensor: Tensor) => [tensor.type, tensor.dims, tensor.tolist()];
const counting = (dims: number[]) =>
  float32(
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i),
    dims,
  );

describe('new tensors', () => {
  it('are filled with what they are given, in its type', () => {
    expect(summary(f.full([2], 1.5))).toEqual(['float32', [2], [1.5, 1.5]]);
    expect(summary(f.full([1, 2], 3n))).toEqual(['int64', [1, 2], [[3n, 3n]]]);
    expect(summary(f.full([2], true))).toEqual(['bool', [2], [true, true]]);
    expect(summary(f.full([], 2, { dtype: 'int32' }))).toEqual(['int32', [], 2]);
    expect(summary(f.full([2], -2.5, { dtype: 'float16' }))).toEqual(['float16', [2], [-2.5, -2.5]]);
  });

  it('are float32 ones and zeros unless another type is asked for', () => {
    expect(summary(f.ones([2]))).toEqual(['float32', [2], [1, 1]]);
    expect(summary(f.zeros([0, 2]))).toEqual(['float32', [0, 2], []]);
    expect(summary(f.ones([1], { dtype: 'int64' }))).toEqual(['int64', [1], [1n]]);
  });

  it('take type and shape of what they are like', () => {
    const x = int64([1, 2], [2, 1]);
    expect(summary(f.ones_like(x))).toEqual(['int64', [2, 1], [[1n], [1n]]]);
    expect(summary(f.zeros_like(x.to('bfloat16')))).toEqual(['bfloat16', [2, 1], [[0], [0]]]);
    expect(summary(f.full_like(x, 7))).toEqual(['int64', [2, 1], [[7n], [7n]]]);
    expect(summary(f.full_like(x, 7, { dtype: 'float32' }))).toEqual(['float32', [2, 1], [[7], [7]]]);
  });

  it('hold random numbers that set_seed repeats', () => {
    set_seed(3);
    const [uniform, normal] = [f.rand([50, 20]), f.randn([50, 20])];
    set_seed(3);
    expect(f.rand([50, 20]).data).toEqual(uniform.data);
    const values = [...(uniform.data as Float32Array)];
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    const [std, mean] = f.std_mean(normal);
    expect(Number(std.item())).toBeCloseTo(1, 1);
    expect(Number(mean.item())).toBeCloseTo(0, 1);
  });

  it.each<[string, () => unknown, string, RegExp]>([
    ['a number as shape', () => f.ones(3 as never), 'ERR_TYPE', /ones takes a shape such as \[2, 3\], not 3/],
    ['a negative size', () => f.zeros([-1]), 'ERR_SHAPE', /zeros: .*\[-1\]/],
    ['a word', () => f.full([1], 'a' as never), 'ERR_TYPE', /full takes a number/],
    ['an unknown option', () => f.ones([1], { dtpye: 'int64' } as never), 'ERR_UNKNOWN_NAME', /did you mean 'dtype'/],
    ['an unknown type', () => f.ones([1], { dtype: 'int65' }), 'ERR_DTYPE', /did you mean 'int64'/],
    ['no tensor', () => f.ones_like([1] as never), 'ERR_TYPE', /ones_like takes a Tensor, not an array/],
  ])('are not made of %s', (_what, make, code, message) => {
    expect(make).toThrow(coded(code, message));
  });
});

describe('joining', () => {
  it('joins more tensors than one op takes', () => {
    const rows = Array.from({ length: 300 }, (_, i) => float32([i, -i]));
    const stacked = f.stack(rows);
    expect(stacked.dims).toEqual([300, 2]);
    expect(stacked[299]?.tolist()).toEqual([299, -299]);
    expect(f.cat(rows).dims).toEqual([600]);
    expect(f.cat(rows).slice([33, 36]).tolist()).toEqual([-16, 17, -17]);
  });

  it.each<[string, () => unknown, string, RegExp]>([
    ['nothing', () => f.cat([]), 'ERR_VALUE', /cat takes at least one Tensor/],
    ['no array', () => f.stack(float32([1]) as never), 'ERR_TYPE', /stack takes an array of Tensors/],
    ['numbers', () => f.cat([1, 2] as never), 'ERR_TYPE', /cat takes a Tensor, not a number/],
    ['scalars', () => f.cat([float32([1], [])]), 'ERR_SHAPE', /without dimensions/],
    [
      'shapes that do not continue each other',
      () => f.cat([counting([2, 3]), counting([2, 2])]),
      'ERR_SHAPE',
      /\[2,2\]\) does not continue .*\[2,3\]\) along dimension 0/,
    ],
    ['different shapes', () => f.stack([counting([2]), counting([3])]), 'ERR_SHAPE', /\[3\].*\[2\].* different shapes/],
  ])('refuses %s', (_what, join, code, message) => {
    expect(join).toThrow(coded(code, message));
  });
});

describe('functions of vectors', () => {
  it('give the kind of array that they take', () => {
    const expected = [0.09003057317038046, 0.24472847105479764, 0.6652409557748219];
    const close = (values: ArrayLike<number>, digits: number) =>
      Array.from(values).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i] as number, digits);
      });
    const plain = f.softmax([1, 2, 3]);
    expect(Array.isArray(plain)).toBe(true);
    close(plain, 14);
    for (const Kind of [Float32Array, Float64Array, Int32Array, Uint8Array]) {
      const result = f.softmax(Kind.from([1, 2, 3]));
      expect(result.constructor.name).toBe(Kind === Float64Array ? 'Float64Array' : 'Float32Array');
      close(result, 6);
      close(f.log_softmax(Kind.from([1, 2, 3])).map(Math.exp), 6);
    }
    close(f.log_softmax([1001, 1002, 1003]).map(Math.exp), 12);
    close(f.softmax(float32([1, 2, 3])).data as Float32Array, 6);
  });

  it('multiply and compare arrays, typed arrays and Tensors', () => {
    const [a, b] = [
      [3, 4],
      [4, 3],
    ] as [number[], number[]];
    for (const [x, y] of [
      [a, b],
      [Float32Array.from(a), b],
      [float32(a), float32(b, [1, 2])],
      [int64(a), BigInt64Array.from(b.map(BigInt))],
      [float32(a).to('float16'), float32(b).mul(1)],
    ] as [f.Vector, f.Vector][]) {
      expect(f.dot(x, y)).toBe(24);
      expect(f.cos_sim(x, y)).toBeCloseTo(0.96, 12);
    }
    expect(f.cos_sim([0, 0], [1, 2])).toBe(0);
  });

  it.each<[string, () => unknown, string, RegExp]>([
    ['nothing', () => f.softmax([]), 'ERR_VALUE', /softmax of an empty array/],
    ['words', () => f.log_softmax(['1'] as never), 'ERR_TYPE', /element 0 is a string/],
    ['bigints', () => f.softmax(new BigInt64Array(1) as never), 'ERR_TYPE', /softmax takes a Tensor or an array/],
    ['whole tensors', () => f.softmax(int64([1])), 'ERR_DTYPE', /softmax takes floating .*'int64'/],
    ['a dimension that is not', () => f.softmax(float32([1]), 1), 'ERR_INDEX_OUT_OF_RANGE', /softmax: dimension 1/],
    ['vectors of two lengths', () => f.dot([1], [1, 2]), 'ERR_SHAPE', /1 and 2 elements/],
    [
      'a matrix',
      () => f.cos_sim(counting([2, 2]), [1, 2, 3, 4]),
      'ERR_SHAPE',
      /take its rows.*cos_sim\(a\[0\], b\[0\]\)/,
    ],
    ['a number', () => f.dot(1 as never, [1]), 'ERR_TYPE', /dot takes Tensors and arrays/],
  ])('refuse %s', (_what, run, code, message) => {
    expect(run).toThrow(coded(code, message));
  });
});

describe('embeddings', () => {
  it('are the mean of the tokens that the mask keeps, and zeros without any', () => {
    const x = counting([3, 2, 2]);
    const mask = int64([1, 1, 1, 0, 0, 0], [3, 2]);
    const expected = [
      [1, 2],
      [4, 5],
      [0, 0],
    ];
    expect(summary(f.mean_pooling(x, mask))).toEqual(['float32', [3, 2], expected]);
    expect(summary(f.mean_pooling(x.to('float16'), mask.to('bool')))).toEqual(['float16', [3, 2], expected]);
    expect(() => f.mean_pooling(x, int64([1, 1]))).toThrow(coded('ERR_SHAPE', /mean_pooling: .*\[3,2,2\].*\[2\]/));
  });

  it('become bits, the first in the highest place', () => {
    const x = float32([1, -1, 0, 0.1, -0, 2, -3, 4, ...Array(8).fill(1)], [1, 16]);
    for (const type of ['float32', 'float16', 'float64']) {
      expect(summary(f.quantize_embeddings(x.to(type), 'ubinary'))).toEqual(['uint8', [1, 2], [[0b10010101, 255]]]);
      expect(summary(f.quantize_embeddings(x.to(type), 'binary'))).toEqual(['int8', [1, 2], [[0b10010101 - 128, 127]]]);
    }
    expect(() => f.quantize_embeddings(counting([1, 9]), 'binary')).toThrow(
      coded('ERR_SHAPE', /multiple of 8.*\[1,9\]/),
    );
    expect(() => f.quantize_embeddings(x, 'int8' as never)).toThrow(
      coded('ERR_VALUE', /'binary' or 'ubinary'.*'int8'/),
    );
  });
});

describe('functions that return promises', () => {
  it('resolve when the elements are in JS', async () => {
    const x = counting([3, 3]);
    const results = [
      await f.matmul(x, x),
      ...(await f.topk(x, 2)),
      await f.slice(x, [0], [2]),
      await f.rfft(x, -1),
      await f.interpolate_4d(counting([1, 1, 2, 2]), { size: [4, 4] }),
    ];
    for (const result of results) expect(result.location).toBe('cpu');
  });

  it('slice with steps, backwards too', async () => {
    const x = counting([3, 4]);
    const slice = async (...args: [number[], number[], number[]?, number[]?]) => (await f.slice(x, ...args)).tolist();
    expect(await slice([1, 0], [3, 4], [0, 1], [1, 2])).toEqual([
      [4, 6],
      [8, 10],
    ]);
    expect(await slice([-1], [-99], [1], [-2])).toEqual([
      [3, 1],
      [7, 5],
      [11, 9],
    ]);
    expect(await slice([0], [99])).toEqual(x.tolist());
    expect(await slice([2, 1], [1, 3])).toEqual([]);
    expect((await f.slice(x, [0n], [1n], [-1n])).tolist()).toEqual([[0], [4], [8]]);
    await expect(f.slice(x, [0], [1], [0, 1])).rejects.toEqual(coded('ERR_VALUE', /1 starts, 1 ends, 2 axes/));
    await expect(f.slice(x, [0, 0], [1, 1], [0, -2])).rejects.toEqual(coded('ERR_VALUE', /name one twice/));
    await expect(f.slice(x, [0], [1], [0], [0])).rejects.toEqual(coded('ERR_VALUE', /a step is not 0/));
  });

  it('take no more than there is, and every type', async () => {
    const [values, indices] = await f.topk(new Tensor('uint8', [3, 9, 9, 1]), 10);
    expect(summary(values)).toEqual(['uint8', [4], [9, 9, 3, 1]]);
    expect(summary(indices)).toEqual(['int64', [4], [1n, 2n, 0n, 3n]]);
    expect((await f.topk(float32([1, 2]).to('float16')))[0].type).toBe('float16');
    await expect(f.topk(float32([1]), -1)).rejects.toEqual(coded('ERR_VALUE', /topk: k/));
  });

  it.each<[string, () => Promise<unknown>, string, RegExp]>([
    [
      'shapes that do not fit',
      () => f.matmul(counting([2, 3]), counting([2, 3])),
      'ERR_SHAPE',
      /matmul: .*\[2,3\].*\[2,3\]/,
    ],
    ['whole numbers', () => f.matmul(int64([1]), int64([1])), 'ERR_DTYPE', /matmul takes floating .*'int64'/],
    ['doubles', () => f.matmul(counting([1]).to('float64'), counting([1])), 'ERR_DTYPE', /'float64'/],
    ['long signals', () => f.rfft(counting([5000]), 0), 'ERR_NOT_IMPLEMENTED', /rfft of more than 4096/],
  ])('reject %s', async (_what, run, code, message) => {
    await expect(run()).rejects.toEqual(coded(code, message));
  });
});

describe('images at other sizes', () => {
  it('take the nearest element as ONNX does, or as PyTorch does', async () => {
    const x = float32([0, 1, 2, 3, 4, 5], [1, 1, 6]);
    const onnx = async (n: number) =>
      [...(await f.interpolate_4d(x.unsqueeze(0), { size: [1, n], mode: 'nearest' })).data].map(Number);
    expect(await onnx(2)).toEqual([1, 4]);
    expect(await onnx(3)).toEqual([0, 2, 4]);
    expect(await onnx(4)).toEqual([0, 2, 3, 5]);
    expect([...f.interpolate(x, [1, 2], 'nearest').data]).toEqual([0, 3]);
    expect([...f.interpolate(x, [1, 4], 'nearest').data]).toEqual([0, 1, 3, 4]);
  });

  it('take sizes of two, three and four numbers', async () => {
    const x = counting([2, 3, 2, 2]);
    for (const size of [
      [4, 5],
      [3, 4, 5],
      [2, 3, 4, 5],
    ])
      expect((await f.interpolate_4d(x, { size })).dims).toEqual([2, 3, 4, 5]);
  });

  it('keep bytes bytes', () => {
    const image = new Tensor('uint8', [0, 255, 255, 0], [1, 2, 2]);
    expect(summary(f.interpolate(image, [1, 3], 'bilinear'))).toEqual(['uint8', [1, 1, 3], [[[128, 128, 128]]]]);
    const sharp = f.interpolate(new Tensor('uint8', [0, 0, 255, 255], [1, 1, 4]), [1, 8], 'bicubic');
    expect([...sharp.data].every((value) => value >= 0 && value <= 255)).toBe(true);
  });

  it.each<[string, () => unknown, string, RegExp]>([
    ['an unknown mode', () => f.interpolate(counting([1, 2, 2]), [1, 1], 'area' as never), 'ERR_VALUE', /'area'/],
    [
      'several images',
      () => f.interpolate(counting([1, 1, 2, 2]), [1, 1]),
      'ERR_SHAPE',
      /interpolate_4d takes several/,
    ],
    ['no size', () => f.interpolate(counting([1, 2, 2]), 3 as never), 'ERR_TYPE', /\[height, width\]/],
    ['a size of nothing', () => f.interpolate(counting([1, 2, 2]), [0, 1]), 'ERR_SHAPE', /\[0,1\]/],
    ['whole numbers', () => f.interpolate(int64([1], [1, 1, 1]), [1, 1]), 'ERR_DTYPE', /interpolate takes floating/],
    [
      'corners for the nearest element',
      () => f.interpolate(counting([1, 2, 2]), [1, 1], 'nearest', true),
      'ERR_VALUE',
      /align_corners has no meaning/,
    ],
  ])('are not made of %s', (_what, run, code, message) => {
    expect(run).toThrow(coded(code, message));
  });

  it.each<[string, Parameters<typeof f.interpolate_4d>, string, RegExp]>([
    ['three dimensions', [counting([1, 2, 2]), { size: [1, 1] }], 'ERR_SHAPE', /\[N, C, H, W\], not .*\[1,2,2\]/],
    ['no size', [counting([1, 1, 2, 2])], 'ERR_TYPE', /`size`/],
    ['another number of channels', [counting([1, 1, 2, 2]), { size: [3, 1, 1] }], 'ERR_SHAPE', /channels/],
    ['an unknown option', [counting([1, 1, 2, 2]), { sizes: [1, 1] } as never], 'ERR_UNKNOWN_NAME', /'size'/],
  ])('are not made of %s in four dimensions', async (_what, args, code, message) => {
    await expect(f.interpolate_4d(...args)).rejects.toEqual(coded(code, message));
  });
});

describe('layer_norm', () => {
  it.each<[string, () => unknown, string, RegExp]>([
    [
      'an unknown option',
      () => f.layer_norm(counting([2, 3]), [3], { epsilon: 1 } as never),
      'ERR_UNKNOWN_NAME',
      /eps/,
    ],
    ['a shape that is not the last', () => f.layer_norm(counting([2, 3]), [2]), 'ERR_SHAPE', /\[2,3\].*\[2\]/],
    [
      'a weight of another shape',
      () => f.layer_norm(counting([2, 3]), [3], { weight: counting([2]) }),
      'ERR_SHAPE',
      /\[3\], not .*\[2\]/,
    ],
    ['whole numbers', () => f.layer_norm(int64([1, 2]), [2]), 'ERR_DTYPE', /layer_norm takes floating/],
  ])('refuses %s', (_what, run, code, message) => {
    expect(run).toThrow(coded(code, message));
  });
});

describe('functions that return promises', () => {
  const x = () => counting([1, 1, 2, 2]);
  const calls: Record<string, (options: { signal: AbortSignal }) => Promise<unknown>> = {
    matmul: (options) => f.matmul(x(), x(), options),
    rfft: (options) => f.rfft(x(), -1, options),
    topk: (options) => f.topk(x(), 1, options),
    slice: (options) => f.slice(x(), [0], [1], [0], undefined, options),
    interpolate_4d: (options) => f.interpolate_4d(x(), { size: [4, 4], ...options }),
    getData: (options) => x().add(1).getData(options),
    synchronize: (options) => new Stream().synchronize(options),
  };

  it.each(Object.keys(calls))('%s: stops at a signal, and refuses what is none', async (name) => {
    const call = calls[name] as (typeof calls)[string];
    await expect(call({ signal: AbortSignal.abort('enough') })).rejects.toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: 'enough',
    });
    await expect(call({ signal: 'x' as never })).rejects.toThrow(/signal must be an AbortSignal/);
    await expect(call({ signal: new AbortController().signal })).resolves.not.toThrow();
    if (name !== 'interpolate_4d')
      await expect(call({ signla: 1 } as never)).rejects.toMatchObject({ code: 'ERR_UNKNOWN_NAME' });
  });
});

describe('a stream', () => {
  it('refuses what is no option of it', () => {
    expect(() => new Stream({ foo: 1 } as never)).toThrow(/unknown option 'foo'|'foo'/);
    expect(() => new Stream('x' as never)).toThrow(/must be an object/);
    expect(() => new Stream({ threads: 4 } as never)).toThrow(/NATIVE_TRANSFORMERS_THREADS/);
  });
});
