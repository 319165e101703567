import { ValueError } from '../errors';
import type { ModelInputs } from '../pretrained/pretrained-model';
import { type PoolingMode, poolingModes } from '../tensor/ops/pool';
import { quantize_embeddings } from '../tensor/ops/quantize';
import { Tensor } from '../tensor/tensor';
import { inBlocks } from './batch-runner';
import { encoderOf } from './encoder';
import { type CallOptions, checkChoice, Pipeline, type PipelineParts, textsOf } from './pipeline';
import { type PromptOptions, promptOf, saysPrompt } from './prompt';
import { readSentenceModules, type SentenceModules, unitLength } from './sentence-transformers';
import { type EmbeddingRecipe, recipeOf, TextEmbedder } from './text-embedder';

/** How token vectors become one; transformers.js's names beside sentence-transformers'. */
export type FeaturePooling = PoolingMode | 'none' | 'first_token' | 'last_token' | 'eos';

export interface FeatureExtractionOptions extends CallOptions, PromptOptions {
  /** What the folder's modules.json says when left out; without one 'none', all vectors. */
  pooling?: FeaturePooling | null;
  /** Whether to scale vectors to length 1. What modules.json says when `pooling` is left out too, else false. */
  normalize?: boolean | null;
  /** One bit for each element of a vector, packed into bytes: see `precision`. */
  quantize?: boolean | null;
  /** 'binary' (default) for int8, 'ubinary' for uint8. */
  precision?: 'binary' | 'ubinary' | null;
}

export interface FeatureExtractionPipeline {
  (text: string, options?: FeatureExtractionOptions): Promise<Tensor>;
  (texts: readonly string[], options?: FeatureExtractionOptions): Promise<Tensor>;
}

/** transformers.js's names. */
const aliases: Record<string, PoolingMode> = { first_token: 'cls', last_token: 'lasttoken', eos: 'lasttoken' };

const poolings: readonly FeaturePooling[] = ['none', ...poolingModes, 'first_token', 'last_token', 'eos'];

/** Texts to vectors. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: instances are functions, see Pipeline
export class FeatureExtractionPipeline extends Pipeline {
  static override readonly call_options = ['pooling', 'normalize', 'prompt_name', 'prompt', 'quantize', 'precision'];

  declare private readonly modules: SentenceModules | null;

  /** @param modules - what modules.json says, where there is one */
  constructor(parts: PipelineParts, modules: SentenceModules | null = null) {
    super(parts, { modules });
  }

  /** @internal */
  static async build(parts: PipelineParts): Promise<FeatureExtractionPipeline> {
    return new FeatureExtractionPipeline(parts, parts.folder ? await readSentenceModules(parts.folder) : null);
  }

  /**
   * The vectors of texts.
   * @returns [B, C] when pooled, else [B, T, C] with zeros at padding; [B, C / 8] int8 or uint8 when quantized
   * @throws TypeError for unknown options, ValueError for values that cannot be, AbortError
   */
  override async _call(input: string | readonly string[], options?: FeatureExtractionOptions): Promise<Tensor> {
    const settled = this.settle(options);
    const { texts } = textsOf(this.task, input);
    const asked = settled.pooling ?? (this.modules ? null : 'none');
    const pooling = asked === null ? null : checkChoice(this.task, 'pooling', asked, poolings);
    if (settled.precision && !settled.quantize)
      throw new ValueError(
        `precision is '${settled.precision}', but only vectors that are quantized have one; pass quantize: true`,
        {
          code: 'ERR_OPTION_VALUE',
        },
      );
    const precision = checkChoice(this.task, 'precision', settled.precision ?? 'binary', ['binary', 'ubinary']);
    const prompt = promptOf(this.modules, options && saysPrompt(options) ? options : settled);
    if (pooling !== 'none') {
      const recipe = this.recipe(
        pooling === null ? undefined : (aliases[pooling] ?? (pooling as PoolingMode)),
        settled,
      );
      return this.pooled(texts, prompt, recipe, settled.quantize ? precision : null, settled.signal);
    }
    if (settled.quantize)
      throw new ValueError("quantize needs one vector a text; pass pooling too, such as pooling: 'mean'");
    return this.tokenVectors(texts, prompt, settled.normalize ?? false, settled.signal);
  }

  override async dispose(): Promise<void> {
    this.modules?.dispose();
    await super.dispose();
  }

  private recipe(pooling: PoolingMode | undefined, { normalize }: FeatureExtractionOptions): EmbeddingRecipe {
    const isAsked = typeof normalize === 'boolean' || pooling !== undefined;
    return recipeOf(this.modules, this.tokenizer, {
      ...(pooling !== undefined && { pooling }),
      ...(isAsked && { normalize: normalize ?? false }),
    });
  }

  private async pooled(
    texts: readonly string[],
    prompt: string,
    recipe: EmbeddingRecipe,
    precision: 'binary' | 'ubinary' | null,
    signal: AbortSignal | undefined,
  ): Promise<Tensor> {
    const embedder = new TextEmbedder(this.model, this.tokenizer, recipe);
    const options = signal ? { signal } : {};
    const promptTokens = await embedder.promptTokens(prompt, options);
    const matrix = new Matrix(texts.length);
    const tokenize = (start: number, stop: number) =>
      embedder.tokenize(withPrompt(texts.slice(start, stop), prompt), options);
    await inBlocks(texts.length, tokenize, (ids, start) =>
      this.batches.run(
        ids.map((input_ids) => ({ input_ids })),
        (inputs) => {
          const vectors = embedder.vectors(inputs, promptTokens);
          return [precision ? quantize_embeddings(vectors, precision) : vectors];
        },
        ([vectors], batch) => matrix.setRows(vectors as Tensor, batch, start),
        signal,
      ),
    );
    return matrix.toTensor();
  }

  private async tokenVectors(
    texts: readonly string[],
    prompt: string,
    normalized: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Tensor> {
    const encoder = encoderOf(this.model);
    const embedder = new TextEmbedder(this.model, this.tokenizer, recipeOf(this.modules, this.tokenizer));
    const rows = await embedder.tokenize(withPrompt(texts, prompt), signal ? { signal } : {});
    const length = rows.reduce((most, row) => Math.max(most, row.length), 0);
    const matrix = new Matrix(rows.length * length);
    await this.batches.run(
      rows.map((input_ids) => ({ input_ids })),
      (inputs: ModelInputs) => {
        const { x, layout } = encoder.encode(inputs);
        return [layout.unpack(normalized ? unitLength(x) : x)];
      },
      ([vectors], batch) => {
        const [, width, C] = (vectors as Tensor).dims as [number, number, number];
        const data = (vectors as Tensor).data as Float32Array;
        batch.forEach((row, b) => {
          const tokens = data.subarray(b * width * C, (b * width + (rows[row]?.length ?? 0)) * C);
          matrix.set(tokens, row * length, C);
        });
      },
      signal,
    );
    return matrix.toTensor([rows.length, length]);
  }
}

function withPrompt(texts: readonly string[], prompt: string): string[] {
  return texts.map((text) => prompt + text);
}

type Elements = Float32Array | Int8Array | Uint8Array;

/** Rows that come in any order, of the width and type of those that come first. */
class Matrix {
  private elements: Elements | null = null;
  private width = 0;
  private type = 'float32';

  constructor(private readonly rows: number) {}

  /** Puts row i of `block` at `start + order[i]`. */
  setRows(block: Tensor, order: readonly number[], start: number): void {
    const width = block.dims[1] as number;
    const data = block.data as Elements;
    this.type = block.type;
    order.forEach((row, i) => {
      this.set(data.subarray(i * width, (i + 1) * width), start + row, width);
    });
  }

  /** Puts whole rows of `width` elements at row `at`. */
  set(values: Elements, at: number, width: number): void {
    this.width = width;
    this.elements ??= new (values.constructor as new (size: number) => Elements)(this.rows * width);
    this.elements.set(values, at * width);
  }

  /** @param dims - in place of the number of rows */
  toTensor(dims: readonly number[] = [this.rows]): Tensor {
    return new Tensor(this.type, this.elements ?? new Float32Array(0), [...dims, this.width]);
  }
}
