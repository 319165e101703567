import { nativeInfo } from '../binding/runtime';
import { ValueError } from '../errors';
import type { PreTrainedTokenizer } from '../preprocess';
import type { ModelInputs, PreTrainedModel } from '../pretrained/pretrained-model';
import type { PoolingMode } from '../tensor/ops/pool';
import type { Tensor } from '../tensor/tensor';
import { encoderOf, padRows, StreamPool } from './encoder';
import { poolTokens } from './pooling';
import { type SentenceModules, unitLength } from './sentence-transformers';

/** One tokenised text: its ids, special tokens included. */
export type TokenRow = ArrayLike<number>;

/** How texts become vectors. */
export interface EmbeddingRecipe {
  pooling: PoolingMode[];
  /** Whether the tokens of a prompt take part in pooling. */
  include_prompt: boolean;
  /** Layers behind pooling, [B, C] → [B, C']. */
  layers: ((x: Tensor) => Tensor)[];
  /** Tokens at which texts are cut. */
  max_length: number;
  do_lower_case: boolean;
}

/**
 * The recipe that a folder's modules give, or that the caller asks for in their place: with a pooling of its own none of
 * the folder's layers are used, with `normalize` alone all but its normalisation.
 */
export function recipeOf(
  modules: SentenceModules | null,
  tokenizer: PreTrainedTokenizer,
  asked: { pooling?: PoolingMode; normalize?: boolean } = {},
): EmbeddingRecipe {
  const longest = Math.min(modules?.max_seq_length ?? Infinity, tokenizer.model_max_length);
  return {
    pooling: asked.pooling ? [asked.pooling] : (modules?.pooling ?? ['mean']),
    include_prompt: modules?.include_prompt ?? true,
    layers: layersOf(modules, asked),
    max_length: longest < 1e9 ? longest : 512,
    do_lower_case: modules?.do_lower_case ?? false,
  };
}

function layersOf(
  modules: SentenceModules | null,
  { pooling, normalize }: { pooling?: PoolingMode; normalize?: boolean },
): ((x: Tensor) => Tensor)[] {
  const own = pooling === undefined && modules ? modules.layers : [];
  if (normalize === undefined) return own;
  return [...own.filter((layer) => layer !== unitLength), ...(normalize ? [unitLength] : [])];
}

/** Texts in, vectors out: tokens of a batch as one sequence, several batches at once. */
export class TextEmbedder {
  private streams: StreamPool | null = null;
  private readonly encoder;

  constructor(
    readonly model: PreTrainedModel,
    readonly tokenizer: PreTrainedTokenizer,
    readonly recipe: EmbeddingRecipe,
  ) {
    this.encoder = encoderOf(model);
  }

  /** Batches that are worth having in flight at once. */
  get concurrency(): number {
    return nativeInfo().threads;
  }

  /** Token ids of each text, cut at the recipe's length. */
  async tokenize(texts: readonly string[], options: { signal?: AbortSignal } = {}): Promise<TokenRow[]> {
    const { max_length, do_lower_case } = this.recipe;
    const cased = do_lower_case ? texts.map((text) => text.toLowerCase()) : [...texts];
    const encoding = await this.tokenizer(cased, {
      truncation: true,
      max_length,
      return_tensor: false,
      return_attention_mask: false,
      ...(options.signal && { signal: options.signal }),
    });
    return encoding.input_ids as number[][];
  }

  /** Tokens at the start of each row that do not take part in pooling, when every text begins with `prompt`. */
  async promptTokens(prompt: string, options: { signal?: AbortSignal } = {}): Promise<number> {
    if (this.recipe.include_prompt || prompt === '') return 0;
    const [row] = (await this.tokenize([prompt], options)) as [TokenRow];
    const last = row[row.length - 1] as number;
    return this.tokenizer.all_special_ids.includes(last) ? row.length - 1 : row.length;
  }

  /**
   * The vectors of token rows, computed as one batch on a stream of their own.
   * @param options.promptTokens - what `promptTokens` gives
   * @returns [B, C] float32
   */
  async embed(
    rows: readonly TokenRow[],
    options: { promptTokens?: number; signal?: AbortSignal } = {},
  ): Promise<Tensor> {
    if (rows.length === 0) throw new ValueError('there are no rows to embed');
    const { promptTokens = 0, signal } = options;
    this.streams ??= new StreamPool();
    return this.streams.use((stream) =>
      stream.run(() =>
        this.model.compute({ ...padRows(rows, this.tokenizer.pad_token_id ?? 0), ...(signal && { signal }) }, (named) =>
          this.vectors(named, promptTokens),
        ),
      ),
    );
  }

  /** Records what gives the vectors of a model's inputs. @returns [B, C] */
  vectors(inputs: ModelInputs, promptTokens = 0): Tensor {
    const { x, layout } = this.encoder.encode(inputs);
    const pooled = poolTokens(x, layout, this.recipe.pooling, promptTokens);
    return this.recipe.layers.reduce((y, layer) => layer(y), pooled);
  }

  dispose(): void {
    this.streams?.dispose();
    this.streams = null;
  }
}
