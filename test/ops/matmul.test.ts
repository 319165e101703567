import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeInfo } from '../../lib/binding/runtime';
import type { DType } from '../../lib/tensor/dtype';
import { fence, loadTensor } from '../../lib/tensor/load';
import { cast } from '../../lib/tensor/ops/cast';
import { slice } from '../../lib/tensor/ops/layout';
import { linear, matmul } from '../../lib/tensor/ops/matmul';
import { Stream } from '../../lib/tensor/stream';
import { Tensor } from '../../lib/tensor/tensor';
import { type Case, float32, holdsAtEveryLevel, Random, values } from './case-table';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const close = { relative: 2e-6, absolute: 4e-6 };
const kinds: DType[] = ['float32', 'float16', 'bfloat16'];

// So that sums of K products are about 1.
const weight = (r: Random, dims: number[], k: number) => r.floats(dims, 1 / Math.sqrt(k || 1));
const as = (x: Tensor, type: DType) => (type === 'float32' ? x : cast(x, type));

describe('linear', () => {
  // Around the panels (8 to 32 columns), the strips of rows (6 or 14) and the blocks of K (512).
  for (const [m, n, k] of [
    [0, 5, 3],
    [3, 0, 5],
    [3, 5, 0],
    [1, 1, 1],
    [1, 130, 65],
    [2, 64, 33],
    [3, 33, 5],
    [6, 16, 17],
    [7, 31, 100],
    [14, 32, 64],
    [15, 47, 129],
    [29, 50, 511],
    [113, 33, 513],
    [225, 20, 30],
    [20, 8, 1024],
    [3, 40, 1030],
  ] as [number, number, number][]) {
    const cases: Record<string, Case> = {};
    for (const type of kinds)
      cases[`[${m}, ${k}] times a ${type} weight of [${n}, ${k}]`] = (r) =>
        linear(r.floats([m, k]), as(weight(r, [n, k], k), type));
    cases[`[${m}, ${k}] with bias, GELU and residual to [${m}, ${n}]`] = (r) =>
      linear(r.floats([m, k]), weight(r, [n, k], k), r.floats([n]), {
        activation: 'gelu',
        residual: r.floats([m, n]),
      });
    cases[`[${m}, ${k}] times a weight stored as [${k}, ${n}]`] = (r) =>
      linear(r.floats([m, k]), as(weight(r, [k, n], k), 'bfloat16'), as(r.floats([n]), 'float16'), {
        transposed: true,
      });
    holdsAtEveryLevel(cases, close);
  }

  for (const activation of ['gelu_new', 'relu', 'tanh', 'sigmoid', 'silu', 'quick_gelu', 'mish', 'elu'])
    holdsAtEveryLevel(
      {
        [`with ${activation}`]: (r) =>
          linear(r.floats([5, 40], 2), weight(r, [35, 40], 40), r.floats([35]), { activation }),
      },
      { relative: 4e-6, absolute: 8e-6 },
    );

  holdsAtEveryLevel(
    {
      'of a vector': (r) => linear(r.floats([9]), weight(r, [4, 9], 9)),
      'of rows in several dimensions': (r) => linear(r.floats([2, 3, 4, 9]), weight(r, [5, 9], 9), r.floats([5])),
      'of rows with NaN and infinity': () =>
        linear(float32([1, 2, nan, 1, inf, 1, 0, 0], [4, 2]), float32([1, 1, 0, 1, 1, -1], [3, 2])),
      'with infinite weights': () => linear(float32([1, 0, 0, 1, 0, 0], [3, 2]), float32([inf, 1, 2, -inf], [2, 2])),
    },
    close,
  );

  it('gives a row the same bits alone, in any batch and with any number of threads', async () => {
    const [m, n, k] = [130, 70, 1100];
    const r = new Random(3);
    const [x, w, bias] = [r.floats([m, k]), cast(weight(r, [n, k], k), 'bfloat16'), r.floats([n])];
    for (const isa of nativeInfo().levels) {
      const run = (first: number, last: number, threads?: 1) =>
        new Stream({ isa, ...(threads && { threads }) }).run(() =>
          values(linear(slice(x, 0, first, last), w, bias, { activation: 'gelu' })),
        );
      const whole = await run(0, m);
      for (const [first, last] of [
        [0, 1],
        [129, 130],
        [5, 7],
        [1, 4],
        [3, 16],
        [20, 77],
        [0, 113],
      ] as const) {
        const part = whole.slice(first * n, last * n);
        expect(await run(first, last)).toEqual(part);
        expect(await run(first, last, 1)).toEqual(part);
      }
    }
  });

  it.each([
    ['inner dimensions differ', () => linear(float32([1, 2]), float32([1, 2, 3], [1, 3]))],
    ['weight a matrix', () => linear(float32([1, 2]), float32([1, 2]))],
    ['one number for each column', () => linear(float32([1]), float32([1, 2], [2, 1]), float32([1]))],
    ["the result's shape", () => linear(float32([1]), float32([1], [1, 1]), null, { residual: float32([1, 2]) })],
    ['x must be float32', () => linear(new Tensor('int32', [1]), float32([1], [1, 1]))],
    ['weight must be', () => linear(float32([1]), new Tensor('int8', [1], [1, 1]))],
  ] as [string, () => Tensor][])('refuses: %s', (reason, run) => {
    expect(run).toThrow(reason);
  });
});

type Pack = Parameters<typeof loadTensor>[2];

describe('a weight that is held as panels', () => {
  let folder: string;
  let files = 0;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'panels-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  async function loaded(data: Float32Array, dims: number[], type: DType, pack: Pack): Promise<Tensor> {
    const path = join(folder, `${files++}`);
    writeFileSync(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const file = openSync(path, 'r');
    try {
      const tensor = loadTensor({ file, offset: 0, type: 'float32', dims }, type, pack);
      await fence();
      return tensor;
    } finally {
      closeSync(file);
    }
  }

  for (const isa of nativeInfo().levels)
    for (const type of kinds)
      it(`keeps its ${type} elements and its products on ${isa}`, async () => {
        const stream = new Stream({ isa });
        for (const [n, k] of [
          [1, 1],
          [31, 17],
          [33, 64],
          [100, 5],
        ] as const) {
          const data = new Random(n).floats([n, k]).data as Float32Array;
          const x = new Random(1).floats([9, k]);
          const y = new Random(1).floats([9, n]);
          const product = (w: Tensor) => stream.run(() => values(linear(x, w)));
          const transposed = (w: Tensor) => stream.run(() => values(linear(y, w, null, { transposed: true })));
          const of = (pack: Pack) => stream.run(() => loaded(data, [n, k], type, pack));
          const rows = await of(null);
          for (const panels of [await of('rows'), await of('transposed')]) {
            expect(await product(panels)).toEqual(await product(rows));
            expect(await transposed(panels)).toEqual(await transposed(rows));
            expect((await panels.getData()) as ArrayLike<number>).toEqual(await rows.getData());
          }
        }
      });

  for (const isa of nativeInfo().levels)
    for (const type of kinds)
      it(`has the products, to the bit, that its rows in a mapped file have: ${type} on ${isa}`, async () => {
        const stream = new Stream({ isa });
        for (const [n, k] of [
          [33, 64],
          [64, 1040],
          [16, 7],
          [80, 524],
        ] as const) {
          const data = await stream.run(() => as(weight(new Random(n), [n, k], k), type)).getData();
          const path = join(folder, `${files++}`);
          writeFileSync(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
          const file = openSync(path, 'r');
          const load = (map: boolean, pack: Pack) =>
            stream.run(() => loadTensor({ file, offset: 0, type, dims: [n, k], map }, type, pack));
          const [mapped, panels, turned] = [load(true, 'rows'), load(false, 'rows'), load(false, 'transposed')];
          await stream.run(() => fence());
          closeSync(file);
          for (const m of [1, 2, 4, 5, 20, 120]) {
            const x = new Random(m).floats([m, k]);
            const y = new Random(m).floats([m, n]);
            const product = (w: Tensor) => stream.run(() => values(linear(x, w)));
            const transposed = (w: Tensor) => stream.run(() => values(linear(y, w, null, { transposed: true })));
            expect(await product(mapped)).toEqual(await product(panels));
            expect(await transposed(mapped)).toEqual(await transposed(turned));
          }
          for (const tensor of [mapped, panels, turned]) tensor.dispose();
        }
      });
});

describe('matmul', () => {
  const cases: Record<string, Case> = {};
  for (const [a, b, options] of [
    [[3], [3]],
    [[3], [3, 4]],
    [[4, 3], [3]],
    [[2, 4, 3], [3]],
    [[3], [2, 3, 5]],
    [
      [4, 3],
      [3, 5],
    ],
    [
      [0, 3],
      [3, 2],
    ],
    [
      [2, 3],
      [3, 0],
    ],
    [
      [2, 0],
      [0, 3],
    ],
    [
      [2, 4, 3],
      [3, 5],
    ],
    [
      [4, 3],
      [2, 3, 5],
    ],
    [
      [2, 1, 4, 3],
      [7, 3, 5],
    ],
    [
      [2, 7, 4, 3],
      [1, 1, 3, 5],
    ],
    [
      [0, 2, 3],
      [1, 3, 4],
    ],
    [
      [12, 20, 32],
      [12, 32, 17],
    ],
    [
      [2, 20, 600],
      [2, 600, 40],
    ],
    [[3, 4], [3, 5], { transpose_a: true }],
    [[4, 3], [5, 3], { transpose_b: true }],
    [[2, 3, 4], [3, 5], { transpose_a: true }],
    [[2, 130, 50], [1, 37, 130], { transpose_a: true, transpose_b: true }],
  ] as [number[], number[], { transpose_a?: boolean; transpose_b?: boolean }?][])
    cases[`[${a}] times [${b}] ${Object.keys(options ?? {})}`] = (r) => matmul(r.floats(a), r.floats(b, 0.1), options);
  cases['with a float16 right side'] = (r) => matmul(r.floats([4, 3]), cast(r.floats([3, 5]), 'float16'));
  cases['with a bfloat16 right side'] = (r) =>
    matmul(r.floats([2, 4, 3]), cast(r.floats([2, 5, 3]), 'bfloat16'), { transpose_b: true });
  cases['of NaN and infinities'] = () => matmul(float32([nan, 1, inf, 0], [2, 2]), float32([1, 2, inf, 1], [2, 2]));
  holdsAtEveryLevel(cases, close);

  it.each([
    ['inner dimensions differ', () => matmul(float32([1, 2]), float32([1, 2, 3]))],
    ['a vector cannot be transposed', () => matmul(float32([1]), float32([1]), { transpose_a: true })],
    [
      'batch dimensions do not broadcast',
      () => matmul(new Random(1).floats([2, 1, 1]), new Random(1).floats([3, 1, 1])),
    ],
    ['a scalar is no matrix', () => matmul(float32([1], []), float32([1]))],
    ['left operand must be float32', () => matmul(new Tensor('int32', [1]), float32([1]))],
  ] as [string, () => Tensor][])('refuses: %s', (reason, run) => {
    expect(run).toThrow(reason);
  });
});
