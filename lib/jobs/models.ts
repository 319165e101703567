import { AutoModel, AutoModelForSequenceClassification } from '../auto/auto-model';
import { formatRows } from '../binding/runtime';
import { resolveModelFolder } from '../env';
import { warn } from '../logging';
import { kBatchTokens } from '../pipelines/batches';
import { padRows, StreamPool } from '../pipelines/encoder';
import { promptOf } from '../pipelines/prompt';
import { scoreFunctionOf } from '../pipelines/scores';
import { readSentenceModules, transformerFolder } from '../pipelines/sentence-transformers';
import { recipeOf, TextEmbedder, type TokenRow } from '../pipelines/text-embedder';
import { AutoTokenizer, type PreTrainedTokenizer } from '../preprocess';
import { ModelOutput } from '../pretrained/model-output';
import { unary } from '../tensor/ops/elementwise';
import type { PoolingMode } from '../tensor/ops/pool';
import { softmax } from '../tensor/ops/softmax';
import { currentStream } from '../tensor/stream';
import type { Tensor } from '../tensor/tensor';
import type { CallOptions, Classified, ClassifyModel, EmbedModel, FormatRows } from './engine';
import { folderDigest } from './model-fingerprint';

/** Which model a job runs, and how. Absent fields leave it to the checkpoint. */
export interface EmbedSettings {
  /** Its folder. */
  model: string;
  dtype?: string;
  pooling?: string;
  normalize?: boolean;
  /** Text before every row, or the name of one of the checkpoint's prompts. */
  prompt?: string;
  prompt_name?: string;
}

/** Loads the model of an `embed` job. @throws what loading throws; ValueError for an unknown prompt name */
export async function loadEmbedModel(settings: EmbedSettings): Promise<EmbedModel<TokenRow>> {
  const { dtype, pooling, normalize } = settings;
  const folder = await resolveModelFolder(settings.model);
  const subfolder = await transformerFolder(folder);
  const [model, tokenizer, modules, digest] = await Promise.all([
    AutoModel.from_pretrained(folder, { dtype: dtype ?? null, subfolder }),
    AutoTokenizer.from_pretrained(folder, { subfolder }),
    readSentenceModules(folder),
    folderDigest(folder),
  ]);
  if (!modules && !pooling)
    warn(`'${folder}' has no modules.json: vectors are the mean of the tokens (--pooling changes it)`);
  const recipe = recipeOf(modules, tokenizer, {
    ...(pooling !== undefined && { pooling: pooling as PoolingMode }),
    ...(normalize !== undefined && { normalize }),
  });
  const embedder = new TextEmbedder(model, tokenizer, recipe);
  const prompt = promptOf(modules, settings);
  const promptTokens = await embedder.promptTokens(prompt);
  const [probe] = await embedder.tokenize(['']);
  const { dims } = await embedder.embed([probe as TokenRow]);
  return {
    task: 'embed',
    fingerprint: {
      model: digest,
      dtype: dtype ?? 'float32',
      pooling: recipe.pooling,
      normalize: normalize ?? null,
      prompt,
      max_length: recipe.max_length,
    },
    concurrency: embedder.concurrency,
    batchTokens: kBatchTokens,
    dim: dims[1] as number,
    tokenize: (texts, options) =>
      embedder.tokenize(prompt === '' ? texts : texts.map((text) => prompt + text), options),
    async run(rows, options) {
      using vectors = await embedder.embed(rows, { ...options, promptTokens });
      return vectors.data as Float32Array;
    },
    async dispose() {
      embedder.dispose();
      modules?.dispose();
      await model.dispose();
      tokenizer.dispose();
    },
  };
}

/** Which classifier a job runs. */
export interface ClassifySettings {
  model: string;
  dtype?: string;
}

/** Loads the model of a `classify` job. @throws what loading throws */
export async function loadClassifyModel({ model: name, dtype }: ClassifySettings): Promise<ClassifyModel<TokenRow>> {
  const folder = await resolveModelFolder(name);
  const [model, tokenizer, digest] = await Promise.all([
    AutoModelForSequenceClassification.from_pretrained(folder, { dtype: dtype ?? null }),
    AutoTokenizer.from_pretrained(folder),
    folderDigest(folder),
  ]);
  const { max_length } = recipeOf(null, tokenizer);
  const streams = new StreamPool();
  const { num_labels, id2label } = model.config;
  const toScores = {
    softmax: (logits: Tensor) => softmax(logits),
    sigmoid: (logits: Tensor) => unary('sigmoid', logits),
    none: (logits: Tensor) => logits,
  }[scoreFunctionOf(model.config)];
  return {
    task: 'classify',
    fingerprint: { model: digest, dtype: dtype ?? 'float32', max_length },
    concurrency: streams.size,
    batchTokens: kBatchTokens,
    labels: Array.from({ length: num_labels }, (_, i) =>
      String((id2label as Record<number, string>)[i] ?? `LABEL_${i}`),
    ),
    tokenize: (texts, options) => idsOf(tokenizer, texts, max_length, options),
    run: (rows, options) =>
      streams.use((stream) =>
        stream.run(async () => {
          const inputs = { ...padRows(rows, tokenizer.pad_token_id ?? 0), ...options };
          const { scores } = await model.compute(inputs, (named) => {
            const logits = model.forward(named)['logits'] as Tensor;
            return new ModelOutput({ scores: toScores(logits) });
          });
          return best(scores as Tensor);
        }),
      ),
    async dispose() {
      streams.dispose();
      await model.dispose();
      tokenizer.dispose();
    },
  };
}

async function idsOf(
  tokenizer: PreTrainedTokenizer,
  texts: readonly string[],
  max_length: number,
  { signal }: CallOptions,
): Promise<TokenRow[]> {
  const options = { truncation: true, max_length, return_tensor: false, ...(signal && { signal }) } as const;
  return (await tokenizer([...texts], options)).input_ids as unknown as number[][];
}

/** The best label of each row. @param scores - [B, num_labels] */
function best(scores: Tensor): Classified {
  const [rows, width] = scores.dims as [number, number];
  const values = scores.data as Float32Array;
  const result = { labels: new Int32Array(rows), scores: new Float32Array(rows) };
  for (let row = 0; row < rows; row++) {
    let at = row * width;
    for (let i = at + 1; i < (row + 1) * width; i++) if ((values[i] as number) > (values[at] as number)) at = i;
    result.labels[row] = at - row * width;
    result.scores[row] = values[at] as number;
  }
  return result;
}

/** Rows as text, made by the compute threads. */
export const nativeFormatRows: FormatRows = (vectors, _rows, dim, prefixes, prefixEnds, suffix) =>
  formatRows(currentStream().id, vectors, dim, prefixes, prefixEnds, suffix);
