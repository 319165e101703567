import { ValueError } from '../errors';
import type { PreTrainedTokenizer } from '../preprocess';
import type { PreTrainedModel } from '../pretrained/pretrained-model';
import { cat } from '../tensor/ops/layout';
import { normalize } from '../tensor/ops/norm';
import { type PoolingMode, pool } from '../tensor/ops/pool';
import type { Tensor } from '../tensor/tensor';
import { encoderOf, padRows, StreamPool } from './encoder';
import type { SentenceModules } from './sentence-transformers';

/** One tokenised text: its ids, special tokens included. */
export type TokenRow = ArrayLike<number>;

/** How texts become vectors. */
export interface EmbeddingRecipe {
  pooling: PoolingMode[];
  /** Layers behind pooling, [B, C] → [B, C']. */
  layers: ((x: Tensor) => Tensor)[];
  /** Tokens at which texts are cut. */
  max_length: number;
  do_lower_case: boolean;
}

/** The recipe that a folder's modules give, or that the caller asks for in their place. */
export function recipeOf(
  modules: SentenceModules | null,
  tokenizer: PreTrainedTokenizer,
  asked: { pooling?: PoolingMode; normalize?: boolean } = {},
): EmbeddingRecipe {
  const longest = Math.min(modules?.max_seq_length ?? Infinity, tokenizer.model_max_length);
  const max_length = Number.isFinite(longest) && longest < 1e9 ? longest : 512;
  const do_lower_case = modules?.do_lower_case ?? false;
  if (asked.pooling === undefined && asked.normalize === undefined && modules)
    return { pooling: modules.pooling, layers: modules.layers, max_length, do_lower_case };
  return {
    pooling: asked.pooling ? [asked.pooling] : (modules?.pooling ?? ['mean']),
    layers: asked.normalize ? [(x) => normalize(x)] : [],
    max_length,
    do_lower_case,
  };
}

/** Texts in, vectors out: tokens of a batch as one sequence, several batches at once. */
export class TextEmbedder {
  private readonly streams = new StreamPool();
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
    return this.streams.size;
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
    return encoding.input_ids as unknown as number[][];
  }

  /**
   * The vectors of token rows, computed as one batch.
   * @returns [B, C] float32
   */
  async embed(rows: readonly TokenRow[], options: { signal?: AbortSignal } = {}): Promise<Tensor> {
    if (rows.length === 0) throw new ValueError('there are no rows to embed');
    const inputs = { ...padRows(rows, this.tokenizer.pad_token_id ?? 0), ...options };
    return this.streams.use((stream) =>
      stream.run(() =>
        this.model.compute(inputs, (named) => {
          const { x, layout } = this.encoder.encode(named);
          const pooled = this.recipe.pooling.map((mode) => pool(x, layout.cu_seqlens, mode)); // [B, C] each
          return this.recipe.layers.reduce(
            (y, layer) => layer(y),
            pooled.length > 1 ? cat(pooled, 1) : (pooled[0] as Tensor),
          );
        }),
      ),
    );
  }

  dispose(): void {
    this.streams.dispose();
  }
}
