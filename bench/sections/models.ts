import { type Engine, largestDifference } from '../engine';
import { interleave, type RoundOptions, type Sample, type Timed } from '../sampling';
import { type EncoderShape, encoderBytes, encoderFlops, randomIds } from '../shapes';

/** One model at one batch shape, with every engine. */
export interface ModelResult {
  model: string;
  batch: number;
  length: number;
  flops: number;
  bytes: number;
  /** By engine; each of one forward. */
  samples: Record<string, Sample>;
  /** Largest difference of a peer's output from ours. */
  differences: Record<string, number>;
  /** What a peer failed with. */
  failures: Record<string, string>;
}

export interface ModelCase {
  shape: EncoderShape;
  folder: string;
  onnx: string | null;
  batches: readonly (readonly [number, number])[];
}

/** A peer whose output is further from ours than this computes something else. */
const LARGEST_DIFFERENCE = 1e-4;

/** Loads the model into every engine, sees that they agree, and times them turn by turn. */
export async function benchModel(
  { shape, folder, onnx, batches }: ModelCase,
  ours: Engine,
  peers: readonly Engine[],
  rounds: RoundOptions,
): Promise<ModelResult[]> {
  await ours.ask({ op: 'load', folder });
  const failures: Record<string, string> = {};
  const able: Engine[] = [];
  for (const peer of peers) {
    try {
      await peer.ask({ op: 'load', folder, onnx });
      able.push(peer);
    } catch (error) {
      failures[peer.name] = (error as Error).message;
    }
  }
  const results: ModelResult[] = [];
  for (const [batch, length] of batches) {
    const request = { op: 'forward', ids: randomIds(shape, batch, length) };
    const { differences, wrong, agreeing } = await compare(ours, able, request);
    const timed: Record<string, Timed> = {};
    for (const engine of [ours, ...agreeing]) timed[engine.name] = { run: (repeats) => engine.time(request, repeats) };
    const samples = await interleave(timed, rounds);
    const lengths = new Array<number>(batch).fill(length);
    results.push({
      model: shape.name,
      batch,
      length,
      flops: encoderFlops(shape, lengths),
      bytes: encoderBytes(shape),
      samples,
      differences,
      failures: { ...failures, ...wrong },
    });
  }
  return results;
}

async function compare(ours: Engine, peers: readonly Engine[], request: Record<string, unknown>) {
  const expected = await ours.output(request);
  const differences: Record<string, number> = {};
  const wrong: Record<string, string> = {};
  const agreeing: Engine[] = [];
  for (const peer of peers) {
    const difference = largestDifference(expected, await peer.output(request));
    differences[peer.name] = difference;
    if (difference <= LARGEST_DIFFERENCE) agreeing.push(peer);
    else wrong[peer.name] = `its output differs from ours by ${difference}`;
  }
  return { differences, wrong, agreeing };
}
