import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Delays } from '../delays';
import { type Engine, largestDifference, timingsOf } from '../engine';
import { type Sample, samplesOf, type Timing } from '../sampling';
import { encoderBytes, encoderFlops, randomIds, shapeOf } from '../shapes';
import { mixedTexts } from '../texts';

/** Texts to vectors, with every engine. */
export interface JobResult {
  model: string;
  rows: number;
  /** What the texts have, as our tokenizer counts them. */
  tokens: number;
  flops: number;
  bytes: number;
  /** By engine; of the whole job. */
  samples: Record<string, Sample>;
  /** The batch size that a peer was given. */
  batches: Record<string, string>;
  delays: Record<string, Delays>;
  /** While our model runs one batch of 256 rows of 128 tokens. */
  bigBatch: Delays | null;
  differences: Record<string, number>;
  failures: Record<string, string>;
}

export interface JobOptions {
  /** The model's folder. */
  folder: string;
  /** The same with an ONNX file, for peers that want one. */
  onnxFolder: string | null;
  rows: number;
  rounds: number;
  work: string;
}

/** How a peer is given the texts. */
interface Way {
  batch: number;
  sorted: boolean;
}

/** Of these, transformers.js gets the one that is fastest on a sample of the texts. */
const ways: Way[] = [
  { batch: 1, sorted: false },
  { batch: 8, sorted: true },
  { batch: 32, sorted: true },
  { batch: 32, sorted: false },
];
const SAMPLE_ROWS = 128;
const LARGEST_DIFFERENCE = 1e-4;

/** Runs the job with every engine, turn by turn, after their vectors were compared. */
export async function benchJob(
  ours: Engine,
  peers: { sentenceTransformers: Engine | null; transformersJs: Engine | null },
  options: JobOptions,
): Promise<JobResult> {
  const work = await mkdtemp(join(options.work, 'texts-'));
  try {
    return await runRounds(ours, peers, options, work);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function runRounds(
  ours: Engine,
  { sentenceTransformers, transformersJs }: Parameters<typeof benchJob>[1],
  { folder, onnxFolder, rows, rounds }: JobOptions,
  work: string,
): Promise<JobResult> {
  const { texts, lengths } = mixedTexts(rows, await vocabularyOf(folder));
  const shape = await shapeOf(folder);
  const input = join(work, 'texts.jsonl');
  await writeFile(input, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  const [all, few] = [join(work, 'all.json'), join(work, 'few.json')];
  await writeFile(all, JSON.stringify(texts));
  await writeFile(few, JSON.stringify(texts.slice(0, SAMPLE_ROWS)));

  const result: JobResult = {
    model: basename(folder),
    rows,
    tokens: 0,
    flops: encoderFlops(shape, lengths),
    bytes: encoderBytes(shape),
    samples: {},
    batches: {},
    delays: {},
    bigBatch: null,
    differences: {},
    failures: {},
  };
  const timings: Record<string, Timing[]> = {};
  const turns: (() => Promise<void>)[] = [];
  // The event loops are watched in turns of their own: the watch wakes up every millisecond, which costs time.
  const watches: (() => Promise<void>)[] = [];

  const job = { op: 'job', input, folder, work };
  turns.push(async () => {
    const reply = await ours.ask(job);
    (timings[ours.name] ??= []).push(...timingsOf(reply));
    result.tokens = reply['tokens'] as number;
  });
  watches.push(async () => {
    const watch = async () => (await ours.ask({ ...job, watch: true }))['delays'] as Delays;
    result.delays[ours.name] = await medianOf(rounds, watch);
  });
  const expected = await ours.output({ op: 'embed', texts: few, folder });

  const add = async (peer: Engine, model: string, chooseWay: () => Promise<Way>) => {
    try {
      await peer.ask({ op: 'load', folder: model });
      const way = await chooseWay();
      const difference = largestDifference(expected, await peer.output({ op: 'embed', texts: few, ...way }));
      result.differences[peer.name] = difference;
      if (difference > LARGEST_DIFFERENCE) throw new Error(`its vectors differ from ours by ${difference}`);
      result.batches[peer.name] = `${way.batch}${way.sorted ? ', sorted by length' : ''}`;
      turns.push(async () => {
        const reply = await peer.ask({ op: 'embed', texts: all, ...way, repeats: 1 });
        (timings[peer.name] ??= []).push(...timingsOf(reply));
      });
      if (peer !== transformersJs) return;
      watches.push(async () => {
        const reply = await peer.ask({ op: 'embed', texts: all, ...way, repeats: 1, watch: true });
        result.delays[peer.name] = reply['delays'] as Delays;
      });
    } catch (error) {
      result.failures[peer.name] = (error as Error).message;
    }
  };
  if (sentenceTransformers) await add(sentenceTransformers, folder, async () => ({ batch: 32, sorted: false }));
  if (transformersJs && onnxFolder) await add(transformersJs, onnxFolder, () => fastestWay(transformersJs, few));

  for (let round = 0; round < rounds; round++) for (const turn of turns) await turn();
  for (const watch of watches) await watch();
  await ours.ask({ op: 'load', folder });
  const big = { op: 'forward', ids: randomIds(shape, 256, 128), watch: true };
  result.bigBatch = await medianOf(rounds, async () => (await ours.ask(big))['delays'] as Delays);
  result.samples = samplesOf(timings);
  return result;
}

async function fastestWay(engine: Engine, texts: string): Promise<Way> {
  let best = { way: ways[0] as Way, ms: Number.POSITIVE_INFINITY };
  for (const way of ways) {
    const [timing] = await engine.time({ op: 'embed', texts, ...way }, 1);
    const { ms } = timing as Timing;
    if (ms < best.ms) best = { way, ms };
  }
  return best.way;
}

/** The median share of several watches, and the longest delay of all. */
async function medianOf(count: number, watch: () => Promise<Delays>): Promise<Delays> {
  const all: Delays[] = [];
  for (let i = 0; i < count; i++) all.push(await watch());
  all.sort((a, b) => a.share - b.share);
  return { ...(all[count >> 1] as Delays), max: Math.max(...all.map(({ max }) => max)) };
}

async function vocabularyOf(folder: string): Promise<string[]> {
  const json = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number> | [string, number][] };
  };
  const { vocab } = json.model;
  return Array.isArray(vocab) ? vocab.map(([word]) => word) : Object.keys(vocab);
}
