import { memoryStats } from '../../lib/binding/runtime';
import { recorded } from '../../lib/tensor/dispatch';
import { fence } from '../../lib/tensor/load';
import { add, mul, unary } from '../../lib/tensor/ops/elementwise';
import { index_select } from '../../lib/tensor/ops/embedding';
import { scope } from '../../lib/tensor/scope';
import { Stream } from '../../lib/tensor/stream';
import { readTensors, Tensor } from '../../lib/tensor/tensor';

const filled = (size: number, value: number) => new Tensor('float32', new Float32Array(size).fill(value), [size]);

function chain(x: Tensor, steps: number): Tensor {
  return scope(() => {
    let y = x;
    for (let i = 0; i < steps; i++) y = add(y, 1);
    return y;
  });
}

describe('streams', () => {
  it('run at once, each in its own order', async () => {
    const streams = [new Stream(), new Stream({ threads: 1 }), new Stream({ threads: 1 })];
    const results = streams.map((stream, i) => stream.run(() => chain(filled(50_000, i), 200 + i)));
    const arrays = await Promise.all(results.map((tensor) => tensor.getData()));
    expect(arrays.map((array) => array[49_999])).toEqual([200, 202, 204]);
    for (const stream of streams) stream.dispose();
  });

  it('hand values back and forth', async () => {
    using a = new Stream();
    using b = new Stream({ threads: 1 });
    let x = filled(10_000, 0);
    for (let i = 0; i < 20; i++) x = (i % 2 ? a : b).run(() => chain(x, 3));
    expect((await x.getData())[9_999]).toBe(60);
  });

  it('may be several in one recorded segment', async () => {
    using a = new Stream();
    using b = new Stream();
    const y = recorded(() => {
      const x = a.run(() => chain(filled(10, 0), 2));
      return b.run(() => mul(x, 10));
    });
    using c = new Stream();
    expect((await c.run(() => add(y, 1)).getData())[0]).toBe(21);
  });

  it('keep what was recorded before a segment that throws', async () => {
    const x = filled(10, 1);
    const kept = chain(x, 1);
    expect(() =>
      recorded(() => {
        chain(x, 5);
        throw new Error('in the middle');
      }),
    ).toThrow('in the middle');
    expect((await kept.getData())[0]).toBe(2);
  });

  it('leave finished values readable after their end, and abort the rest', async () => {
    const stream = new Stream();
    const finished = stream.run(() => chain(filled(10, 0), 3));
    await stream.synchronize();
    const unfinished = stream.run(() => {
      let y = filled(1 << 20, 0.5);
      for (let i = 0; i < 500; i++) y = unary('gelu', y);
      return y;
    });
    stream.dispose();
    expect((await finished.getData())[0]).toBe(3);
    await expect(unfinished.getData()).rejects.toMatchObject({ code: 'ABORT_ERR' });
    expect(() => stream.run(() => 1)).toThrow(expect.objectContaining({ code: 'ERR_STREAM_CLOSED' }));
  });

  it('cannot be disposed by what runs on them', () => {
    const stream = new Stream();
    expect(() => stream.run(() => stream.dispose())).toThrow(/current/);
    stream.dispose();
    stream.dispose();
  });
});

describe('reading', () => {
  it('brings any number of tensors at once', async () => {
    const tensors = Array.from({ length: 600 }, (_, i) => chain(filled(4, i), 1));
    await readTensors(tensors);
    expect(tensors.map((tensor) => tensor.data[3])).toEqual(tensors.map((_, i) => i + 1));
  });

  it('stops waiting when the signal fires, and does not begin when it has fired', async () => {
    const controller = new AbortController();
    const x = chain(filled(1 << 20, 0), 300);
    const read = readTensors([x], controller.signal);
    controller.abort('enough');
    await expect(read).rejects.toMatchObject({ code: 'ABORT_ERR', cause: 'enough' });
    await expect(readTensors([x], controller.signal)).rejects.toMatchObject({ code: 'ABORT_ERR', cause: 'enough' });
    expect((await x.getData())[0]).toBe(300);
  });

  it('fails in place with the error that getData() rejects with', async () => {
    const make = () => index_select(filled(2, 1), 0, new Tensor('int32', [7]));
    const error = await make()
      .getData()
      .catch((e) => e);
    expect(error).toMatchObject({ name: 'ValueError', code: 'ERR_INDEX_OUT_OF_RANGE' });
    expect(() => make().data).toThrow(expect.objectContaining({ code: error.code, message: error.message }));
  });
});

describe('what no tensor can be', () => {
  it.each([
    ['more than 8 dimensions', new Array(9).fill(1), /at most 8 dimensions/],
    ['hundreds of dimensions', new Array(300).fill(1), /300 dimensions or attributes are too many/],
  ])('%s: is refused when an op takes it', (_, dims, message) => {
    const handles = memoryStats().handles;
    expect(() => add(new Tensor('float32', [1], dims), 1)).toThrow(message);
    expect(memoryStats().handles).toBeLessThanOrEqual(handles);
  });

  it('more elements than memory has bytes: is refused at the call', async () => {
    const row = new Tensor('float32', new Float32Array(1 << 20), [1, 1 << 20]);
    let x = row;
    expect(() => {
      for (let i = 0; i < 4; i++)
        x = scope(() => add(x, new Tensor('float32', new Float32Array(1 << 20), [1 << 20, 1, ...x.dims.map(() => 1)])));
    }).toThrow(/more elements than memory has bytes/);
    await fence();
  });
});
