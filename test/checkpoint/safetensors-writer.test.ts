import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { stageSafetensors, type TensorToWrite, writeSafetensors } from '../../lib/checkpoint/safetensors-writer';
import { errorOf, scratchFolder } from './scratch';

jest.mock('node:fs/promises', () => ({ ...jest.requireActual('node:fs/promises') }));
const promises = jest.requireMock<typeof import('node:fs/promises')>('node:fs/promises');

const folder = scratchFolder();
let count = 0;

/** A path in a folder of its own. */
function freshPath(name = 'model.safetensors'): string {
  const own = join(folder, String(count++));
  mkdirSync(own);
  return join(own, name);
}

function vector(name: string, ...values: number[]): TensorToWrite {
  return { name, dtype: 'float32', shape: [values.length], bytes: Float32Array.from(values) };
}

const neighbours = (path: string) => readdirSync(join(path, '..'));

describe('writing safetensors', () => {
  const golden = join(__dirname, '..', 'goldens', 'safetensors', 'reference.safetensors');

  it.each([
    ['in reverse', (list: TensorToWrite[]) => list.reverse()],
    ['by name', (list: TensorToWrite[]) => list.sort((a, b) => (a.name < b.name ? -1 : 1))],
  ])('gives the bytes of the reference writer, whatever order the tensors come in: %s', async (_, order) => {
    await using source = await openSafetensors(golden);
    const tensors = source.names().map((name) => ({ name, ...source.info(name), bytes: () => source.read(name) }));
    expect(tensors).toHaveLength(35);
    const path = freshPath();
    const size = await writeSafetensors(path, order(tensors));
    expect(readFileSync(path).equals(readFileSync(golden))).toBe(true);
    expect(size).toBe(statSync(golden).size);
  });

  it('writes files without tensors, and without metadata, that read back', async () => {
    const choices: (Record<string, string> | null)[] = [null, {}, { format: 'pt' }, { b: '2', a: '"1"' }];
    for (const metadata of choices) {
      const path = freshPath();
      await writeSafetensors(path, [], { metadata });
      await using source = await openSafetensors(path);
      expect(Object.fromEntries(source.metadata)).toEqual(metadata ?? {});
      expect(statSync(path).size % 8).toBe(0);
    }
  });

  it('asks for the bytes of one tensor at a time, in the order of the file', async () => {
    const asked: string[] = [];
    const later = (name: string, dtype: 'float32' | 'int64') => ({
      name,
      dtype,
      shape: [1],
      bytes: async () => {
        asked.push(name);
        return dtype === 'int64' ? BigInt64Array.of(1n) : Float32Array.of(1);
      },
    });
    await writeSafetensors(freshPath(), [later('b', 'float32'), later('a', 'float32'), later('z', 'int64')]);
    expect(asked).toEqual(['z', 'a', 'b']);
  });

  it('takes large tensors in pieces, and pieces larger than what it gathers', async () => {
    const path = freshPath();
    const piece = (fill: number) => new Uint8Array(1_500_000).fill(fill);
    async function* pieces() {
      yield piece(1);
      yield piece(2).subarray(0, 10);
      yield piece(3);
    }
    await writeSafetensors(path, [{ name: 'x', dtype: 'uint8', shape: [3_000_010], bytes: pieces }, vector('y', 1, 2)]);
    await using source = await openSafetensors(path);
    const bytes = await source.read('x');
    expect([bytes[0], bytes[1_499_999], bytes[1_500_000], bytes[1_500_010], bytes[3_000_009]]).toEqual([1, 1, 2, 3, 3]);
  });

  it('can wait with the last step until other files are ready', async () => {
    const path = freshPath();
    writeFileSync(path, 'old');
    const staged = await stageSafetensors(path, [vector('a', 1)]);
    expect(readFileSync(path, 'utf8')).toBe('old');
    await staged.commit();
    await using source = await openSafetensors(path);
    expect(source.names()).toEqual(['a']);
    expect(neighbours(path)).toEqual(['model.safetensors']);
  });

  it('keeps the permissions of the file that it replaces', async () => {
    const path = freshPath();
    writeFileSync(path, 'old');
    chmodSync(path, 0o640);
    await writeSafetensors(path, [vector('a', 1)]);
    expect(statSync(path).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o640);
  });

  it('writes behind a link, so that the link stays', async () => {
    const path = freshPath();
    const target = join(path, '..', 'target.safetensors');
    writeFileSync(target, 'old');
    symlinkSync('target.safetensors', path);
    await writeSafetensors(path, [vector('a', 1)]);
    await using source = await openSafetensors(target);
    expect(source.names()).toEqual(['a']);
    expect(neighbours(path).sort()).toEqual(['model.safetensors', 'target.safetensors']);
  });

  it('replaces a link into the Hub cache, so that the cached file stays', async () => {
    const repository = join(freshPath(), '..');
    const snapshot = join(repository, 'snapshots', 'abc');
    mkdirSync(snapshot, { recursive: true });
    mkdirSync(join(repository, 'blobs'));
    writeFileSync(join(repository, 'blobs', 'e3b0'), 'cached');
    symlinkSync(join('..', '..', 'blobs', 'e3b0'), join(snapshot, 'model.safetensors'));
    await writeSafetensors(join(snapshot, 'model.safetensors'), [vector('a', 1)]);
    expect(readFileSync(join(repository, 'blobs', 'e3b0'), 'utf8')).toBe('cached');
    await using source = await openSafetensors(join(snapshot, 'model.safetensors'));
    expect(source.names()).toEqual(['a']);
  });
});

describe('a write that fails', () => {
  const surrogate = '\ud800';
  const wrong: [string, TensorToWrite[], string][] = [
    ['a name given twice', [vector('a', 1), vector('a', 1)], 'DUPLICATE_NAME'],
    ['the name __metadata__', [vector('__metadata__', 1)], 'HEADER_INVALID_ENTRY'],
    ['half a surrogate pair', [vector(surrogate, 1)], 'HEADER_INVALID_UTF8'],
    ['a name too long', [vector('é'.repeat(32768), 1)], 'NAME_TOO_LONG'],
    ['an unknown dtype', [{ ...vector('a', 1), dtype: 'float' as never }], 'UNKNOWN_DTYPE'],
    ['a fractional dimension', [{ ...vector('a', 1), shape: [0.5] }], 'HEADER_INVALID_ENTRY'],
    ['a negative dimension', [{ ...vector('a', 1), shape: [-1] }], 'HEADER_INVALID_ENTRY'],
    ['too many dimensions', [{ ...vector('a', 1), shape: Array(65).fill(1) }], 'TOO_MANY_DIMENSIONS'],
    ['a size beyond any file', [{ ...vector('a', 1), shape: [2 ** 40, 2 ** 40] }], 'OVERFLOW'],
    ['three four-bit elements', [{ ...vector('a', 1), dtype: 'float4_e2m1fn', shape: [3] }], 'MISALIGNED'],
    ['too few bytes', [{ ...vector('a', 1), shape: [2] }], 'SIZE_MISMATCH'],
    ['too many bytes', [{ ...vector('a', 1, 2), shape: [1] }], 'SIZE_MISMATCH'],
  ];
  it.each(wrong)('for %s leaves the old file and no trace: %s', async (_, tensors, code) => {
    const path = freshPath();
    writeFileSync(path, 'old');
    const error = await errorOf(() => writeSafetensors(path, tensors));
    expect(error.name).toBe('ValueError');
    expect(error.code).toBe(code);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(neighbours(path)).toEqual(['model.safetensors']);
  });

  it('because the caller has no bytes passes on the error and leaves no trace', async () => {
    const path = freshPath();
    const failing = (bytes: TensorToWrite['bytes']) =>
      writeSafetensors(path, [vector('a', 1), { ...vector('b', 1), bytes }]);
    const lost = new Error('lost');
    expect(await errorOf(() => failing(() => Promise.reject(lost)))).toBe(lost);
    expect((await errorOf(() => failing(() => 'text' as never))).name).toBe('TypeError');
    expect((await errorOf(() => failing(() => undefined as never))).name).toBe('TypeError');
    expect(neighbours(path)).toEqual([]);
  });

  it('because its signal was aborted leaves the old file and no trace', async () => {
    const path = freshPath();
    writeFileSync(path, 'old');
    const controller = new AbortController();
    const stopAndGive = () => {
      controller.abort('stop');
      return Float32Array.of(1);
    };
    const stopping = { ...vector('b', 1), bytes: stopAndGive };
    const error = await errorOf(() =>
      writeSafetensors(path, [vector('a', 1), stopping], { signal: controller.signal }),
    );
    expect([error.code, error.cause]).toEqual(['ABORT_ERR', 'stop']);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(neighbours(path)).toEqual(['model.safetensors']);
  });

  it.each(['ENOSPC', 'EDQUOT', 'EFBIG'])(
    'because the disk is full (%s) says so, leaves the old file and no trace',
    async (system) => {
      const path = freshPath();
      writeFileSync(path, 'old');
      const { open } = promises;
      const spy = jest.spyOn(promises, 'open').mockImplementation(async (...args) => {
        const handle = await open(...args);
        handle.write = () =>
          Promise.reject(Object.assign(new Error(`${system}: no space left on device, write`), { code: system }));
        return handle;
      });
      const error = await errorOf(() => writeSafetensors(path, [vector('a', 1)]));
      spy.mockRestore();
      expect([error.name, error.code]).toEqual(['OSError', 'DISK_FULL']);
      expect(error.message).toContain(path);
      expect(readFileSync(path, 'utf8')).toBe('old');
      expect(neighbours(path)).toEqual(['model.safetensors']);
    },
  );

  it('because the folder is not there, or the path is a folder, says so', async () => {
    const absent = await errorOf(() => writeSafetensors(join(folder, 'none', 'x.safetensors'), []));
    expect([absent.name, absent.code]).toEqual(['OSError', 'WRITE_FAILED']);
    const path = freshPath();
    mkdirSync(join(path, 'inner'), { recursive: true });
    expect((await errorOf(() => writeSafetensors(path, []))).code).toBe('WRITE_FAILED');
    expect(existsSync(join(path, 'inner'))).toBe(true);
    expect(neighbours(path)).toEqual(['model.safetensors']);
  });

  it('for wrong arguments names them', async () => {
    const metadata = await errorOf(() => writeSafetensors(freshPath(), [], { metadata: { step: 3 as never } }));
    expect(metadata.message).toMatch(/'step'/);
    const option = await errorOf(() => writeSafetensors(freshPath(), [], { metdata: {} } as never));
    expect(option.message).toMatch(/did you mean 'metadata'/);
  });
});
