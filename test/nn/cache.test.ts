import { memoryStats } from '../../lib/binding/runtime';
import { GPT2LMHeadModel } from '../../lib/models/gpt2/model';
import { DynamicCache, type KeyValue } from '../../lib/nn/cache';
import type { ModelOutput } from '../../lib/pretrained/model-output';
import type { Tensor } from '../../lib/tensor/tensor';
import { contractModel } from '../models/contract-model';
import { expectLive } from './live-memory';

type Cached = ModelOutput & { past_key_values: DynamicCache };

describe('a cache of keys and values', () => {
  let model: GPT2LMHeadModel;
  const call = async (inputs: object) => (await model(inputs)) as Cached;
  const row = Array.from({ length: 50 }, (_, i) => (i * 7 + 3) % 17);
  beforeAll(async () => {
    model = await contractModel(GPT2LMHeadModel);
  });
  afterAll(() => model.dispose());

  const logitsOf = (logits: Tensor) => (logits.tolist() as number[][][]).map((r) => r);
  function expectClose(got: number[][][], wanted: number[][][]): void {
    const [a, b] = [got.flat(2), wanted.flat(2)];
    expect(a.length).toBe(b.length);
    for (const [i, x] of a.entries()) expect(Math.abs(x - (b[i] as number))).toBeLessThan(1e-5);
  }

  it('is returned where the config or the call asks for it', async () => {
    expect((await call({ input_ids: [[1, 2]] })).past_key_values).toBeInstanceOf(DynamicCache);
    expect((await call({ input_ids: [[1, 2]], use_cache: false })).past_key_values).toBeUndefined();
  });

  it.each([[[50]], [[1, 49]], [[31, 1, 1, 17]], [[32, 18]], [[10, 10, 10, 10, 10]], [Array(50).fill(1)]])(
    'gives the same in pieces of %j as in one',
    async (pieces) => {
      const input_ids = [row, row.map((id) => (id + 5) % 17)];
      const whole = logitsOf((await call({ input_ids, use_cache: false })).logits);
      const cache = new DynamicCache();
      let at = 0;
      const parts: number[][][][] = [];
      for (const size of pieces as number[]) {
        const part = input_ids.map((r) => r.slice(at, at + size));
        const output = await call({ input_ids: part, past_key_values: cache });
        expect(output.past_key_values).toBe(cache);
        parts.push(logitsOf(output.logits));
        at += size;
        expect(cache.get_seq_length()).toBe(at);
      }
      expectClose(
        whole.map((_, b) => parts.flatMap((part) => part[b] as number[][])),
        whole,
      );
      cache.dispose();
    },
  );

  it('answers like the tuples of older versions', async () => {
    const { past_key_values: cache } = await call({ input_ids: [row, row] });
    expect([cache.length, [...cache].length, cache.batch_size]).toEqual([2, 2, 2]);
    const [keys, values] = cache[1] as [Tensor, Tensor];
    expect([keys.dims, values.dims]).toEqual([
      [2, 2, 50, 4],
      [2, 2, 50, 4],
    ]);
    const { past_key_values: shorter } = await call({ input_ids: [row.slice(0, 40), row.slice(0, 40)] });
    await call({ input_ids: [row.slice(40), row.slice(40)], past_key_values: shorter });
    const [grown] = shorter[1] as [Tensor, Tensor];
    expectClose(
      (grown.tolist() as number[][][][])[0] as number[][][],
      (keys.tolist() as number[][][][])[0] as number[][][],
    );
  });

  it('is made of such tuples, by hand or by the call', async () => {
    const first = { input_ids: [row.slice(0, 40), row.slice(3, 43)] };
    const next = { input_ids: [row.slice(40), row.slice(40)] };
    const { past_key_values: cache } = await call(first);
    const legacy = cache.to_legacy_cache();
    const wanted = logitsOf((await call({ ...next, past_key_values: cache })).logits);
    const made = DynamicCache.from_legacy_cache(legacy);
    expect([made.get_seq_length(), made.length]).toEqual([40, 2]);
    for (const past_key_values of [made, legacy])
      expect(logitsOf((await call({ ...next, past_key_values })).logits)).toEqual(wanted);
    expect(made.get_seq_length()).toBe(50);
    expect(DynamicCache.from_legacy_cache([]).get_seq_length()).toBe(0);
    const [[keys]] = legacy as [KeyValue];
    expect(() => DynamicCache.from_legacy_cache([[keys, keys.slice(null, [0, 1])]])).toThrow(/of one shape/);
    expect(() => DynamicCache.from_legacy_cache([[keys] as never])).toThrow(/for each layer/);
  });

  it('grows by nothing in a call that fails or is aborted', async () => {
    const cache = new DynamicCache();
    await call({ input_ids: [[1, 2, 3]], past_key_values: cache });
    await expect(call({ input_ids: [[1, 99]], past_key_values: cache })).rejects.toThrow(/99/);
    const signal = AbortSignal.abort();
    await expect(call({ input_ids: [[1, 4]], past_key_values: cache, signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const controller = new AbortController();
    const stopped = call({ input_ids: [Array(40).fill(4)], past_key_values: cache, signal: controller.signal });
    setImmediate(() => controller.abort());
    const ended = await stopped.then(
      () => 43,
      () => 3,
    );
    expect(cache.get_seq_length()).toBe(ended);
    const fresh = new DynamicCache();
    await call({ input_ids: [[1, 2, 3, ...Array(ended - 3).fill(4)]], past_key_values: fresh });
    const next = { input_ids: [[5, 6]] };
    expectClose(
      logitsOf((await call({ ...next, past_key_values: cache })).logits),
      logitsOf((await call({ ...next, past_key_values: fresh })).logits),
    );
  });

  it('refuses a second call while one adds to it, other rows, and what is no cache', async () => {
    const cache = new DynamicCache();
    const first = call({ input_ids: [[1, 2]], past_key_values: cache });
    await expect(call({ input_ids: [[3]], past_key_values: cache })).rejects.toMatchObject({ code: 'ERR_CACHE_BUSY' });
    await first;
    await expect(call({ input_ids: [[3], [4]], past_key_values: cache })).rejects.toThrow(/holds 1 rows.*have 2/);
    await expect(call({ input_ids: [[3]], past_key_values: {} })).rejects.toMatchObject({ name: 'TypeError' });
    const short = { input_ids: [[3]], attention_mask: [[1]], past_key_values: cache };
    await expect(call(short)).rejects.toThrow(/the 2 tokens in past_key_values, then the 1 of this call/);
    cache.dispose();
    await expect(call({ input_ids: [[3]], past_key_values: cache })).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });

  it('takes cache_position where it says what is so, and refuses it elsewhere', async () => {
    const cache = new DynamicCache();
    await call({ input_ids: [[1, 2]], past_key_values: cache, cache_position: [0, 1] });
    await call({ input_ids: [[3]], past_key_values: cache, cache_position: [2] });
    await expect(call({ input_ids: [[3]], past_key_values: cache, cache_position: [2] })).rejects.toThrow(
      /cache_position is \[2\].*from 3 on/,
    );
  });

  it('is not kept by what pipelines compute with the modules of a model', async () => {
    const logits = () => model.compute({ input_ids: [row] }, (named) => model.forward(named).logits);
    (await logits()).dispose();
    const { live } = memoryStats();
    (await logits()).dispose();
    await expectLive(live);
  });

  it('gives its memory back when it is disposed', async () => {
    await call({ input_ids: [row], use_cache: false });
    const { live } = memoryStats();
    const { past_key_values } = await call({ input_ids: [row] });
    await call({ input_ids: [[1]], past_key_values });
    expect(memoryStats().live).toBeGreaterThan(live);
    past_key_values.dispose();
    await expectLive(live);
  });
});
