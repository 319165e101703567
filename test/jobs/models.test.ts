import { join } from 'node:path';
import { type EmbedSettings, loadClassifyModel, loadEmbedModel } from '../../lib/jobs/models';
import { setLogHook } from '../../lib/logging';
import { pipeline } from '../../lib/pipelines';
import { kGoldens, readGolden } from '../pipelines/golden-pipelines';

let log: ReturnType<typeof setLogHook>;
beforeAll(() => {
  log = setLogHook(() => {});
});
afterAll(() => {
  setLogHook(log);
});

describe('the model of an embed job', () => {
  const goldens =
    readGolden<{ checkpoint: string; texts: string[]; options: Partial<EmbedSettings>; vectors: number[][] }[]>(
      'vectors.json',
    );
  for (const { checkpoint, texts, options, vectors } of goldens)
    it(`gives the vectors of sentence-transformers: ${checkpoint} ${JSON.stringify(options)}`, async () => {
      const model = await loadEmbedModel({ model: join(kGoldens, checkpoint), ...options });
      try {
        const rows = await model.tokenize(texts, {});
        const found = Array.from(await model.run(rows, {}));
        const wanted = vectors.flat();
        expect(found).toHaveLength(wanted.length);
        expect(found.reduce((most, x, i) => Math.max(most, Math.abs(x - (wanted[i] as number))), 0)).toBeLessThan(1e-5);
      } finally {
        await model.dispose?.();
      }
    });
});

describe('what an embed job refuses', () => {
  const load = (settings: Partial<EmbedSettings>) =>
    loadEmbedModel({ model: join(kGoldens, 'sentence-flags'), ...settings });

  it('a prompt and the name of one together, and a name that there is not', async () => {
    await expect(load({ prompt: 'x', prompt_name: 'y' })).rejects.toMatchObject({ code: 'ERR_OPTION_VALUE' });
    await expect(load({ prompt_name: 'toString' })).rejects.toMatchObject({ code: 'ERR_OPTION_VALUE' });
  });
});

describe('the model of a classify job', () => {
  it('gives the labels and scores of the pipeline', async () => {
    for (const name of ['judge', 'distilbert']) {
      const folder = join(kGoldens, name);
      const texts = ['My neighbour remembers the old engineer.', 'unbelievable!'];
      await using pipe = await pipeline('text-classification', folder);
      const model = await loadClassifyModel({ model: folder });
      try {
        const { labels, scores } = await model.run(await model.tokenize(texts, {}), {});
        (await pipe(texts)).forEach(({ label, score }, i) => {
          expect(model.labels[labels[i] as number]).toBe(label);
          expect(scores[i]).toBeCloseTo(score, 5);
        });
      } finally {
        await model.dispose?.();
      }
    }
  });
});
