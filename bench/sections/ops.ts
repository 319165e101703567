import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recorded } from '../../lib/tensor/dispatch';
import { fence, loadTensor } from '../../lib/tensor/load';
import { scaled_dot_product_attention } from '../../lib/tensor/ops/attention';
import { mul, unary } from '../../lib/tensor/ops/elementwise';
import { linear } from '../../lib/tensor/ops/matmul';
import { layer_norm } from '../../lib/tensor/ops/norm';
import { scope } from '../../lib/tensor/scope';
import { Stream } from '../../lib/tensor/stream';
import { Tensor } from '../../lib/tensor/tensor';
import { waited } from '../engines/serve';
import { Random } from '../random';
import { type Sample, sampleOf, type Timing } from '../sampling';
import { tokenLengths } from '../texts';

/** One op at one shape. */
export interface OpResult {
  op: string;
  shape: string;
  threads: number;
  /** Of one call. */
  sample: Sample;
  /** Operations; a multiply-add is two. */
  flops: number;
  /** Bytes that have to be read and written. */
  bytes: number;
}

interface OpCase {
  op: string;
  shape: string;
  flops: number;
  bytes: number;
  /** Records the i-th call. */
  record(i: number): void;
}

const BATCH_MS = 25;
/** Weights rotate over this many bytes where a call is too small to be bound by anything but reading them. */
const ROTATED_BYTES = 96 << 20;

/** Times every op with one thread and with all of them. */
export async function benchOps(threads: number, samples: number, onResult: (r: OpResult) => void): Promise<OpResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'native-transformers-ops-'));
  const results: OpResult[] = [];
  try {
    const counts = threads > 1 ? [1, threads] : [1];
    const streams = counts.map((n) => new Stream(n === 1 ? { threads: 1 } : {}));
    for await (const each of cases(folder)) {
      for (const [i, stream] of streams.entries()) {
        const sample = await time(stream, each, samples);
        const { op, shape, flops, bytes } = each;
        const result = { op, shape, threads: counts[i] as number, sample, flops, bytes };
        results.push(result);
        onResult(result);
      }
    }
    for (const stream of streams) stream.dispose();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return results;
}

async function time(stream: Stream, { record }: OpCase, samples: number): Promise<Sample> {
  let calls = 0;
  const batch = async (count: number) => {
    const waitedBefore = waited();
    const begin = performance.now();
    stream.run(() => recorded(() => scope(() => void repeat(count, () => record(calls++)))));
    await stream.synchronize();
    const ms = (performance.now() - begin) / count;
    return { ms, waited: Math.max(0, waited() - waitedBefore) / count };
  };
  await batch(2);
  const count = Math.max(1, Math.min(2000, Math.ceil(BATCH_MS / (await batch(4)).ms)));
  const timings: Timing[] = [];
  for (let i = 0; i < samples; i++) timings.push(await batch(count));
  return sampleOf(timings);
}

async function* cases(folder: string): AsyncGenerator<OpCase> {
  const random = new Random(9);
  for (const [K, N] of [
    [768, 768],
    [768, 3072],
    [3072, 768],
    [384, 384],
    [384, 1536],
    [1536, 384],
  ] as const)
    for (const type of ['float32', 'bfloat16'] as const)
      for (const M of [1024, 256, 16, 1]) yield* linearCase(folder, random, type, M, K, N);
  for (const [B, T, H, D] of [
    [8, 128, 12, 64],
    [8, 512, 12, 64],
    [1, 128, 12, 64],
    [8, 128, 12, 32],
  ] as const)
    yield attentionCase(random, `${B}×${T}, ${H} heads of ${D}`, new Array<number>(B).fill(T), H, D);
  const mixed = tokenLengths(64, random);
  for (const D of [64, 32]) yield attentionCase(random, `64 rows of mean 53, 12 heads of ${D}`, mixed, 12, D);
  for (const rows of [1024, 32768]) yield* rowwise(random, rows, 768);
}

async function* linearCase(
  folder: string,
  random: Random,
  type: 'float32' | 'bfloat16',
  M: number,
  K: number,
  N: number,
): AsyncGenerator<OpCase> {
  const weightBytes = N * K * (type === 'float32' ? 4 : 2);
  const copies = M <= 16 ? Math.ceil(ROTATED_BYTES / weightBytes) : 1;
  const weights = await loadWeights(folder, random, copies, N, K, type);
  const x = randomTensor(random, [M, K]);
  const bias = randomTensor(random, [N]);
  const activation = N > K ? { activation: 'gelu' } : {};
  yield {
    op: 'linear',
    shape: `${M} · ${K}→${N}${N > K ? ' gelu' : ''} ${type}`,
    flops: 2 * M * K * N,
    bytes: weightBytes + 4 * M * (K + N),
    record: (i) => linear(x, weights[i % copies] as Tensor, bias, activation),
  };
  for (const tensor of [...weights, x, bias]) tensor.dispose();
}

/** Weights as a model holds them: read from a file, cast, packed. */
async function loadWeights(
  folder: string,
  random: Random,
  copies: number,
  N: number,
  K: number,
  type: 'float32' | 'bfloat16',
): Promise<Tensor[]> {
  const path = join(folder, 'weight');
  const file = await open(path, 'w+');
  try {
    const values = random.floats(N * K, 0.05);
    await file.write(new Uint8Array(values.buffer), 0, values.byteLength, 0);
    const bytes = { file: file.fd, offset: 0, type: 'float32', dims: [N, K] } as const;
    const weights = Array.from({ length: copies }, () => loadTensor(bytes, type, 'rows'));
    await fence();
    return weights;
  } finally {
    await file.close();
  }
}

function attentionCase(random: Random, shape: string, lengths: number[], H: number, D: number): OpCase {
  const starts = [0];
  for (const T of lengths) starts.push((starts.at(-1) as number) + T);
  const N = starts.at(-1) as number;
  const [q, k, v] = [0, 1, 2].map(() => randomTensor(random, [N, H * D])) as Triple;
  const cu_seqlens = new Tensor('int32', starts, [starts.length]);
  const options = { cu_seqlens, length: Math.max(...lengths), heads: H };
  return {
    op: 'attention',
    shape,
    flops: lengths.reduce((sum, T) => sum + 4 * T * T * H * D, 0),
    bytes: 16 * N * H * D,
    record: () => scaled_dot_product_attention(q, k, v, options),
  };
}

type Triple = [Tensor, Tensor, Tensor];

function* rowwise(random: Random, rows: number, C: number): Generator<OpCase> {
  const x = randomTensor(random, [rows, C]);
  const weight = randomTensor(random, [C]);
  const bias = randomTensor(random, [C]);
  const shape = `${rows}×${C}`;
  const bytes = 8 * rows * C;
  yield { op: 'layer_norm', shape, flops: 0, bytes, record: () => layer_norm(x, [C], { weight, bias }) };
  yield { op: 'gelu', shape, flops: 0, bytes, record: () => unary('gelu', x) };
}

/** Random floats in native memory, so that no call uploads them. */
function randomTensor(random: Random, dims: number[]): Tensor {
  const size = dims.reduce((n, d) => n * d, 1);
  return mul(new Tensor('float32', random.floats(size), dims), 1);
}

function repeat(count: number, f: () => void): void {
  for (let i = 0; i < count; i++) f();
}
