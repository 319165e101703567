import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { type Pipeline, type PipelineType, pipeline } from '../../lib/pipelines';
import { expectClose, type GoldenCase, kGoldens, readGolden } from './golden-pipelines';

const kErrors: Record<string, object> = {
  ValueError: { name: 'ValueError' },
  PipelineException: { name: 'RuntimeError', code: 'ERR_NO_MASK' },
};

const loaded = new Map<string, Promise<Pipeline>>();
let log: ReturnType<typeof setLogHook>;
beforeAll(() => {
  log = setLogHook(() => {}); // heads that a checkpoint lacks, targets that are no tokens
});
afterAll(async () => {
  setLogHook(log);
  for (const pipe of loaded.values()) await (await pipe).dispose();
});

function load({ task, checkpoint, load: overrides = {} }: GoldenCase): Promise<Pipeline> {
  const key = JSON.stringify([task, checkpoint, overrides]);
  const known = loaded.get(key);
  if (known) return known;
  const pipe = pipeline(task as PipelineType, join(kGoldens, checkpoint), overrides) as Promise<Pipeline>;
  loaded.set(key, pipe);
  return pipe;
}

/** transformers.js gives the best label of each text of a list by itself, where Transformers gives lists of one. */
function nested({ task, args, options, answer }: GoldenCase): unknown {
  const flat = task === 'text-classification' && Array.isArray(args[0]) && options['top_k'] === 1;
  return flat ? (answer as unknown[]).flat() : answer;
}

for (const reference of ['4.35.2', '5.18.0']) {
  describe(`pipelines answer as those of Transformers ${reference}`, () => {
    readGolden<GoldenCase[]>(`cases-${reference}.json`).forEach((golden, i) => {
      const { task, checkpoint, args, options } = golden;
      const about = JSON.stringify([...args, options]).slice(0, 90);
      it(`${i}: ${task}, ${checkpoint}, ${about}`, async () => {
        const pipe = (await load(golden)) as unknown as (...args: unknown[]) => Promise<unknown>;
        const answer = pipe(...args, options);
        if (golden.error) await expect(answer).rejects.toMatchObject(kErrors[golden.error] as object);
        else expectClose(await answer, nested(golden));
      });
    });
  });
}
