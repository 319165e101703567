import * as runtime from '../../lib/binding/runtime';
import * as f from '../../lib/tensor/functions';
import type { Tensor } from '../../lib/tensor/tensor';
import { float32, int64 } from '../ops/case-table';

const handles = () => runtime.memoryStats().handles;

/** The type of the input and a call: of one op and of many, with casts and with views. */
const calls: Record<string, [type: string, call: (x: Tensor) => Tensor | readonly Tensor[]]> = {
  'a sum with itself': ['float32', (x) => x.add(x)],
  'a sum in another type': ['float32', (x) => x.add(int64([1, 2]))],
  'a quotient of halves': ['float16', (x) => x.div(2)],
  'a comparison': ['float32', (x) => x.gt(0.5)],
  'a clamp between tensors': ['float32', (x) => x.clamp(float32([1, 1]), 2)],
  'a rounding of bytes': ['int8', (x) => x.round()],
  'a mean': ['float32', (x) => x.mean(0)],
  'a sum of bytes': ['uint8', (x) => x.sum()],
  'a norm': ['float16', (x) => x.norm(3, 1, true)],
  'doubles of length 1': ['float64', (x) => x.normalize()],
  'a view': ['float32', (x) => x.view(4)],
  'a row': ['float32', (x) => x[1] as Tensor],
  'all rows': ['float32', (x) => [...x] as Tensor[]],
  'a slice': ['float32', (x) => x.slice(null, 1)],
  'a transpose': ['float32', (x) => x.transpose(0, 1)],
  repeats: ['float32', (x) => x.repeat(2, 3)],
  'a clone': ['float32', (x) => x.clone()],
  'another type': ['float32', (x) => x.to('int64')],
  'a map': ['float32', (x) => x.map((value) => Number(value) + 1)],
  'a change in place': ['float32', (x) => x.clone().mul_(2)],
  'tensors joined in another type': ['float32', (x) => f.cat([x, x, int64([1, 2], [1, 2])])],
  'many tensors joined': ['float32', (x) => f.stack(Array.from({ length: 40 }, () => x))],
  'a softmax of doubles': ['float64', (x) => f.softmax(x)],
  'a norm of layers': ['float64', (x) => f.layer_norm(x, [2], { weight: float32([1, 2]) })],
  'two results': ['float32', (x) => f.std_mean(x)],
  'an image': [
    'float32',
    (x) => {
      using image = x.view(1, 2, 2);
      return f.interpolate(image, [3, 3]);
    },
  ],
  bits: [
    'float32',
    (x) => {
      using wide = x.repeat(1, 4);
      return f.quantize_embeddings(wide, 'binary');
    },
  ],
  halves: ['float32', () => f.full([2], 1, { dtype: 'bfloat16' })],
};

const inputs: [string, (type: string) => Tensor][] = [
  ['in JS', (type) => float32([1, 2, 3, 4], [2, 2]).to(type)],
  ['not yet in JS', (type) => float32([1, 2, 3, 4], [2, 2]).add(0).to(type)],
];

describe.each(inputs)('of a tensor %s', (place, make) => {
  it.each(Object.keys(calls))('%s leave nothing in native memory once they are disposed', (name) => {
    const [type, call] = calls[name] as (typeof calls)[string];
    using x = make(type);
    if (place === 'in JS') void x.data;
    const before = handles();
    for (let i = 0; i < 3; i++) for (const result of [call(x)].flat()) (result as Tensor).dispose();
    expect(handles()).toBeLessThanOrEqual(before);
  });
});

describe('native memory', () => {
  it('is given back by using', () => {
    const x = float32([1, 2, 3]);
    const before = handles();
    for (let i = 0; i < 100; i++) {
      using doubled = x.mul(2);
      using total = doubled.sum();
      expect(total.item()).toBe(12);
    }
    expect(handles()).toBe(before);
  });

  it('is given back when elements are read', async () => {
    const before = handles();
    const x = float32([1, 2, 3]).mul(2);
    expect(handles()).toBe(before + 1);
    await x.getData();
    expect(handles()).toBeLessThanOrEqual(before);
    expect(x.add(1).tolist()).toEqual([3, 5, 7]);
    expect(handles()).toBeLessThanOrEqual(before);
  });

  it('is not taken by a call that fails', async () => {
    const x = float32([1, 2, 3]);
    const before = handles();
    expect(() => x.add(float32([1, 2]))).toThrow();
    expect(() => x.clamp(float32([1, 2]).data as never, 3)).toThrow();
    expect(() => x.add_(float32([1], [1, 1]))).toThrow();
    await expect(f.matmul(x, float32([1, 2]))).rejects.toThrow();
    expect(handles()).toBeLessThanOrEqual(before);
  });
});

describe('a chain of calls', () => {
  const uploadsOf = (run: () => unknown): number => {
    const upload = jest.spyOn(runtime, 'upload');
    run();
    const { length } = upload.mock.calls;
    upload.mockRestore();
    return length;
  };

  it('takes the elements from JS once', () => {
    const x = float32([1, 2, 3, 4], [2, 2]);
    expect(uploadsOf(() => x.sub(1).mul(2).add(3).sqrt().transpose(0, 1).sum(0))).toBe(1);
  });

  it('takes them once for a function of many ops', () => {
    const x = float32([1, 2, 3, 4], [2, 2]).to('float64');
    void x.data;
    expect(uploadsOf(() => x.normalize())).toBe(1);
    expect(uploadsOf(() => f.std_mean(x))).toBe(1);
    expect(uploadsOf(() => f.softmax(x))).toBe(1);
  });

  it('takes no more than a slice of them', () => {
    const x = float32(
      Array.from({ length: 1000 }, (_, i) => i),
      [10, 100],
    );
    expect(uploadsOf(() => x.slice(null, [0, 2]))).toBe(0);
    expect(uploadsOf(() => x[3])).toBe(0);
  });
});
