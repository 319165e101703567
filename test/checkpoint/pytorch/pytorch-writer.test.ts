/** Files that torch.load reads: those of torch.save, byte for byte. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import type { StoredDType } from '../../../lib/checkpoint/dtype';
import { openPyTorch } from '../../../lib/checkpoint/pytorch/pytorch';
import { stagePyTorch, writePyTorch } from '../../../lib/checkpoint/pytorch/pytorch-writer';
import { errorOf, scratchFolder } from '../scratch';

const folder = scratchFolder();
const path = join(folder, 'm.bin');

/** What PyTorch 2.13.0's torch.save wrote for the tensors of the first test, deflated: test/checkpoint/pytorch/torch-save.py. */
const OF_TORCH = join(__dirname, 'torch-save.base64');

/** The members' hash in `.data/serialization_id` is our own; with it differs that member's checksum, which stands twice. */
function withoutIdentity(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const member = bytes.indexOf('m/.data/serialization_id');
  const content = Math.ceil((member + 28) / 64) * 64;
  copy.fill(0, content, content + 20);
  copy.fill(0, content + 44, content + 48);
  const entry = bytes.lastIndexOf('m/.data/serialization_id') - 46;
  copy.fill(0, entry + 16, entry + 20);
  return copy;
}

const ramp = new Float32Array(12).map((_, i) => i);

describe('writePyTorch', () => {
  it('writes what torch.save writes, but for one hash', async () => {
    const length = await writePyTorch(path, [
      { name: 'a', dtype: 'float32', shape: [3, 4], bytes: ramp },
      { name: 'b', alias: 'a' },
      { name: 'c', dtype: 'bfloat16', shape: [3], bytes: new Uint16Array([0x3f80, 0x3f80, 0x3f80]) },
      { name: 's', dtype: 'int64', shape: [], bytes: new BigInt64Array([5n]) },
      { name: 'u', dtype: 'uint16', shape: [2], bytes: new Uint16Array([1, 2]) },
      { name: 'f8', dtype: 'float8_e4m3fn', shape: [5], bytes: new Uint8Array(5).fill(0x38) },
      { name: 'e', dtype: 'float32', shape: [0, 3], bytes: new Float32Array(0) },
    ]);
    const written = readFileSync(path);
    expect(length).toBe(written.byteLength);
    const reference = inflateSync(Buffer.from(readFileSync(OF_TORCH, 'utf8'), 'base64'));
    expect(withoutIdentity(written).toString('hex')).toBe(withoutIdentity(reference).toString('hex'));
  });

  it.each([
    'float64',
    'float16',
    'int32',
    'int16',
    'int8',
    'uint8',
    'bool',
    'complex64',
    'uint32',
    'uint64',
  ] as StoredDType[])('writes %s so that it comes back', async (dtype) => {
    const bytes = new Uint8Array(
      dtype.includes('64') ? 48 : dtype.includes('32') ? 24 : dtype.includes('16') ? 12 : 6,
    ).fill(1);
    await writePyTorch(path, [{ name: 'x', dtype, shape: [1, 2, 1, 3], bytes }]);
    await using source = await openPyTorch(path, { checksums: true });
    expect(source.info('x')).toMatchObject({ dtype, shape: [1, 2, 1, 3], byteLength: bytes.byteLength });
    expect(await source.read('x')).toEqual(bytes);
  });

  it.each([0, 1, 999, 1000, 1001, 2500])('writes %d tensors, each at a multiple of 64 bytes', async (count) => {
    const tensors = Array.from({ length: count }, (_, i) => ({
      name: `layer.${i}.weight`,
      dtype: 'float32' as const,
      shape: [2],
      bytes: () => new Float32Array([i, 0.5 - i]),
    }));
    await writePyTorch(path, tensors);
    await using source = await openPyTorch(path, { checksums: true });
    expect(source.names()).toEqual(tensors.map(({ name }) => name));
    expect(source.names().every((name) => source.info(name).byteOffset % 64 === 0)).toBe(true);
    const last = source.names().at(-1);
    if (last) expect([...new Float32Array((await source.read(last)).buffer)]).toEqual([count - 1, 1.5 - count]);
  });

  it('stores a shared tensor once, under both names', async () => {
    await writePyTorch(path, [
      { name: 'table', dtype: 'float32', shape: [12], bytes: ramp },
      { name: 'head', alias: 'table' },
    ]);
    await using source = await openPyTorch(path);
    expect(source.info('head')).toEqual(source.info('table'));
    const single = join(folder, 'single.bin');
    await writePyTorch(single, [{ name: 'table', dtype: 'float32', shape: [12], bytes: ramp }]);
    expect(readFileSync(path).byteLength - readFileSync(single).byteLength).toBeLessThan(200);
  });

  it('takes bytes in pieces, and asks for each tensor when its turn has come', async () => {
    const asked: string[] = [];
    const tensor = (name: string) => ({
      name,
      dtype: 'float32' as const,
      shape: [12],
      bytes: async function* () {
        asked.push(name);
        yield ramp.subarray(0, 5);
        yield ramp.subarray(5);
      },
    });
    await writePyTorch(path, [tensor('x'), tensor('y')]);
    expect(asked).toEqual(['x', 'y']);
    await using source = await openPyTorch(path, { checksums: true });
    expect([...new Float32Array((await source.read('y')).buffer)]).toEqual([...ramp]);
  });

  const good = { name: 'x', dtype: 'float32' as const, shape: [12], bytes: ramp };
  it.each([
    ['a name twice', [good, good], 'DUPLICATE_NAME'],
    ['an alias of nothing', [{ name: 'y', alias: 'x' }, good], 'NO_SUCH_TENSOR'],
    ['half of a surrogate pair', [{ ...good, name: '\ud800' }], 'PICKLE_INVALID'],
    ['a type that PyTorch does not save', [{ ...good, dtype: 'float6_e2m3fn' }], 'UNKNOWN_DTYPE'],
    ['too few bytes', [{ ...good, shape: [13] }], 'SIZE_MISMATCH'],
    ['too many bytes', [{ ...good, shape: [11] }], 'SIZE_MISMATCH'],
    ['a negative dimension', [{ ...good, shape: [-1] }], 'HEADER_INVALID_ENTRY'],
  ])('refuses %s and leaves what was there', async (_, tensors, code) => {
    writeFileSync(path, 'old');
    expect((await errorOf(() => writePyTorch(path, tensors as never))).code).toBe(code);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('stops at a signal, refuses unknown options, and can be staged', async () => {
    const stop = new AbortController();
    const bytes = () => {
      stop.abort();
      return ramp;
    };
    writeFileSync(path, 'old');
    const aborted = await errorOf(() =>
      writePyTorch(
        path,
        [
          { ...good, bytes },
          { ...good, name: 'y' },
        ],
        { signal: stop.signal },
      ),
    );
    expect(aborted.name).toBe('AbortError');
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect((await errorOf(() => writePyTorch(path, [], { metadata: null } as never))).message).toMatch(/'metadata'/);
    const other = join(folder, 'pytorch_model.fp16.bin');
    const staged = await stagePyTorch(other, [good]);
    expect(existsSync(other)).toBe(false);
    await staged.commit();
    expect(readFileSync(other).includes('pytorch_model.fp16/data.pkl')).toBe(true);
  });
});
