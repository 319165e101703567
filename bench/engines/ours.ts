/** native-transformers itself, behind the same protocol as its peers. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AutoModel, type ModelOutput, nativeInfo, type PreTrainedModel, type Tensor } from '../../lib';
import { addon } from '../../lib/binding/addon';
import { runJob } from '../../lib/jobs/job';
import { loadEmbedModel, nativeFormatRows } from '../../lib/jobs/models';
import type { Progress } from '../../lib/jobs/progress';
import type { Delays } from '../delays';
import { type Request, serve, timed, waited, watched } from './serve';

let model: PreTrainedModel | null = null;

serve({
  version: () => ({ version: require('../../../package.json').version }),
  async load({ folder, dtype }) {
    const begin = performance.now();
    await model?.dispose();
    model = (await AutoModel.from_pretrained(String(folder), { dtype: (dtype as string) ?? null })) as PreTrainedModel;
    return { ms: performance.now() - begin };
  },
  forward: (request) => watched(request, () => timed(request, () => forward(request))),
  embed: (request) => timed(request, () => embed(request)),
  job: (request) => job(request),
  profile: () => ({ ops: profile() }),
});

async function forward({ ids }: Request): Promise<Float32Array> {
  const output = (await model!({ input_ids: ids as number[][] })) as ModelOutput;
  return (output['last_hidden_state'] as Tensor).data as Float32Array;
}

/** Vectors of a list of texts, in one batch. */
async function embed({ texts, folder }: Request): Promise<Float32Array> {
  const embedder = await loadEmbedModel({ model: String(folder) });
  try {
    const rows = await embedder.tokenize(JSON.parse(await readFile(String(texts), 'utf8')) as string[], {});
    return await embedder.run(rows, {});
  } finally {
    await embedder.dispose?.();
  }
}

/** Texts of a file to vectors in a folder, as `native-transformers embed` does it: first row read to last receipt. */
async function job(request: Request): Promise<Record<string, unknown>> {
  const { input, folder, work, format } = request;
  const embedder = await loadEmbedModel({ model: String(folder) });
  const output = await mkdtemp(join(String(work), 'job-'));
  let progress: (() => Progress) | null = null;
  let seconds = 0;
  let rows = 0;
  let tokens = 0;
  const waitedBefore = waited();
  try {
    const { delays } = await watched<{ delays?: Delays }>(request, async () => {
      await runJob({
        model: embedder,
        inputs: [String(input)],
        output,
        format: format === 'npy' ? 'npy' : 'jsonl',
        formatRows: nativeFormatRows,
        onEvent(event) {
          if (event.type === 'start') progress = event.progress;
          if (event.type !== 'committed') return;
          ({ seconds, tokens } = progress!());
          rows += event.receipt.rows;
        },
      });
      return {};
    });
    return { times: [seconds * 1000], waits: [waited() - waitedBefore], rows, tokens, delays };
  } finally {
    await embedder.dispose?.();
    await rm(output, { recursive: true, force: true });
  }
}

/** Milliseconds and calls of each op since the process began. */
function profile(): { op: string; ms: number; calls: number }[] {
  const counts = addon().profile();
  return nativeInfo()
    .ops.map((op, i) => ({ op, ms: (counts[2 * i] as number) / 1e6, calls: counts[2 * i + 1] as number }))
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => b.ms - a.ms);
}
