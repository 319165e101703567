/** @huggingface/transformers behind the bench's protocol. Arguments: the folder with node_modules, the threads. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { type Request, serve, timed, watched } from './serve';

type Extractor = (texts: string[], options: object) => Promise<{ data: Float32Array; dims: number[] }>;
interface TransformersJs {
  env: Record<string, unknown>;
  pipeline(task: string, model: string, options: object): Promise<Extractor>;
}

const [folder, threads] = process.argv.slice(2) as [string, string];
const load = createRequire(join(folder, 'package.json'));
const { env, pipeline } = load('@huggingface/transformers') as TransformersJs;
let extractor: Extractor | null = null;

serve({
  version: () => ({ version: env['version'] }),
  async load({ folder: model }) {
    const path = String(model);
    Object.assign(env, { allowRemoteModels: false, localModelPath: dirname(path) });
    const begin = performance.now();
    extractor = await pipeline('feature-extraction', basename(path), {
      dtype: 'fp32',
      session_options: { intraOpNumThreads: Number(threads) },
    });
    return { ms: performance.now() - begin };
  },
  async embed(request) {
    const texts = JSON.parse(await readFile(String(request['texts']), 'utf8')) as string[];
    return watched(request, () => timed(request, () => embed(texts, request)));
  },
});

/** Vectors in the order of the texts. */
async function embed(texts: string[], { batch, sorted }: Request): Promise<Float32Array> {
  const order = texts.map((_, i) => i);
  if (sorted) order.sort((a, b) => texts[a]!.length - texts[b]!.length);
  let all = new Float32Array(0);
  for (let at = 0; at < order.length; at += Number(batch)) {
    const rows = order.slice(at, at + Number(batch));
    const { data, dims } = await extractor!(
      rows.map((i) => texts[i]!),
      { pooling: 'mean', normalize: true },
    );
    const width = dims[1] as number;
    if (all.length === 0) all = new Float32Array(texts.length * width);
    for (const [i, row] of rows.entries()) all.set(data.subarray(i * width, (i + 1) * width), row * width);
  }
  return all;
}
