import { memoryStats, nativeInfo } from '../../lib/binding/runtime';
import { Call } from '../../lib/tensor/call';
import { recorded, reshape, run1 } from '../../lib/tensor/dispatch';
import { add, mul, unary } from '../../lib/tensor/ops/elementwise';
import { index_select } from '../../lib/tensor/ops/embedding';
import { scope } from '../../lib/tensor/scope';
import { Stream } from '../../lib/tensor/stream';
import { readTensors, Tensor } from '../../lib/tensor/tensor';

const f32 = (values: number[], dims?: number[]) => new Tensor('float32', values, dims);

describe('the runtime', () => {
  it('runs ops in order and brings their elements here', async () => {
    const x = f32([1, 2, 3, 4], [2, 2]);
    const y = add(mul(x, 2), f32([10, 20], [2]));
    expect(y.dims).toEqual([2, 2]);
    expect(y.location).toBe('native');
    expect([...((await y.getData()) as Float32Array)]).toEqual([12, 24, 16, 28]);
    expect(y.location).toBe('cpu');
    expect(y.tolist()).toEqual([
      [12, 24],
      [16, 28],
    ]);
  });

  it('reads in place when data is asked for', () => {
    expect([...(add(f32([1]), f32([2])).data as Float32Array)]).toEqual([3]);
  });

  it('refuses shapes that do not fit at the call, naming op and operands', () => {
    expect(() => add(f32([1, 2]), f32([1, 2, 3]))).toThrow(/add: .*Tensor\(float32, \[2\]\), Tensor\(float32, \[3\]\)/);
  });

  it('copies inputs at the call', async () => {
    const data = new Float32Array([1, 2]);
    const y = add(new Tensor('float32', data), 0);
    data[0] = 100;
    expect([...((await y.getData()) as Float32Array)]).toEqual([1, 2]);
  });

  it('frees temporaries of a scope and keeps what it returns', async () => {
    const before = memoryStats().handles;
    const y = scope(() => {
      let x = f32([1, 2, 3]);
      for (let i = 0; i < 100; i++) x = add(x, 1);
      return { kept: [x] };
    });
    expect(memoryStats().handles).toBe(before + 1);
    expect([...((await (y.kept[0] as Tensor).getData()) as Float32Array)]).toEqual([101, 102, 103]);
    y.kept[0]?.dispose();
    expect(memoryStats().handles).toBeLessThanOrEqual(before);
  });

  it('drops what a throw interrupts, and goes on', async () => {
    const before = memoryStats().handles;
    expect(() =>
      recorded(() =>
        scope(() => {
          add(f32([1]), 1);
          throw new Error('in the middle');
        }),
      ),
    ).toThrow('in the middle');
    expect(memoryStats().handles).toBe(before);
    expect(add(f32([1]), 1).item()).toBe(2);
  });

  it('fails a call without touching the others', async () => {
    const bad = index_select(f32([1, 2]), 0, new Tensor('int32', [7]));
    const poisoned = add(bad, 1);
    const good = add(f32([1]), 1);
    await expect(bad.getData()).rejects.toMatchObject({ code: 'ERR_INDEX_OUT_OF_RANGE' });
    await expect(poisoned.getData()).rejects.toThrow(/index_select: .*Tensor\(float32, \[2\]\)/);
    expect(await good.getData()).toEqual(new Float32Array([2]));
  });

  it('aborts one call and leaves its neighbours', async () => {
    const controller = new AbortController();
    const call = new Call(controller.signal);
    let x = new Tensor('float32', new Float32Array(1 << 20), [1 << 20]);
    const y = call.run(() =>
      recorded(() =>
        scope(() => {
          for (let i = 0; i < 2000; i++) x = unary('gelu', x);
          return x;
        }),
      ),
    );
    const neighbour = add(f32([1]), 1);
    const read = call.run(() => readTensors([y], controller.signal));
    controller.abort('enough');
    await expect(read).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' });
    expect(await neighbour.getData()).toEqual(new Float32Array([2]));
    call.end();
  });

  it('lets a tensor of one stream be used on another', async () => {
    using a = new Stream();
    using b = new Stream({ threads: 1 });
    const x = a.run(() => {
      let t = new Tensor('float32', new Float32Array(1 << 16), [1 << 16]);
      for (let i = 0; i < 50; i++) t = add(t, 1);
      return t;
    });
    const y = b.run(() => mul(x, 2));
    expect(((await y.getData()) as Float32Array)[77]).toBe(100);
  });

  it('runs every instruction set of this CPU, and the reference', async () => {
    for (const isa of ['reference', ...nativeInfo().levels]) {
      using stream = new Stream({ isa });
      const y = stream.run(() => unary('tanh', f32([0.5])));
      expect(((await y.getData()) as Float32Array)[0]).toBeCloseTo(Math.tanh(0.5), 6);
    }
    expect(() => new Stream({ isa: 'sse9' })).toThrow(/no such instruction set here: 'sse9'/);
  });

  it('reshapes without touching elements', async () => {
    const x = reshape(f32([1, 2, 3, 4, 5, 6], [2, 3]), [3, -1]);
    expect(x.dims).toEqual([3, 2]);
    expect(add(x, 0).tolist()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(() => reshape(x, [4, 2])).toThrow(/shape \[4,2\] is invalid/);
  });

  it('refuses a disposed tensor', () => {
    const x = add(f32([1]), 1);
    x.dispose();
    expect(() => x.data).toThrow(/disposed/);
    expect(() => add(x, 1)).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }));
  });

  it('returns memory when tensors are dropped', async () => {
    const { live } = memoryStats();
    const x = run1('add', [new Tensor('float32', new Float32Array(1 << 20)), null], [1, 0]);
    await x.getData();
    x.dispose();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(memoryStats().live).toBeLessThanOrEqual(live);
  });
});
