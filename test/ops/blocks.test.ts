import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK_DTYPES, blockOf } from '../../lib/checkpoint/gguf/block-types';
import { type BlockType, blockTypes, dequantize, quantize } from '../../lib/tensor/ops/blocks';
import { Tensor } from '../../lib/tensor/tensor';
import { exact, float32, holdsAtEveryLevel, Random } from './case-table';

/** Written by goldens/gguf_blocks.py; bytes in base64. */
const golden = JSON.parse(readFileSync(join(__dirname, '..', 'goldens', 'gguf', 'blocks.json'), 'utf8')) as {
  read: Record<BlockType, { blocks: string; numbers: string }>;
  numbers: string;
  dims: number[];
  written: Record<'Q4_0' | 'Q8_0', string>;
};

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const floatsOf = (text: string) => new Float32Array(bytesOf(text).buffer);

function bits({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Random blocks of so many elements. */
function random(r: Random, type: BlockType, size: number): Tensor {
  const { elements, bytes } = blockOf(type);
  return r.integers([(size / elements) * bytes], 0, 256, 'uint8');
}

describe('dequantize', () => {
  it.each(blockTypes)('gives the bits of gguf-py for %s', async (type) => {
    const { blocks, numbers } = golden.read[type];
    const wanted = floatsOf(numbers);
    const bytes = bytesOf(blocks);
    const got = await dequantize(new Tensor('uint8', bytes, [bytes.length]), type, 'float32', [
      wanted.length,
    ]).getData();
    expect(bits(got as Float32Array).equals(bits(wanted))).toBe(true);
  });

  for (const type of blockTypes)
    holdsAtEveryLevel(
      {
        [`${type}, one block and several runs of them`]: (r) => [
          dequantize(random(r, type, 256), type, 'float32', [256]),
          dequantize(random(r, type, 256 * 150), type, 'float32', [150, 256]),
        ],
        [`${type} to float16 and bfloat16`]: (r) => [
          dequantize(random(r, type, 256 * 9), type, 'float16', [9, 256]),
          dequantize(random(r, type, 256 * 9), type, 'bfloat16', [3, 3, 256]),
        ],
        [`no ${type} at all`]: () => dequantize(new Tensor('uint8', new Uint8Array(), [0]), type, 'float32', [0, 256]),
      },
      exact,
    );

  it('refuses bytes that are no whole blocks, and a shape of other elements', () => {
    const bytes = (n: number) => new Tensor('uint8', new Uint8Array(n), [n]);
    expect(() => dequantize(bytes(17), 'Q4_0', 'float32', [32])).toThrow(/different numbers of elements/);
    expect(() => dequantize(bytes(18), 'Q4_0', 'float32', [64])).toThrow(/different numbers of elements/);
    expect(() => dequantize(bytes(18), 'Q4_0', 'int8', [32])).toThrow(/float32, float16 or bfloat16/);
  });

  it('knows the types of blocks that the checkpoint room knows', () => {
    expect([...blockTypes].sort()).toEqual([...BLOCK_DTYPES].sort());
  });
});

describe('quantize', () => {
  it.each(['Q4_0', 'Q8_0'] as const)('gives the bytes of gguf-py for %s', async (type) => {
    const { blocks } = quantize(new Tensor('float32', floatsOf(golden.numbers), golden.dims), type);
    expect(bits((await blocks.getData()) as Uint8Array).equals(bits(bytesOf(golden.written[type])))).toBe(true);
  });

  for (const type of ['Q4_0', 'Q8_0', 'Q4_K', 'Q6_K'] as const)
    holdsAtEveryLevel(
      {
        [`${type}, blocks and errors`]: (r) => Object.values(quantize(r.floats([90, 256], 0.02), type)),
        [`${type} of zeros, equal and one-sided numbers`]: () =>
          Object.values(
            quantize(
              float32([
                ...Array(256).fill(0),
                ...Array(256).fill(-3),
                ...Array.from({ length: 256 }, (_, i) => i),
              ]).view(3, 256),
              type,
            ),
          ),
      },
      exact,
    );

  it.each([
    ['Q4_K', 0.072],
    ['Q6_K', 0.018],
  ] as const)('keeps the relative root mean square error of %s on N(0, 0.02) at or below %d', async (type, most) => {
    const x = new Random(3).floats([256, 1024], 0.02);
    const { blocks } = quantize(x, type);
    const y = (await dequantize(blocks, type, 'float32', [256, 1024]).getData()) as Float32Array;
    let squares = 0;
    let errors = 0;
    (x.data as Float32Array).forEach((value, i) => {
      squares += value ** 2;
      errors += (value - (y[i] as number)) ** 2;
    });
    expect(Math.sqrt(errors / squares)).toBeLessThanOrEqual(most);
  });

  it('says how far numbers moved', async () => {
    const x = new Random(9).floats([40, 512], 1);
    const { blocks, errors } = quantize(x, 'Q4_0');
    const y = (await dequantize(blocks, 'Q4_0', 'float32', [40, 512]).getData()) as Float32Array;
    const differences = Array.from(x.data as Float32Array, (value, i) => Math.abs(value - (y[i] as number)));
    const runs = (await errors.getData()) as Float64Array;
    const column = (i: number) => Array.from(runs).filter((_, at) => at % 5 === i);
    expect(Math.max(...column(0))).toBe(Math.max(...differences));
    expect(column(1).reduce((a, b) => a + b)).toBeCloseTo(
      differences.reduce((a, b) => a + b),
      6,
    );
    expect(errors.dims).toEqual([2, 5]);
  });

  it('refuses numbers that no block can hold, rows of no whole blocks, and types that are read only', async () => {
    const filled = (value: number) => new Tensor('float32', new Float32Array(256).fill(value), [1, 256]);
    await expect(quantize(filled(Number.NaN), 'Q8_0').blocks.getData()).rejects.toThrow(/not finite/);
    await expect(quantize(filled(1e9), 'Q8_0').blocks.getData()).rejects.toThrow(/too large for a scale/);
    expect(() => quantize(new Tensor('float32', new Float32Array(48), [48]), 'Q8_0')).toThrow(/no multiple of a block/);
    expect(() => quantize(filled(1), 'Q5_K')).toThrow(/read only/);
  });
});
