/** Files that are shorter than they say, or become so while they are read: cases S-GG2 and S-MM1 of docs/contract.md. */
import { existsSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { convertToGguf } from '../../../lib';
import { writeFlax } from '../../../lib/checkpoint/flax/flax-writer';
import { writeGguf } from '../../../lib/checkpoint/gguf/gguf-writer';
import { writeHdf5 } from '../../../lib/checkpoint/hdf5/hdf5-writer';
import { writePyTorch } from '../../../lib/checkpoint/pytorch/pytorch-writer';
import { type TensorToWrite, writeSafetensors } from '../../../lib/checkpoint/safetensors-writer';
import { entry, ggufBytes, number, tensor, text, type, u32 } from '../gguf/gguf-bytes';
import { errorOf } from '../scratch';
import { newFolder, open, put, refusal } from './hostile-file';

const weights: TensorToWrite[] = ['a', 'b'].map((name) => ({
  name,
  dtype: 'float32',
  shape: [64],
  bytes: new Float32Array(64).fill(7),
}));
const writers: Record<string, (path: string, tensors: TensorToWrite[]) => Promise<unknown>> = {
  'model.safetensors': (path, tensors) => writeSafetensors(path, tensors),
  'pytorch_model.bin': (path, tensors) => writePyTorch(path, tensors),
  'tf_model.h5': (path, tensors) => writeHdf5(path, tensors),
  'flax_model.msgpack': (path, tensors) => writeFlax(path, tensors),
  'model.gguf': (path, tensors) => writeGguf(path, new Map(), tensors),
};
const formats = Object.keys(writers);
const pairs = formats.flatMap((from) => formats.map((to) => [from, to] as const));

describe('S-GG2: a tensor that says it is larger than its file', () => {
  it.each(formats)('is refused when %s is opened: nothing of the memory beside it gets out', async (name) => {
    const path = join(newFolder(), name);
    await writers[name]?.(path, weights);
    truncateSync(path, readFileSync(path).byteLength - 40);
    expect((await refusal(path)).code).toMatch(/TENSOR_OUT_OF_RANGE|ZIP_NO_DIRECTORY|MSGPACK_TRUNCATED|H5_INVALID/);
  });

  it.each(pairs)('%s cut while it is written as %s: FILE_CHANGED, and no file', async (from, to) => {
    const path = join(newFolder(), from);
    await writers[from]?.(path, weights);
    await using source = await open(path);
    const tensors = source.names().map((name) => ({
      name,
      dtype: 'float32' as const,
      shape: [64],
      bytes: async () => {
        truncateSync(path, 100);
        return source.read(name);
      },
    }));
    const folder = newFolder();
    expect((await errorOf(() => writers[to]?.(join(folder, to), tensors))).code).toBe('FILE_CHANGED');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not converted to GGUF, quantised or not', async () => {
    const entries = [
      entry('general.architecture', type('string'), text('gpt2')),
      ...(
        ['context_length', 'embedding_length', 'block_count', 'feed_forward_length', 'attention.head_count'] as const
      ).map((key) =>
        entry(`gpt2.${key}`, type('uint32'), u32(key === 'attention.head_count' || key === 'block_count' ? 1 : 32)),
      ),
      entry('gpt2.attention.layer_norm_epsilon', type('float32'), number('float32', 1e-5)),
    ];
    const path = put(
      'model.gguf',
      ggufBytes({ entries, tensors: [tensor('token_embd.weight', [32, 2 ** 20], 'float32', 0)], data: 128 }),
    );
    for (const options of [{}, { quantize: 'Q8_0' }]) {
      const output = join(newFolder(), 'out.gguf');
      expect((await errorOf(() => convertToGguf(path, { ...options, output }))).code).toBe('TENSOR_OUT_OF_RANGE');
      expect(existsSync(output)).toBe(false);
    }
  });
});

// In depth, also for mapped files: ../../pretrained/mmap.test.ts
describe('S-MM1: a file that is cut or replaced while it is read', () => {
  it.each(formats)('%s: FILE_CHANGED, and the process goes on', async (name) => {
    for (const length of [0, 100]) {
      const path = join(newFolder(), name);
      await writers[name]?.(path, weights);
      await using source = await open(path);
      truncateSync(path, length);
      expect((await errorOf(() => source.read('b'))).code).toBe('FILE_CHANGED');
      expect((await errorOf(() => source.verify())).code).toBe('FILE_CHANGED');
    }
  });
});
