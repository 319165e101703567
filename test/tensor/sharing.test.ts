import * as runtime from '../../lib/binding/runtime';
import { Parameter } from '../../lib/nn/parameter';
import { Tensor } from '../../lib/tensor/tensor';
import { float32, int64 } from '../ops/case-table';

/** A tensor whose elements are in JS, and one whose elements are not yet. */
const kinds: [string, (values: number[], dims?: number[]) => Tensor][] = [
  ['in JS', float32],
  ['not yet in JS', (values, dims) => float32(values, dims).add(0)],
];

describe.each(kinds)('a tensor %s', (_kind, make) => {
  it('shares its elements with views of other shapes', () => {
    const x = make([1, 2, 3, 4, 5, 6], [1, 2, 3]);
    const views = [x.view(3, 2), x.reshape(-1), x.squeeze(), x.unsqueeze(0), x.flatten(), x.view(6).view(2, 3)];
    x.mul_(10);
    for (const view of views) expect([...view.data]).toEqual([10, 20, 30, 40, 50, 60]);
    views[1]?.add_(1);
    expect(x.tolist()).toEqual([
      [
        [11, 21, 31],
        [41, 51, 61],
      ],
    ]);
    for (const view of views) expect(view.sum().item()).toBe(216);
  });

  it('shares its elements with its rows', () => {
    const x = make([1, 2, 3, 4], [2, 2]);
    const row = x[1] as Tensor;
    row.neg_();
    expect(x.tolist()).toEqual([
      [1, 2],
      [-3, -4],
    ]);
    for (const each of x) (each as Tensor).add_(1);
    expect(row.tolist()).toEqual([-2, -3]);
    expect(x[-2]?.[1]?.item()).toBe(3);
  });

  it('copies what is sliced, permuted, repeated or cloned', () => {
    const x = make([1, 2, 3, 4], [2, 2]);
    const copies = [x.slice(null), x.permute(0, 1), x.repeat(1, 1), x.clone(), x.slice([0, 2]), x.expand(2, 2)];
    for (const copy of copies) {
      copy.add_(5);
      expect(copy.tolist()).toEqual([
        [6, 7],
        [8, 9],
      ]);
    }
    expect([...x.data]).toEqual([1, 2, 3, 4]);
  });

  it('sees what is written to its data, in every later op', () => {
    const x = make([1, 2, 3, 4], [2, 2]);
    expect([...x.add(1).data]).toEqual([2, 3, 4, 5]);
    x.data[0] = 100;
    expect(x.add(1).tolist()).toEqual([
      [101, 3],
      [4, 5],
    ]);
    expect(x.sum().item()).toBe(109);
    expect(x.view(4).max().item()).toBe(100);
  });

  it('keeps for ops that were called what it held then', () => {
    const x = make([1, 2], [2]);
    const y = x.mul(3);
    x.data[0] = 50;
    expect(y.tolist()).toEqual([3, 6]);
  });

  it('takes another shape in place', () => {
    const x = make([1, 2, 3, 4], [4]);
    expect(x.unsqueeze_(0)).toBe(x);
    expect(x.dims).toEqual([1, 4]);
    expect(x.squeeze_().unsqueeze_(-1).dims).toEqual([4, 1]);
    expect(x.flatten_().dims).toEqual([4]);
    expect(x.add(1).dims).toEqual([4]);
  });

  it('changes in place under every name that does so', () => {
    const changed = (change: (x: Tensor) => Tensor, values: number[] = [1.5, -2.5, 3, 4]) => {
      const x = make(values, [2, 2]);
      const view = x.view(4);
      expect(change(x)).toBe(x);
      return [...(view.data as Float32Array)];
    };
    expect(changed((x) => x.add_(1))).toEqual([2.5, -1.5, 4, 5]);
    expect(changed((x) => x.sub_(float32([1, 2])))).toEqual([0.5, -4.5, 2, 2]);
    expect(changed((x) => x.mul_(x))).toEqual([2.25, 6.25, 9, 16]);
    expect(changed((x) => x.div_(2))).toEqual([0.75, -1.25, 1.5, 2]);
    expect(changed((x) => x.remainder_(2))).toEqual([1.5, 1.5, 1, 0]);
    expect(changed((x) => x.clamp_(-1, 2))).toEqual([1.5, -1, 2, 2]);
    expect(changed((x) => x.clamp_(null, 2))).toEqual([1.5, -2.5, 2, 2]);
    expect(changed((x) => x.neg_())).toEqual([-1.5, 2.5, -3, -4]);
    expect(changed((x) => x.round_())).toEqual([2, -2, 3, 4]);
    expect(changed((x) => x.sigmoid_(), [0, 0, 0, 0])).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(changed((x) => x.map_((value, i) => Number(value) + i))).toEqual([1.5, -1.5, 5, 7]);
    expect(changed((x) => x.normalize_(), [3, 4, 0, 0]).map((v) => Math.round(v * 10) / 10)).toEqual([0.6, 0.8, 0, 0]);
  });
});

describe('views of tensors that are not yet in JS', () => {
  it('are read with the tensor they are views of, and it with them', async () => {
    const x = float32([1, 2, 3, 4]).add(0);
    const [view, row] = [x.view(2, 2), x.view(2, 2)[1] as Tensor];
    expect([x.location, view.location, row.location]).toEqual(['native', 'native', 'native']);
    await row.getData();
    expect([x.location, view.location, row.location]).toEqual(['cpu', 'cpu', 'cpu']);
    expect((row.data as Float32Array).buffer).toBe((x.data as Float32Array).buffer);
  });

  it('outlive it', () => {
    const x = float32([1, 2, 3, 4]).add(0);
    const [view, row] = [x.view(2, 2), x.view(2, 2)[1] as Tensor];
    x.dispose();
    expect(view.tolist()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(row.mul(2).tolist()).toEqual([6, 8]);
  });

  it('leave it alone when they are disposed', () => {
    const x = float32([1, 2, 3, 4]).add(0);
    x.view(2, 2).dispose();
    expect(x.tolist()).toEqual([1, 2, 3, 4]);
  });

  it('can be made without waiting', () => {
    const wait = jest.spyOn(runtime, 'wait');
    const x = float32([1, 2, 3, 4]).mul(2).view(2, 2).unsqueeze(0).squeeze().flatten().add(1).clone();
    expect(wait).not.toHaveBeenCalled();
    expect(x.tolist()).toEqual([3, 5, 7, 9]);
    wait.mockRestore();
  });
});

describe('writing in place', () => {
  it('keeps the type, and refuses what does not fit into it', () => {
    expect(int64([1, 2]).add_(3).tolist()).toEqual([4n, 5n]);
    expect(() => int64([1, 2]).div_(2)).toThrow(
      expect.objectContaining({ code: 'ERR_DTYPE', message: expect.stringContaining('float32') }),
    );
    expect(() => new Tensor('bool', [true]).add_(1)).toThrow(/bool/);
    expect(
      float32([1])
        .to('float16')
        .mul_(int64([3]))
        .tolist(),
    ).toEqual([3]);
  });

  it('refuses a result of another shape', () => {
    expect(() => float32([1, 2]).add_(float32([1, 2], [2, 1]))).toThrow(/shape \[2,2\].*Tensor\(float32, \[2\]\)/);
  });

  it('refuses parameters and their views, and lets their copies be', () => {
    const parameter = new Parameter([2]);
    parameter.value = float32([1, 2]);
    expect(() => parameter.value.add_(1)).toThrow(/parameter/);
    expect(() => parameter.value.view(2, 1).add_(1)).toThrow(/parameter/);
    expect(parameter.value.clone().add_(1).tolist()).toEqual([2, 3]);
    expect(parameter.value.tolist()).toEqual([1, 2]);
    parameter.dispose();
  });
});
