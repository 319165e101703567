import { throwIfAborted, ValueError } from '../errors';
import { type PoolingMode, poolingModes } from '../tensor/ops/pool';
import { Tensor } from '../tensor/tensor';
import { batchesOf } from './batches';
import { encoderOf } from './encoder';
import { checkOptions, Pipeline, type PipelineParts, textsOf } from './pipeline';
import { readSentenceModules, type SentenceModules } from './sentence-transformers';
import { recipeOf, TextEmbedder } from './text-embedder';

/** Options of a call. */
export interface FeatureExtractionOptions {
  /**
   * How token vectors become one: 'mean', 'cls', 'max', 'mean_sqrt_len', 'weightedmean', 'lasttoken', or 'none' for
   * all of them. What the folder's modules.json says when left out; 'none' without one.
   */
  pooling?: PoolingMode | 'none' | 'first_token' | 'last_token' | 'eos';
  /** Whether to scale vectors to length 1. */
  normalize?: boolean;
  /** Put before each text: its name in the folder's prompts, or the text itself. */
  prompt_name?: string;
  prompt?: string;
  signal?: AbortSignal;
}

const known = ['pooling', 'normalize', 'prompt_name', 'prompt', 'quantize', 'precision', 'signal'];

/** transformers.js's names. */
const aliases: Record<string, PoolingMode> = { first_token: 'cls', last_token: 'lasttoken', eos: 'lasttoken' };

/** Texts to vectors. */
export class FeatureExtractionPipeline extends Pipeline {
  declare private readonly modules: SentenceModules | null;

  constructor(parts: PipelineParts, modules: SentenceModules | null) {
    super(parts, { modules });
  }

  /** @internal */
  static async build(parts: PipelineParts): Promise<FeatureExtractionPipeline> {
    return new FeatureExtractionPipeline(parts, await readSentenceModules(parts.folder));
  }

  /**
   * The vectors of texts.
   * @returns [B, C] when pooled, else [B, T, C] with zeros at padding
   * @throws TypeError for unknown options, ValueError for unknown modes, AbortError
   */
  override async _call(input: string | string[], options: FeatureExtractionOptions = {}): Promise<Tensor> {
    checkOptions(this.task, options, known);
    throwIfAborted(options.signal);
    const { texts } = textsOf(this.task, input);
    if (texts.length === 0) throw new ValueError('feature-extraction got an empty list of texts');
    const prompted = texts.map((text) => this.promptOf(options) + text);
    const pooling = options.pooling ?? (this.modules ? undefined : 'none');
    if (pooling === 'none') return this.tokenVectors(prompted, options);
    const mode = pooling === undefined ? undefined : (aliases[pooling] ?? (pooling as PoolingMode));
    if (mode !== undefined && !poolingModes.includes(mode))
      throw new ValueError(
        `pooling is '${pooling}'; it must be 'none', ${poolingModes.map((m) => `'${m}'`).join(', ')}`,
      );
    return this.pooled(prompted, mode, options);
  }

  private promptOf(options: FeatureExtractionOptions): string {
    if (options.prompt !== undefined) return options.prompt;
    const name = options.prompt_name ?? this.modules?.default_prompt_name;
    if (name === undefined || name === null) return '';
    const prompt = this.modules?.prompts[name];
    if (prompt === undefined)
      throw new ValueError(
        `prompt_name '${name}' is none of this model's prompts: ${Object.keys(this.modules?.prompts ?? {}).join(', ') || 'it has none'}`,
      );
    return prompt;
  }

  private async tokenVectors(texts: string[], options: FeatureExtractionOptions): Promise<Tensor> {
    const { max_length } = recipeOf(this.modules, this.tokenizer);
    const signal = options.signal ? { signal: options.signal } : {};
    const inputs = await this.tokenizer(texts, { padding: true, truncation: true, max_length, ...signal });
    const encoder = encoderOf(this.model);
    return this.model.compute({ ...inputs, ...signal }, (named) => {
      const { x, layout } = encoder.encode(named);
      return layout.unpack(x);
    });
  }

  private async pooled(
    texts: string[],
    mode: PoolingMode | undefined,
    options: FeatureExtractionOptions,
  ): Promise<Tensor> {
    const asked = {
      ...(mode !== undefined && { pooling: mode }),
      ...(mode !== undefined || options.normalize !== undefined ? { normalize: options.normalize ?? false } : {}),
    };
    const embedder = new TextEmbedder(this.model, this.tokenizer, recipeOf(this.modules, this.tokenizer, asked));
    const signal = options.signal ? { signal: options.signal } : {};
    try {
      const rows = await embedder.tokenize(texts, signal);
      const batches = batchesOf(rows.map((row) => row.length));
      const vectors = await Promise.all(
        batches.map((batch) =>
          embedder.embed(
            batch.map((i) => rows[i] as ArrayLike<number>),
            signal,
          ),
        ),
      );
      return inOrder(vectors, batches, texts.length);
    } finally {
      embedder.dispose();
    }
  }
}

/** The rows of all batches as one tensor, in the order of the texts. */
function inOrder(vectors: Tensor[], batches: number[][], rows: number): Tensor {
  const width = vectors[0]?.dims[1] as number;
  const all = new Float32Array(rows * width);
  vectors.forEach((tensor, k) => {
    const data = tensor.data as Float32Array;
    (batches[k] as number[]).forEach((row, i) => {
      all.set(data.subarray(i * width, (i + 1) * width), row * width);
    });
    tensor.dispose();
  });
  return new Tensor('float32', all, [rows, width]);
}
