/**
 * GGUF files that are almost right, from seeds. CHECKPOINT_FUZZ_RUNS sets how many (default 15,000) and
 * CHECKPOINT_FUZZ_SEED where to start.
 */
import { bitsOf } from '../../../lib/checkpoint/dtype';
import { CHECKPOINT_FAULTS } from '../../../lib/checkpoint/fault';
import { blockOf, isBlockDType } from '../../../lib/checkpoint/gguf/block-types';
import { type GgufHeader, parseGgufHeader } from '../../../lib/checkpoint/gguf/gguf-header';
import { GGUF_TYPES, SCALARS } from '../../../lib/checkpoint/gguf/gguf-values';
import { headerLimits } from '../../../lib/checkpoint/header-limits';
import { seededRandom } from '../mutant';
import { entry, ggufBytes, list, number, tensor, text, type, u32 } from './gguf-bytes';

const RUNS = Number(process.env.CHECKPOINT_FUZZ_RUNS ?? 15_000);
const FIRST = Number(process.env.CHECKPOINT_FUZZ_SEED ?? 1);
const limits = headerLimits();

const NUMBERS = [
  0,
  1,
  2,
  3,
  7,
  8,
  31,
  32,
  33,
  255,
  256,
  2 ** 16,
  2 ** 31,
  2 ** 32 - 1,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** A valid file of random parts, after which up to three of its fields or bytes are changed, or the file is cut. */
function mutant(seed: number): Buffer {
  const random = seededRandom(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  const pick = <T>(from: readonly T[]): T => from[upTo(from.length)] as T;
  let alignment = pick([1, 8, 32, 64]);
  const scalars = GGUF_TYPES.filter((kind) => kind in SCALARS) as (keyof typeof SCALARS)[];
  const value = (): Buffer => {
    const kind = pick(scalars);
    const few = Array.from({ length: upTo(4) }, () => number(kind, upTo(100)));
    return pick([
      Buffer.concat([type(kind), number(kind, upTo(100))]),
      Buffer.concat([type('string'), text('x'.repeat(upTo(9)))]),
      list(kind, few.length, ...few),
      list('string', 2, text('a'), text('bé')),
      list('array', 1, list('uint8', 1, Buffer.of(1)).subarray(4)),
    ]);
  };
  const entries = Array.from({ length: upTo(4) }, (_, i) => entry(`k${i}`, value()));
  if (random() < 0.5) entries.push(entry('general.alignment', type('uint32'), u32(alignment)));
  else alignment = 32;
  let offset = 0;
  const tensors = Array.from({ length: upTo(4) }, (_, i) => {
    const made = pick([
      { dtype: 'float32', dims: [3, 2], bytes: 24 },
      { dtype: 'Q8_0', dims: [64], bytes: 68 },
      { dtype: 'Q4_K', dims: [256, 2], bytes: 288 },
      { dtype: 'float16', dims: [], bytes: 2 },
      { dtype: 'int8', dims: [0, 5], bytes: 0 },
    ]);
    const at = offset;
    offset += Math.ceil(made.bytes / 64) * 64;
    return tensor(`t${i}`, made.dims, made.dtype, at);
  });
  const bytes = ggufBytes({ tensors, entries, alignment, data: offset });
  for (let i = upTo(4); i > 0; i--) {
    const at = upTo(Math.max(1, bytes.length - 8));
    if (random() < 0.5) bytes[at] = upTo(256);
    else bytes.writeBigUInt64LE(BigInt(pick(NUMBERS)), at);
  }
  return random() < 0.1 ? bytes.subarray(0, upTo(bytes.length)) : bytes;
}

function parsed(bytes: Buffer, seed: number): GgufHeader | null {
  try {
    const header = parseGgufHeader(bytes, { path: 'fuzzed.gguf', size: bytes.length, limits });
    if (header === null) throw new Error('the whole file was given, and more is asked for');
    return header;
  } catch (error) {
    const { code, constructor } = error as { code: string; constructor: { name: string } };
    if (constructor.name === 'CheckpointError' && code in CHECKPOINT_FAULTS) return null;
    throw new Error(`file of seed ${seed} ended in another error`, { cause: error });
  }
}

/** Fails unless every tensor has the size of its shape and lies in the file, apart from all others. */
function checkClaims(header: GgufHeader, size: number, seed: number): void {
  const placed = [...header.tensors.values()].sort((a, b) => a.begin - b.begin || a.byteLength - b.byteLength);
  let end = 0;
  for (const { dtype, shape, begin, byteLength } of placed) {
    const { elements, bytes } = isBlockDType(dtype) ? blockOf(dtype) : { elements: 1, bytes: bitsOf(dtype) / 8 };
    const wanted = (shape.reduce((product, dim) => product * dim, 1) / elements) * bytes;
    if (wanted !== byteLength) throw new Error(`seed ${seed}: a tensor has another size than its shape`);
    if (begin + byteLength > size) throw new Error(`seed ${seed}: a tensor leaves the file`);
    if (byteLength > 0 && begin < end) throw new Error(`seed ${seed}: tensors share bytes`);
    end = Math.max(end, begin + byteLength);
  }
  for (const { type: kind, value } of header.metadata.values()) if (kind === 'array') value.items();
}

it('GGUF files that are almost right are read with every claim true, or refused with a code', () => {
  const before = process.memoryUsage().rss;
  let accepted = 0;
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const bytes = mutant(seed);
    const header = parsed(bytes, seed);
    if (header === null) continue;
    accepted++;
    checkClaims(header, bytes.length, seed);
  }
  expect(accepted).toBeGreaterThan(RUNS / 10);
  expect(accepted).toBeLessThan(RUNS * 0.8);
  expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
});
