/** What a PyTorch file of weights holds, and what may stand beside the weights. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenPyTorchOptions, openPyTorch } from '../../../lib/checkpoint/pytorch/pytorch';
import { errorOf, scratchFolder } from '../scratch';
import { bytesOf, type Member, pickle, torchMembers, zipBytes } from './archive';

const folder = scratchFolder();
const path = join(folder, 'pytorch_model.bin');

async function open(value: Buffer, storages?: Record<string, Uint8Array>, options?: OpenPyTorchOptions) {
  writeFileSync(path, zipBytes(torchMembers(value, storages)));
  return openPyTorch(path, options);
}

const six = bytesOf(new Float32Array([0, 1, 2, 3, 4, 5]));
const floats = pickle.storage('FloatStorage', '0', 6);
const plain = pickle.tensor(floats, 0, [2, 3], [3, 1]);
const valuesOf = (bytes: Uint8Array) => [...new Float32Array(bytes.buffer)];

describe('a state dict', () => {
  it('gives names in its order, types, shapes and where the bytes lie', async () => {
    await using source = await open(pickle.dict({ z: plain, a: pickle.tensor(floats, 2, [4], [1]) }), { 0: six });
    expect(source.names()).toEqual(['z', 'a']);
    expect(source.format).toBe('pytorch');
    const info = source.info('a');
    expect(info).toMatchObject({ dtype: 'float32', shape: [4], byteLength: 16, file: path });
    expect(info.strides).toBeUndefined();
    expect(info.byteOffset).toBe(source.info('z').byteOffset + 8);
    expect(info.storage).toBe(source.info('z').storage);
    expect(valuesOf(await source.read('a'))).toEqual([2, 3, 4, 5]);
    expect(valuesOf(await source.read('z', { start: 4, end: 12 }))).toEqual([1, 2]);
  });

  it.each([
    ['DoubleStorage', 'float64', 8],
    ['FloatStorage', 'float32', 4],
    ['HalfStorage', 'float16', 2],
    ['BFloat16Storage', 'bfloat16', 2],
    ['LongStorage', 'int64', 8],
    ['IntStorage', 'int32', 4],
    ['ShortStorage', 'int16', 2],
    ['CharStorage', 'int8', 1],
    ['ByteStorage', 'uint8', 1],
    ['BoolStorage', 'bool', 1],
    ['ComplexFloatStorage', 'complex64', 8],
  ])('%s holds %s', async (type, dtype, bytes) => {
    const content = new Uint8Array(2 * bytes).fill(1);
    await using source = await open(pickle.dict({ a: pickle.tensor(pickle.storage(type, '0', 2), 0, [2], [1]) }), {
      0: content,
    });
    expect(source.info('a')).toMatchObject({ dtype, byteLength: 2 * bytes });
    expect(await source.read('a')).toEqual(content);
  });

  it.each(['uint16', 'uint32', 'uint64', 'float8_e4m3fn', 'float8_e5m2', 'float8_e8m0fnu'])(
    'bytes hold %s as the tensor says',
    async (dtype) => {
      const item = dtype.includes('64') ? 8 : dtype.includes('32') ? 4 : dtype.includes('16') ? 2 : 1;
      const storage = pickle.storage('torch.storage UntypedStorage', '0', 3 * item);
      const tensor = pickle.call(
        pickle.global('torch._utils', '_rebuild_tensor_v3'),
        storage,
        pickle.int(1),
        pickle.ints([2]),
        pickle.ints([1]),
        pickle.false,
        pickle.hooks,
        pickle.global('torch', dtype),
      );
      const content = new Uint8Array(3 * item).map((_, i) => i);
      await using source = await open(pickle.dict({ a: tensor }), { 0: content });
      expect(source.info('a')).toMatchObject({ dtype, shape: [2], byteLength: 2 * item });
      expect(await source.read('a')).toEqual(content.slice(item));
    },
  );

  it('holds scalars, empty tensors, parameters and views with strides', async () => {
    await using source = await open(
      pickle.dict({
        scalar: pickle.tensor(floats, 4, [], []),
        empty: pickle.tensor(floats, 0, [0, 3], [3, 1]),
        emptyBeyond: pickle.tensor(floats, 25, [2, 0], [9, 1]),
        parameter: pickle.call(pickle.global('torch._utils', '_rebuild_parameter'), plain, pickle.true, pickle.hooks),
        rebuilt: pickle.call(
          pickle.global('torch._tensor', '_rebuild_from_type_v2'),
          pickle.global('torch._utils', '_rebuild_tensor_v2'),
          pickle.global('torch.nn.parameter', 'Parameter'),
          pickle.tuple(floats, pickle.int(1), pickle.ints([2]), pickle.ints([1]), pickle.false, pickle.hooks),
          pickle.emptyDict,
        ),
        turned: pickle.tensor(floats, 0, [3, 2], [1, 3]),
        repeated: pickle.tensor(floats, 5, [2, 2], [0, 0]),
        one: pickle.tensor(floats, 3, [1, 2, 1], [77, 1, 99]),
      }),
      { 0: six },
    );
    const read = async (name: string) => valuesOf(await source.read(name));
    expect(await read('scalar')).toEqual([4]);
    expect(source.info('scalar').shape).toEqual([]);
    expect(await read('empty')).toEqual([]);
    expect(await read('emptyBeyond')).toEqual([]);
    expect(await read('parameter')).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await read('rebuilt')).toEqual([1, 2]);
    expect(source.info('turned')).toMatchObject({ strides: [1, 3], byteLength: 24 });
    expect(await read('turned')).toEqual([0, 3, 1, 4, 2, 5]);
    expect(valuesOf(await source.read('turned', { start: 8, end: 20 }))).toEqual([1, 4, 2]);
    expect(await read('repeated')).toEqual([5, 5, 5, 5]);
    expect(source.info('one').strides).toBeUndefined();
    expect(await read('one')).toEqual([3, 4]);
  });

  it('may be an OrderedDict with _metadata', async () => {
    const ordered = Buffer.concat([
      pickle.hooks,
      pickle.code(0x28),
      pickle.text('a'),
      plain,
      pickle.code(0x75),
      pickle.dict({ _metadata: pickle.hooks }),
      pickle.code(0x62),
    ]);
    await using source = await open(ordered, { 0: six });
    expect(source.names()).toEqual(['a']);
    expect(source.otherKeys).toEqual([]);
  });

  it('names what is no tensor, and reads none of it', async () => {
    const g = pickle.global;
    const array = pickle.build(
      pickle.call(
        g('numpy.core.multiarray', '_reconstruct'),
        g('numpy', 'ndarray'),
        pickle.ints([0]),
        pickle.text('b'),
      ),
      pickle.tuple(
        pickle.int(1),
        pickle.ints([2]),
        pickle.build(
          pickle.call(g('numpy', 'dtype'), pickle.text('f4'), pickle.false, pickle.true),
          pickle.tuple(pickle.int(3), pickle.text('<'), pickle.none),
        ),
        pickle.false,
        pickle.call(g('_codecs', 'encode'), pickle.text('abcdefg\u00ff'), pickle.text('latin1')),
      ),
    );
    const others = {
      epoch: pickle.int(3),
      rate: Buffer.concat([pickle.code(0x47), Buffer.alloc(8)]),
      name: pickle.text('x'),
      nothing: pickle.none,
      huge: pickle.int(2 ** 50),
      nested: pickle.dict({ inner: plain }),
      list: pickle.list(plain, pickle.int(1)),
      size: pickle.call(g('torch', 'Size'), pickle.ints([2, 3])),
      dtype: g('torch', 'float16'),
      quantized: g('torch', 'qint8'),
      device: pickle.call(g('torch', 'device'), pickle.text('cuda'), pickle.int(0)),
      set: pickle.call(g('__builtin__', 'set'), pickle.list(pickle.int(1))),
      complex: pickle.call(g('builtins', 'complex'), pickle.int(1), pickle.int(1)),
      counter: pickle.call(g('collections', 'Counter'), pickle.dict({ a: pickle.int(1) })),
      default: pickle.call(g('collections', 'defaultdict'), g('builtins', 'list')),
      counts: pickle.call(g('collections', 'defaultdict'), g('__builtin__', 'long')),
      space: pickle.build(pickle.create(g('argparse', 'Namespace')), pickle.dict({ lr: pickle.int(1) })),
      array,
      scalar: pickle.call(g('numpy._core.multiarray', 'scalar'), pickle.none, pickle.text('x')),
    };
    await using source = await open(pickle.dict({ a: plain, ...others }), { 0: six });
    expect(source.names()).toEqual(['a']);
    expect(source.otherKeys).toEqual(Object.keys(others));
  });

  it('reads protocols 0, 4 and 5', async () => {
    const value = Buffer.concat([
      pickle.code(0x95), // FRAME
      Buffer.alloc(8),
      pickle.code(0x7d, 0x94, 0x68, 0, 0x30), // EMPTY_DICT, MEMOIZE, BINGET, POP
      Buffer.from('Vn\\u00e4me\np1\nI01\ns'),
      pickle.code(0x8c, 1, 0x6b, 0x94), // SHORT_BINUNICODE, MEMOIZE
      pickle.stackGlobal('torch', 'float32'),
      pickle.code(0x73), // SETITEM
    ]);
    await using source = await open(value);
    expect(source.otherKeys).toEqual(['n\u00e4me', 'k']);
  });

  it.each([
    ['a list', pickle.list(plain), 'NOT_A_STATE_DICT', /holds a list/],
    ['a tensor', plain, 'NOT_A_STATE_DICT', /holds a tensor/],
    [
      'a wrapper',
      pickle.dict({ state_dict: pickle.dict({ a: plain }), epoch: pickle.int(1) }),
      'WRAPPED_STATE_DICT',
      /'state_dict'/,
    ],
    [
      'a wrapper of another name',
      pickle.dict({ model: pickle.dict({ a: plain }) }),
      'WRAPPED_STATE_DICT',
      /under 'model'/,
    ],
    [
      'a wrapper beside a tensor',
      pickle.dict({ t: plain, state_dict: pickle.dict({ a: plain }) }),
      'WRAPPED_STATE_DICT',
      /'state_dict'/,
    ],
    [
      'a name twice',
      Buffer.concat([pickle.dict({ a: plain }), pickle.text('a'), plain, pickle.code(0x73)]),
      'DUPLICATE_NAME',
      /'a'/,
    ],
  ])('is refused when it is %s', async (_, value, code, message) => {
    const error = await errorOf(() => open(value, { 0: six }));
    expect(error).toMatchObject({ name: 'CheckpointError', code, message: expect.stringMatching(message), file: path });
    expect(error.message).toContain('Unable to load weights from pytorch checkpoint file');
  });

  it.each([
    [
      'quantized',
      pickle.call(
        pickle.global('torch._utils', '_rebuild_qtensor'),
        pickle.storage('QInt8Storage', '0', 24),
        pickle.tuple(pickle.global('torch', 'per_tensor_affine'), pickle.int(1), pickle.int(0)),
      ),
      /quantized/,
    ],
    ['sparse', pickle.call(pickle.global('torch._utils', '_rebuild_sparse_tensor'), plain), /sparse/],
    ['complex128', pickle.tensor(pickle.storage('ComplexDoubleStorage', '0', 1), 0, [1], [1]), /complex128/],
    ['a negated view', pickle.tensor(floats, 0, [1], [1], pickle.dict({ neg: pickle.true })), /negated/],
    ['on meta', pickle.call(pickle.global('torch._utils', '_rebuild_meta_tensor_no_storage'), plain), /meta/],
  ])('names a weight that is %s', async (_, tensor, message) => {
    const error = await errorOf(() => open(pickle.dict({ 'x.weight': tensor }), { 0: six }));
    expect(error).toMatchObject({
      code: 'UNSUPPORTED_TENSOR',
      tensor: 'x.weight',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['offset past the end', [6, [1], [1]]],
    ['size past the end', [0, [7], [1]]],
    ['stride past the end', [0, [2, 2], [5, 1]]],
    ['stride of 2^52', [0, [2 ** 40, 2], [2 ** 52, 1]]],
    ['negative offset', [-1, [1], [1]]],
    ['negative size', [0, [-1], [1]]],
    ['negative stride', [5, [2], [-1]]],
  ] as [string, [number, number[], number[]]][])('is refused with %s', async (_, [offset, shape, strides]) => {
    const error = await errorOf(() =>
      open(pickle.dict({ w: pickle.tensor(floats, offset, shape, strides) }), { 0: six }),
    );
    expect(error).toMatchObject({ code: 'TENSOR_OUT_OF_RANGE', tensor: 'w' });
  });

  it.each([
    ['OVERFLOW', pickle.tensor(floats, 0, [2 ** 48, 2 ** 48], [0, 0])],
    ['OVERFLOW', pickle.tensor(floats, 0, [2 ** 49], [0])],
    ['TOO_MANY_DIMENSIONS', pickle.tensor(floats, 0, Array(65).fill(1), Array(65).fill(1))],
    ['PICKLE_TYPE_ERROR', pickle.tensor(floats, 0, [2], [1, 1])],
    ['SIZE_MISMATCH', pickle.tensor(pickle.storage('FloatStorage', '0', 5), 0, [1], [1])],
    ['SIZE_MISMATCH', pickle.tensor(pickle.storage('FloatStorage', '0', 2 ** 53 - 1), 0, [1], [1])],
    ['SIZE_MISMATCH', pickle.tensor(pickle.storage('DoubleStorage', '0', 6), 0, [1], [1])],
    ['STORAGE_MISSING', pickle.tensor(pickle.storage('FloatStorage', '1', 6), 0, [1], [1])],
    ['STORAGE_MISSING', pickle.tensor(pickle.storage('FloatStorage', '../data.pkl', 6), 0, [1], [1])],
  ])('is refused with %s', async (code, tensor) => {
    expect(await errorOf(() => open(pickle.dict({ w: tensor }), { 0: six }))).toMatchObject({
      code,
      tensor: 'w',
    });
  });

  it('opens a view that repeats one number 2^40 times, and does not write it out', async () => {
    await using source = await open(pickle.dict({ w: pickle.tensor(floats, 0, [2 ** 20, 2 ** 20], [0, 0]) }), {
      0: six,
    });
    expect(source.info('w').byteLength).toBe(2 ** 42);
    expect((await errorOf(() => source.read('w'))).code).toBe('BUDGET_EXCEEDED');
    expect(valuesOf(await source.read('w', { start: 2 ** 41, end: 2 ** 41 + 8 }))).toEqual([0, 0]);
  });

  it('is read from deflated members too, and in ranges', async () => {
    const long = new Float32Array(100_000).map((_, i) => i);
    const storage = pickle.storage('FloatStorage', '0', long.length);
    const members: Member[] = torchMembers(
      pickle.dict({
        a: pickle.tensor(storage, 10, [90_000], [1]),
        t: pickle.tensor(storage, 0, [100, 1000], [1, 100]),
      }),
      { 0: bytesOf(long) },
    ).map((member) => ({ ...member, deflate: true }));
    writeFileSync(path, zipBytes(members));
    await using source = await openPyTorch(path, { checksums: true });
    expect(source.info('a')).toMatchObject({ compressed: true, byteLength: 360_000 });
    expect(valuesOf(await source.read('a'))).toEqual([...long.subarray(10, 90_010)]);
    expect(valuesOf(await source.read('a', { start: 4000, end: 4008 }))).toEqual([1010, 1011]);
    expect(valuesOf(await source.read('t')).slice(998, 1003)).toEqual([99800, 99900, 1, 101, 201]);
  });

  it('says which options there are, and hears a signal', async () => {
    expect((await errorOf(() => open(pickle.dict({}), {}, { checksum: true } as never))).message).toMatch(
      /did you mean 'checksums'/,
    );
    const signal = AbortSignal.abort();
    expect((await errorOf(() => open(pickle.dict({}), {}, { signal }))).name).toBe('AbortError');
  });
});
