import { execFileSync } from 'node:child_process';
import { renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { tensorStats } from '../../lib/checkpoint/tensor-stats';
import { errorOf, safetensorsBytes, scratchFolder, writeVectors } from './scratch';

const folder = scratchFolder();
const path = (name: string) => join(folder, name);

describe('an open safetensors file', () => {
  it('tells where each tensor lies and reads exactly its bytes', async () => {
    const file = path('two.safetensors');
    writeVectors(file, { first: [1, 2], second: [3, 4, 5] }, { format: 'pt' });
    await using source = await openSafetensors(file);
    expect(source.names()).toEqual(['first', 'second']);
    expect(source.metadata.get('format')).toBe('pt');
    expect(source.files).toEqual([file]);
    const info = source.info('second');
    expect(info).toEqual({
      dtype: 'float32',
      shape: [3],
      file,
      byteOffset: source.info('first').byteOffset + 8,
      byteLength: 12,
    });
    const bytes = await source.read('second');
    expect([...new Float32Array(bytes.buffer, bytes.byteOffset, 3)]).toEqual([3, 4, 5]);
    expect(source.descriptor('second')).toBeGreaterThan(2);
  });

  it('reads a range of a tensor', async () => {
    writeVectors(path('range.safetensors'), { a: [1, 2, 3, 4] });
    await using source = await openSafetensors(path('range.safetensors'));
    const bytes = await source.read('a', { start: 4, end: 12 });
    expect([...new Float32Array(bytes.buffer, bytes.byteOffset, 2)]).toEqual([2, 3]);
    expect(await source.read('a', { start: 16 })).toHaveLength(0);
    for (const range of [{ start: -1 }, { start: 8, end: 4 }, { end: 17 }, { start: Number.NaN }]) {
      expect((await errorOf(() => source.read('a', range))).name).toBe('ValueError');
    }
  });

  it('reads data at an odd offset into memory that any typed array can look at', async () => {
    const json = '{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}} ';
    writeFileSync(path('odd.safetensors'), safetensorsBytes(json, Buffer.from(Float64Array.of(Math.PI).buffer)));
    await using source = await openSafetensors(path('odd.safetensors'));
    expect(source.info('a').byteOffset % 2).toBe(1);
    const bytes = await source.read('a');
    expect(new Float64Array(bytes.buffer, bytes.byteOffset, 1)[0]).toBe(Math.PI);
  });

  it('names the nearest tensor when there is none of that name', async () => {
    writeVectors(path('near.safetensors'), { 'encoder.weight': [1] });
    await using source = await openSafetensors(path('near.safetensors'));
    expect(source.has('encoder.wieght')).toBe(false);
    for (const use of ['info', 'descriptor', 'read'] as const) {
      const error = await errorOf(() => source[use]('encoder.wieght'));
      expect(error.name).toBe('KeyError');
      expect(error.message).toMatch(/did you mean 'encoder\.weight'\?/);
    }
  });

  it('refuses to read once it is closed', async () => {
    writeVectors(path('closed.safetensors'), { a: [1] });
    const source = await openSafetensors(path('closed.safetensors'));
    await source.close();
    await source.close();
    for (const use of [() => source.read('a'), () => source.descriptor('a'), () => source.verify()]) {
      expect((await errorOf(use)).code).toBe('CHECKPOINT_CLOSED');
    }
  });

  it('opens a header of thousands of tensors while other work goes on', async () => {
    const file = path('many.safetensors');
    writeVectors(file, Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`layer.${i}`, [i]])));
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await using source = await openSafetensors(file);
    clearInterval(timer);
    expect(source.names()).toHaveLength(10_000);
    expect(turns).toBeGreaterThan(0);
  });
});

describe('a file that cannot be opened', () => {
  it.each([
    ['is empty', Buffer.alloc(0), 'EMPTY_FILE', /empty/],
    ['has seven bytes', Buffer.alloc(7), 'HEADER_TRUNCATED', /7 bytes/],
    [
      'is a git-lfs pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'),
      'GIT_LFS_POINTER',
      /git-lfs/,
    ],
    ['is a cut git-lfs pointer', Buffer.from('version'), 'GIT_LFS_POINTER', /git-lfs/],
    ['is a zip archive', Buffer.from('PK\x03\x04aaaaaaaa'), 'WRONG_FORMAT', /zip archive/],
    ['is a web page', Buffer.from('<!DOCTYPE html>'), 'WRONG_FORMAT', /web page/],
    ['is GGUF', Buffer.from('GGUF\x03\0\0\0\x01'), 'WRONG_FORMAT', /GGUF/],
    ['is text', Buffer.from('hello, world'), 'HEADER_TOO_LARGE', /Unable to load weights/],
    [
      'lost its data',
      safetensorsBytes('{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}', 8),
      'TENSOR_OUT_OF_RANGE',
      /truncated/,
    ],
  ])('%s: the error says so and names it', async (_, bytes, code, says) => {
    const file = path('broken.safetensors');
    writeFileSync(file, bytes);
    const error = await errorOf(() => openSafetensors(file));
    expect(error.constructor.name).toBe('CheckpointError');
    expect(error.code).toBe(code);
    expect(error.message).toMatch(says);
    expect(error.message).toContain(file);
  });

  it('is not there', async () => {
    const error = await errorOf(() => openSafetensors(path('absent.safetensors')));
    expect(error.code).toBe('FILE_NOT_FOUND');
    expect(error.message).toContain('absent.safetensors');
  });

  it('is a folder', async () => {
    expect((await errorOf(() => openSafetensors(folder))).code).toBe('NOT_A_FILE');
  });

  if (process.platform !== 'win32') {
    it('is a pipe that nobody writes to: it does not wait', async () => {
      execFileSync('mkfifo', [path('pipe.safetensors')]);
      expect((await errorOf(() => openSafetensors(path('pipe.safetensors')))).code).toBe('NOT_A_FILE');
    });
  }

  it('is opened with an unknown option, which is named', async () => {
    const error = await errorOf(() => openSafetensors(path('x'), { limit: {} } as never));
    expect(error.message).toMatch(/'limit'.*did you mean 'limits'/);
    const limit = await errorOf(() => openSafetensors(path('x'), { limits: { tensor: 3 } as never }));
    expect(limit.message).toMatch(/'tensor'.*did you mean 'tensors'/);
    expect((await errorOf(() => openSafetensors(path('x'), { limits: { tensors: 1.5 } }))).name).toBe('ValueError');
  });
});

describe('a file that changes while it is open', () => {
  const open = (name: string) => {
    writeVectors(path(name), { a: [1, 2, 3, 4], b: [5] });
    return openSafetensors(path(name));
  };

  it('is cut: reading what is gone, and what is left, gives FILE_CHANGED', async () => {
    await using source = await open('cut.safetensors');
    truncateSync(path('cut.safetensors'), source.info('b').byteOffset);
    expect((await errorOf(() => source.read('b'))).code).toBe('FILE_CHANGED');
    expect((await errorOf(() => source.read('a'))).code).toBe('FILE_CHANGED');
    expect((await errorOf(() => source.verify())).message).toMatch(/changed while it was open/);
  });

  it('is overwritten in place with as many bytes: FILE_CHANGED', async () => {
    await using source = await open('over.safetensors');
    writeVectors(path('over.safetensors'), { a: [9, 9, 9, 9], b: [9] });
    utimesSync(path('over.safetensors'), new Date(), new Date(Date.now() + 5000));
    expect((await errorOf(() => source.read('a'))).code).toBe('FILE_CHANGED');
  });

  it('is replaced by another of the same name: the old one goes on being read', async () => {
    await using source = await open('replaced.safetensors');
    writeVectors(path('new.safetensors'), { other: [0] });
    renameSync(path('new.safetensors'), path('replaced.safetensors'));
    const bytes = await source.read('a');
    expect([...new Float32Array(bytes.buffer, bytes.byteOffset, 4)]).toEqual([1, 2, 3, 4]);
  });
});

describe('an aborted signal', () => {
  it('ends opening and reading with an AbortError that carries its reason', async () => {
    writeVectors(path('abort.safetensors'), { a: [1] });
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await using source = await openSafetensors(path('abort.safetensors'));
    for (const use of [
      () => openSafetensors(path('abort.safetensors'), { signal }),
      () => source.read('a', { signal }),
    ]) {
      const error = await errorOf(use);
      expect(error.code).toBe('ABORT_ERR');
      expect(error.cause).toBe(reason);
    }
  });

  it('ends the parsing of a long header', async () => {
    const file = path('long.safetensors');
    writeVectors(file, Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`n${i}`, []])));
    const controller = new AbortController();
    const opening = openSafetensors(file, { signal: controller.signal });
    setImmediate(() => controller.abort());
    expect((await errorOf(() => opening)).code).toBe('ABORT_ERR');
  });
});

describe('what the tensors hold', () => {
  it('is read as it stands, NaN payloads and bools of 7 included', async () => {
    const bytes = Buffer.from('0100a07f00000080070001', 'hex');
    const json =
      '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"y":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]}}';
    writeFileSync(path('raw.safetensors'), safetensorsBytes(json, bytes));
    await using source = await openSafetensors(path('raw.safetensors'));
    expect(Buffer.from(await source.read('x'))).toEqual(bytes.subarray(0, 8));
    expect([...(await source.read('y'))]).toEqual([7, 0, 1]);
  });

  const stats: [string, string, number, number, number][] = [
    // dtype, values in hexadecimal as stored, values, NaN, infinite
    ['F32', '0000c07f' + '0000807f' + '000080ff' + '0000803f' + '010080ff', 5, 2, 2],
    ['F64', '000000000000f87f' + '000000000000f07f' + '000000000000f0ff' + '010000000000f07f', 4, 2, 2],
    ['F16', '007e' + '007c' + '00fc' + '003c' + 'ff7b', 5, 1, 2],
    ['BF16', 'c07f' + '807f' + '80ff' + '803f' + '7f7f', 5, 1, 2],
    ['F8_E5M2', '7c' + 'fc' + '7d' + 'ff' + '7b', 5, 2, 2],
    ['F8_E4M3', '7f' + 'ff' + '7e' + '00', 4, 2, 0],
    ['F8_E4M3FNUZ', '80' + '7f' + '00', 3, 1, 0],
    ['F8_E5M2FNUZ', '80' + 'ff', 2, 1, 0],
    ['F8_E8M0', 'ff' + '7f', 2, 1, 0],
    ['C64', '0000c07f' + '0000807f', 2, 1, 1],
    ['I32', 'ffffffff' + '0000c07f', 2, 0, 0],
    ['F4', 'ff', 2, 0, 0],
  ];
  it.each(stats)('is counted by kind of value: %s', async (dtype, hex, values, nan, infinite) => {
    const data = Buffer.from(hex, 'hex');
    const elements = dtype === 'C64' ? values / 2 : values;
    const json = `{"x":{"dtype":"${dtype}","shape":[${elements}],"data_offsets":[0,${data.byteLength}]}}`;
    writeFileSync(path('stats.safetensors'), safetensorsBytes(json, data));
    await using source = await openSafetensors(path('stats.safetensors'));
    expect(await tensorStats(source, 'x')).toEqual({ values, nan, infinite });
  });
});
