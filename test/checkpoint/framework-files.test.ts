import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { resolveWeights } from '../../lib/checkpoint/resolve';

/** The orders in which the classes of TensorFlow and Flax look for files (T-17, F-10). */

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framework-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const shared = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

/** What is found when the best is taken away again and again. */
async function order(files: string[], options: Parameters<typeof resolveWeights>[1]): Promise<string[]> {
  for (const name of files) await writeFile(join(folder, name), '');
  const found: string[] = [];
  for (;;) {
    const next = await resolveWeights(folder, options).catch(() => null);
    if (next === null) return found;
    found.push(basename(next.path));
    await rm(next.path);
  }
}

describe('TensorFlow', () => {
  const files = ['tf_model.h5', 'tf_model.h5.index.json', 'flax_model.msgpack', ...shared];
  const own = ['model.safetensors', 'tf_model.h5', 'tf_model.h5.index.json', 'model.safetensors.index.json'];

  it('takes safetensors, then its own files, then an index of safetensors', async () => {
    expect(await order(files, { framework: 'tf' })).toEqual(own);
  });

  it('takes PyTorch files first where from_pt asks for them', async () => {
    const pytorch = ['pytorch_model.bin', 'pytorch_model.bin.index.json'];
    expect(await order(files, { framework: 'tf', from_pt: true })).toEqual([...pytorch, ...own]);
  });

  it('takes what use_safetensors leaves, and its first version where from_tf asks for it', async () => {
    expect(await order(files, { framework: 'tf', use_safetensors: false })).toEqual(own.slice(1, 3));
    expect(await order(files, { framework: 'tf', use_safetensors: true })).toEqual([own[0], own[3]]);
    expect(await order(['model.ckpt.index'], { framework: 'tf', from_tf: true })).toEqual([
      'model.ckpt.index',
      'tf_model.h5',
      'tf_model.h5.index.json',
    ]);
  });
});

describe('Flax', () => {
  const files = ['flax_model.msgpack', 'flax_model.msgpack.index.json', 'tf_model.h5', ...shared];
  const own = ['flax_model.msgpack', 'flax_model.msgpack.index.json', 'model.safetensors'];

  it('takes its own files, then safetensors', async () => {
    expect(await order(files, { framework: 'flax' })).toEqual([...own, 'model.safetensors.index.json']);
  });

  it('takes PyTorch files behind those where from_pt asks for them', async () => {
    const behind = ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'model.safetensors.index.json'];
    expect(await order(files, { framework: 'flax', from_pt: true })).toEqual([...own, ...behind]);
  });
});

it('a variant is one of safetensors and of PyTorch files', async () => {
  const files = ['model.fp16.safetensors', 'pytorch_model.fp16.bin', 'tf_model.h5'];
  expect(await order(files, { framework: 'tf', from_pt: true, variant: 'fp16' })).toEqual([
    'pytorch_model.fp16.bin',
    'model.fp16.safetensors',
    'tf_model.h5',
  ]);
});

it('files without the variant are named where the variant is not there', async () => {
  await writeFile(join(folder, 'pytorch_model.bin'), '');
  await expect(resolveWeights(folder, { framework: 'tf', from_pt: true, variant: 'fp16' })).rejects.toThrow(
    /none of the files pytorch_model\.fp16\.bin, .*; 'pytorch_model\.bin' is there: leave variant out/,
  );
});
