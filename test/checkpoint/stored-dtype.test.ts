import { storedDType } from '../../lib/checkpoint/stored-dtype';
import { atOnce } from '../../lib/turns';

/** What a checkpoint says of the dtype to load it in (row 51). */

const chosen = (...given: Parameters<typeof storedDType>) => atOnce(storedDType(...given));
const typed = (...types: string[]) => new Map(types.map((type, i) => [`t${i}`, type]));

it.each([
  [typed('int64', 'float8_e4m3fn', 'bfloat16', 'float32'), 'bfloat16', "tensor 't2'"],
  [typed('Q4_K', 'float16'), 'float16', "tensor 't1'"],
  [typed('int64', 'int8'), 'int64', "tensor 't0'"],
])('is the first type that can be computed in, else the first type: %j', (types, dtype, from) => {
  expect(chosen(types, null)).toEqual({ dtype, from });
  expect(chosen(types, new Map([['total_size', 3]]))).toEqual({ dtype, from });
});

it('is what the index of shards says, before any tensor', () => {
  const metadata = new Map([['dtype', 'float16']]);
  expect(chosen(typed('bfloat16'), metadata)).toEqual({ dtype: 'float16', from: "the index's metadata" });
});

it('is nothing where there are no tensors, or blocks alone', () => {
  expect([chosen(new Map(), null), chosen(typed('Q4_0'), null)]).toEqual([null, null]);
});
