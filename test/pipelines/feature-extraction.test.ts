import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoModel } from '../../lib/auto/auto-model';
import { type FeatureExtractionPipeline, pipeline } from '../../lib/pipelines';
import type { Tensor } from '../../lib/tensor/tensor';
import { kGoldens, readGolden } from './golden-pipelines';

const toy = join(__dirname, '../../demo/toy-embedder');
const mini = join(__dirname, '../../../shared/models/all-MiniLM-L6-v2');

/** Largest difference of the rows of `vectors` from `expected`. */
function difference(vectors: Tensor, expected: readonly number[][]): number {
  expect(vectors.dims).toEqual([expected.length, expected[0]?.length]);
  const flat = expected.flat();
  return flat.reduce((worst, x, i) => Math.max(worst, Math.abs(x - Number(vectors.data[i]))), 0);
}

function rowOf(tensor: Tensor, row: number): Float32Array {
  const width = tensor.size / (tensor.dims[0] as number);
  return (tensor.data as Float32Array).slice(row * width, (row + 1) * width);
}

function numbers(tensor: Tensor): number[] {
  return Array.from(tensor.data as Float32Array);
}

function bitsOf(tensor: Tensor, at: number): string {
  return Array.from((tensor.data as Float32Array).subarray(at, at + 8), (x) => (x > 0 ? '1' : '0')).join('');
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe('feature-extraction over a folder of sentence-transformers', () => {
  interface GoldenVectors {
    checkpoint: string;
    texts: string[];
    options: Record<string, string>;
    vectors: number[][];
  }
  for (const { checkpoint, texts, options, vectors } of readGolden<GoldenVectors[]>('vectors.json'))
    it(`gives the vectors of sentence-transformers 6.2.0: ${checkpoint} ${JSON.stringify(options)}`, async () => {
      await using pipe = await pipeline('feature-extraction', join(kGoldens, checkpoint));
      expect(difference(await pipe(texts, options), vectors)).toBeLessThan(1e-5);
      expect(difference(await pipe(texts[0] as string, options), vectors.slice(0, 1))).toBeLessThan(1e-5);
    });

  it('refuses a prompt and the name of one together, and takes either over what the pipeline was made with', async () => {
    const folder = join(kGoldens, 'sentence-flags');
    await using pipe = await pipeline('feature-extraction', folder);
    const both = { prompt: 'x: ', prompt_name: 'title' };
    await expect(pipe('a', both)).rejects.toMatchObject({
      code: 'ERR_OPTION_VALUE',
      message: expect.stringMatching(/prompt \('x: '\) and prompt_name \('title'\) are both given/),
    });
    const title = (await pipe('a', { prompt_name: 'title' })).tolist();
    expect(title).not.toEqual((await pipe('a')).tolist());
    await using texted = await pipeline('feature-extraction', folder, { prompt: 'x: ' });
    expect((await texted('a', { prompt_name: 'title' })).tolist()).toEqual(title);
    await using named = await pipeline('feature-extraction', folder, { prompt_name: 'title' });
    expect((await named('a')).tolist()).toEqual(title);
    expect((await named('a', { prompt: 'x: ' })).tolist()).toEqual((await texted('a')).tolist());
  });

  it('names the prompts that there are when one is asked for that is not', async () => {
    await using pipe = await pipeline('feature-extraction', join(kGoldens, 'sentence-flags'));
    await expect(pipe('a', { prompt_name: 'querry' })).rejects.toThrow(/querry.*query, title/);
  });

  it('refuses modules that it does not know, and paths that lead out of the folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'modules-'));
    try {
      await cp(toy, folder, { recursive: true });
      const modules = JSON.parse(await readFile(join(folder, 'modules.json'), 'utf8')) as {
        type: string;
        path: string;
      }[];
      const write = (last: object) => writeFile(join(folder, 'modules.json'), JSON.stringify([...modules, last]));
      await write({ type: 'sentence_transformers.models.CNN', path: '3_CNN' });
      await expect(pipeline('feature-extraction', folder)).rejects.toMatchObject({ code: 'ERR_NOT_SUPPORTED_YET' });
      await write({ type: 'sentence_transformers.models.Dense', path: '../elsewhere' });
      await expect(pipeline('feature-extraction', folder)).rejects.toMatchObject({ code: 'ERR_PATH' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('feature-extraction with the toy embedder', () => {
  const rows = (
    JSON.parse(readFileSync(join(__dirname, '../../demo/expected.json'), 'utf8')) as {
      rows: { text: string; input_ids: number[]; embedding: number[] }[];
    }
  ).rows;
  const texts = rows.map(({ text }) => text);
  let pipe: FeatureExtractionPipeline;
  beforeAll(async () => {
    pipe = await pipeline('feature-extraction', toy);
  });
  afterAll(() => pipe.dispose());

  it('gives the ids and vectors of sentence-transformers', async () => {
    const settings = readFileSync(join(toy, 'sentence_bert_config.json'), 'utf8');
    const { max_seq_length } = JSON.parse(settings) as { max_seq_length: number };
    const cut = { truncation: true, max_length: max_seq_length, return_tensor: false } as const;
    const { input_ids } = await pipe.tokenizer(texts, cut);
    expect(input_ids).toEqual(rows.map((row) => row.input_ids));
    const expected = rows.map((row) => row.embedding);
    expect(difference(await pipe(texts), expected)).toBeLessThan(1e-5);
  });

  it('takes pooling and normalize from the call when they are given, and else from the folder', async () => {
    const own = await pipe(texts);
    expect(numbers(own)).toEqual(numbers(await pipe(texts, { pooling: 'mean', normalize: true })));
    const raw = await pipe(texts, { pooling: 'mean' });
    const same = await pipe(texts, { normalize: false });
    expect(numbers(same)).toEqual(numbers(raw));
    const length = Math.hypot(...rowOf(raw, 0));
    expect(Math.abs(length - 1)).toBeGreaterThan(1e-3);
    expect(cosine(rowOf(raw, 3), rowOf(own, 3))).toBeCloseTo(1, 6);
  });

  it('gives [B, T, C] with zeros at padding when nothing is pooled', async () => {
    const batch = await pipe([texts[0] as string, 'cat'], { pooling: 'none' });
    const [one, two] = await Promise.all([
      pipe(texts[0] as string, { pooling: 'none' }),
      pipe('cat', { pooling: 'none' }),
    ]);
    expect(batch.dims).toEqual([2, one.dims[1], 64]);
    expect(two.dims[0]).toBe(1);
    expect(rowOf(batch, 0)).toEqual(one.data);
    expect(rowOf(batch, 1).subarray(0, two.size)).toEqual(two.data);
    expect(
      rowOf(batch, 1)
        .subarray(two.size)
        .every((x) => x === 0),
    ).toBe(true);
  });

  it('pools as it does by hand, under every name', async () => {
    const text = texts[1] as string;
    const all = (await pipe(text, { pooling: 'none' })).tolist() as number[][][];
    const tokens = all[0] as number[][];
    const column = (f: (values: number[]) => number) =>
      tokens[0]?.map((_, c) => f(tokens.map((token) => token[c] as number))) as number[];
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
    const weight = (tokens.length * (tokens.length + 1)) / 2;
    const byHand: Record<string, number[]> = {
      mean: column((x) => sum(x) / x.length),
      max: column((x) => Math.max(...x)),
      mean_sqrt_len_tokens: column((x) => sum(x) / Math.sqrt(x.length)),
      weightedmean: column((x) => sum(x.map((value, t) => value * (t + 1))) / weight),
      cls: tokens[0] as number[],
      first_token: tokens[0] as number[],
      lasttoken: tokens.at(-1) as number[],
      last_token: tokens.at(-1) as number[],
      eos: tokens.at(-1) as number[],
    };
    for (const [pooling, expected] of Object.entries(byHand))
      expect(difference(await pipe(text, { pooling: pooling as 'mean' }), [expected])).toBeLessThan(1e-5);
  });

  it('scales token vectors too when asked to normalize without pooling', async () => {
    const tokens = (
      await pipe(['a cat', 'three grey cats'], { pooling: 'none', normalize: true })
    ).tolist() as number[][][];
    for (const token of tokens[1] as number[][]) expect(Math.hypot(...token)).toBeCloseTo(1, 5);
    expect(Math.hypot(...((tokens[0] as number[][]).at(-1) as number[]))).toBe(0);
  });

  it('packs signs into bytes', async () => {
    const exact = await pipe(texts, { pooling: 'mean' });
    for (const [precision, type, offset] of [
      ['binary', 'int8', 128],
      ['ubinary', 'uint8', 0],
    ] as const) {
      const packed = await pipe(texts, { pooling: 'mean', quantize: true, precision });
      expect([packed.type, packed.dims]).toEqual([type, [texts.length, 8]]);
      numbers(packed).forEach((byte, i) => {
        const bits = bitsOf(exact, 8 * i);
        expect(Number(byte) + offset).toBe(Number.parseInt(bits, 2));
      });
    }
    expect((await pipe(texts, { quantize: true })).type).toBe('int8');
    await expect(pipe('a', { pooling: 'none', quantize: true })).rejects.toThrow(/pooling/);
  });

  it('gives each text of a long list what it gives it alone, bit for bit', async () => {
    const list = Array.from({ length: 2500 }, (_, i) => `${texts[i % texts.length]} ${'cat '.repeat(i % 17)}`);
    const batch = await pipe(list);
    expect(batch.dims).toEqual([2500, 64]);
    for (const i of [0, 7, 1023, 1024, 1500, 2047, 2048, 2499])
      expect(rowOf(batch, i)).toEqual((await pipe(list[i] as string)).data);
  });

  it('has what transformers.js has on it', () => {
    expect(typeof pipe).toBe('function');
    expect(pipe.task).toBe('feature-extraction');
    expect(pipe.model.config.model_type).toBe('bert');
    expect(pipe.tokenizer.model_max_length).toBeGreaterThan(0);
    expect(typeof pipe._call).toBe('function');
  });
});

describe('feature-extraction without modules.json', () => {
  it('gives the last hidden states, as transformers.js does', async () => {
    const folder = join(kGoldens, 'bert');
    await using pipe = await pipeline('feature-extraction', folder);
    const text = 'My neighbour remembers the engineer.';
    const out = await pipe(text);
    await using model = await AutoModel.from_pretrained(folder);
    const { last_hidden_state } = (await model(await pipe.tokenizer(text))) as unknown as Record<string, Tensor>;
    expect(out.dims).toEqual(last_hidden_state?.dims);
    expect(numbers(out)).toEqual(numbers(last_hidden_state as Tensor));
    expect((await pipe(text, { pooling: 'mean' })).dims).toEqual([1, 24]);
    await expect(pipe(text, { pooling: 'average' as 'mean' })).rejects.toThrow(/'average'/);
  });
});

if (!existsSync(mini)) {
  it('is not checked against all-MiniLM-L6-v2, since ../shared/models is not there', () => {
    process.stderr.write(`${mini} is not there; the vectors of all-MiniLM-L6-v2 are not checked\n`);
  });
} else {
  describe('feature-extraction with all-MiniLM-L6-v2', () => {
    const expected = JSON.parse(readFileSync(join(mini, 'expected.json'), 'utf8')) as {
      sentences: { text: string; input_ids: number[]; vector: number[] }[];
      pair: {
        input_ids: number[][];
        token_type_ids: number[][];
        attention_mask: number[][];
        last_hidden_state_first_8_channels: number[][][];
        hidden_state_3_first_8_channels: number[][][];
        pooler_output: number[][];
      };
    };
    let pipe: FeatureExtractionPipeline;
    beforeAll(async () => {
      pipe = await pipeline('feature-extraction', mini);
    });
    afterAll(() => pipe.dispose());

    it('gives the vectors of 30 hard sentences, together and one by one', async () => {
      const { sentences } = expected;
      const texts = sentences.map(({ text }) => text);
      const vectors = sentences.map(({ vector }) => vector);
      expect(difference(await pipe(texts), vectors)).toBeLessThan(1e-5);
      for (const { text, vector } of sentences) expect(difference(await pipe(text), [vector])).toBeLessThan(1e-5);
    });

    it('gives the hidden states of a padded batch of pairs', async () => {
      const { pair } = expected;
      const { input_ids, token_type_ids, attention_mask } = pair;
      const tensors = { input_ids, token_type_ids, attention_mask };
      const output = (await pipe.model({ ...tensors, output_hidden_states: true })) as unknown as {
        last_hidden_state: Tensor;
        hidden_states: Tensor[];
        pooler_output: Tensor;
      };
      const worst = (tensor: Tensor, reference: number[][][]): number => {
        const rows = tensor.tolist() as number[][][];
        let most = 0;
        reference.forEach((row, b) => {
          row.forEach((token, t) => {
            if (!attention_mask[b]?.[t]) return;
            token.forEach((x, c) => {
              most = Math.max(most, Math.abs(x - (rows[b]?.[t]?.[c] as number)));
            });
          });
        });
        return most;
      };
      expect(worst(output.last_hidden_state, pair.last_hidden_state_first_8_channels)).toBeLessThan(1e-5);
      expect(worst(output.hidden_states[3] as Tensor, pair.hidden_state_3_first_8_channels)).toBeLessThan(1e-5);
      expect(difference(output.pooler_output, pair.pooler_output)).toBeLessThan(1e-5);
    });
  });
}
