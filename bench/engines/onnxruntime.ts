/** onnxruntime-node behind the bench's protocol. Arguments: the folder with node_modules, the number of threads. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Request, serve, timed } from './serve';

interface OrtTensor {
  data: Float32Array;
}
interface OrtSession {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}
interface Ort {
  Tensor: new (type: string, data: unknown, dims: number[]) => OrtTensor;
  InferenceSession: { create(path: string, options: object): Promise<OrtSession> };
}

const [folder, threads] = process.argv.slice(2) as [string, string];
const load = createRequire(join(folder, 'package.json'));
const ort = load('onnxruntime-node') as Ort;
let session: OrtSession | null = null;

serve({
  version: () => ({ version: load('onnxruntime-node/package.json').version }),
  async load({ onnx }) {
    const begin = performance.now();
    await session?.release();
    session = await ort.InferenceSession.create(String(onnx), {
      graphOptimizationLevel: 'all',
      intraOpNumThreads: Number(threads),
    });
    return { ms: performance.now() - begin };
  },
  forward: (request) => timed(request, () => forward(request)),
});

async function forward({ ids }: Request): Promise<Float32Array> {
  const rows = ids as number[][];
  const dims = [rows.length, rows[0]!.length];
  const input = BigInt64Array.from(rows.flat(), BigInt);
  const tensor = (data: BigInt64Array) => new ort.Tensor('int64', data, dims);
  const { last_hidden_state } = await session!.run({
    input_ids: tensor(input),
    attention_mask: tensor(new BigInt64Array(input.length).fill(1n)),
    token_type_ids: tensor(new BigInt64Array(input.length)),
  });
  return last_hidden_state!.data;
}
