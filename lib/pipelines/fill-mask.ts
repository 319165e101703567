import { RuntimeError, TypeError, unknownName, ValueError } from '../errors';
import { warn } from '../logging';
import type { TokenizerOptions } from '../preprocess';
import type { ModelInputs } from '../pretrained/pretrained-model';
import { index_select } from '../tensor/ops/embedding';
import { softmax } from '../tensor/ops/softmax';
import { topk } from '../tensor/ops/sort';
import { Tensor } from '../tensor/tensor';
import { inBlocks } from './batch-runner';
import { encoderOf, headOver } from './encoder';
import { type CallOptions, checkInteger, describe, Pipeline, textsOf } from './pipeline';
import { type InputRow, tokenizeRows } from './token-rows';

/** A token in the place of a mask. */
export interface FillMaskSingle {
  score: number;
  /** Its id. */
  token: number;
  token_str: string;
  /** The text with it. */
  sequence: string;
}

export type FillMaskOutput = FillMaskSingle[];

export interface FillMaskOptions extends CallOptions {
  /** Tokens for each mask, best first (default 5). */
  top_k?: number | null;
  /** Tokens to choose among; of a text that is no token the first token counts, with a warning. */
  targets?: string | readonly string[] | null;
  /** Options of the tokenizer call (default { truncation: true }). */
  tokenizer_kwargs?: Pick<
    TokenizerOptions,
    'truncation' | 'max_length' | 'add_special_tokens' | 'truncation_side'
  > | null;
}

const tokenizerOptions = ['truncation', 'max_length', 'add_special_tokens', 'truncation_side'];

/** Lists of texts give a list for each; a text with several masks gives a list for each mask. */
export interface FillMaskPipeline {
  (text: string, options?: FillMaskOptions): Promise<FillMaskOutput>;
  (texts: readonly string[], options?: FillMaskOptions): Promise<FillMaskOutput[]>;
}

/** The best tokens of one mask. */
interface Candidates {
  ids: number[];
  scores: number[];
}

/** Tokens for the masks in texts. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: instances are functions, see Pipeline
export class FillMaskPipeline extends Pipeline {
  static override readonly call_options = ['top_k', 'targets', 'tokenizer_kwargs'];

  /**
   * The best tokens for the masks of texts.
   * @returns a list for a text with one mask, a list of lists for several masks; for a list of texts a list of these
   * @throws RuntimeError `ERR_NO_MASK` for a text without a mask, TypeError, ValueError for options, AbortError
   */
  override async _call(
    input: string | readonly string[],
    options?: FillMaskOptions,
  ): Promise<FillMaskOutput | FillMaskOutput[] | (FillMaskOutput | FillMaskOutput[])[]> {
    const settled = this.settle(options);
    const { texts, single } = textsOf(this.task, input);
    const { mask_token, mask_token_id } = this.tokenizer;
    if (mask_token_id === null)
      throw new ValueError(`fill-mask needs a tokenizer with a mask_token, and this one has none`, {
        code: 'ERR_NO_MASK',
      });
    const { signal } = settled;
    const k = checkInteger(this.task, 'top_k', settled.top_k ?? 5, 1);
    const call = { truncation: true, ...kwargsOf(this.task, settled.tokenizer_kwargs), ...(signal && { signal }) };
    const targets = settled.targets == null ? null : await this.targetIds(settled.targets, signal);
    const results: (FillMaskOutput | FillMaskOutput[])[] = [];
    const tokenize = (start: number, stop: number) => tokenizeRows(this.tokenizer, texts.slice(start, stop), call);
    await inBlocks(texts.length, tokenize, async ({ rows }, start) => {
      const masks = rows.map(({ input_ids }) => placesOf(input_ids, mask_token_id));
      const without = masks.findIndex((places) => places.length === 0);
      if (without >= 0)
        throw new RuntimeError(
          `text ${start + without} of fill-mask has no mask token (${mask_token}), or it was cut off with the text's end`,
          { code: 'ERR_NO_MASK' },
        );
      const candidates = await this.candidates(rows, masks, k, targets, signal);
      results.push(...(await this.write(rows, masks, candidates, signal)));
    });
    return single ? (results[0] as FillMaskOutput) : results;
  }

  /** The best tokens of every mask of every row. The head is computed for masks only. */
  private async candidates(
    rows: readonly InputRow[],
    masks: readonly number[][],
    k: number,
    targets: Int32Array | null,
    signal: AbortSignal | undefined,
  ): Promise<Candidates[][]> {
    const found: Candidates[][] = masks.map(() => []);
    const encoder = encoderOf(this.model);
    const forward = (inputs: ModelInputs, batch: readonly number[]): Tensor[] => {
      const { x, layout } = encoder.encode(inputs);
      const places = batch.flatMap((row, b) => (masks[row] as number[]).map((t) => layout.index(b, t)));
      const masked = index_select(x, 0, new Tensor('int32', Int32Array.from(places), [places.length]));
      const logits = headOver(this.model, inputs, masked)['logits'] as Tensor; // [M, 1, V]
      const all = softmax(logits);
      const scores = targets ? index_select(all, 2, new Tensor('int32', targets, [targets.length])) : all;
      const { values, indices } = topk(scores, Math.min(k, scores.dims[2] as number)); // [M, 1, k]
      return [values, indices];
    };
    const read = ([values, indices]: Tensor[], batch: readonly number[]): void => {
      const width = (values as Tensor).dims[2] as number;
      const scores = (values as Tensor).data as Float32Array;
      const ids = Array.from((indices as Tensor).data as BigInt64Array, Number);
      let at = 0;
      for (const row of batch)
        for (const _ of masks[row] as number[]) {
          const chosen = ids.slice(at, at + width).map((id) => (targets ? (targets[id] as number) : id));
          found[row]?.push({ ids: chosen, scores: Array.from(scores.subarray(at, at + width)) });
          at += width;
        }
    };
    await this.batches.run(rows, forward, read, signal);
    return found;
  }

  /** The results of each row: texts with the tokens in them. */
  private async write(
    rows: readonly InputRow[],
    masks: readonly number[][],
    candidates: readonly Candidates[][],
    signal: AbortSignal | undefined,
  ): Promise<(FillMaskOutput | FillMaskOutput[])[]> {
    const { tokenizer } = this;
    const options = signal ? { signal } : {};
    const items = candidates.flatMap((ofRow, row) =>
      ofRow.flatMap(({ ids }, m) => ids.map((id) => ({ row, place: masks[row]?.[m] as number, id }))),
    );
    const filled = ({ row, place, id }: (typeof items)[number]): Int32Array => {
      const ids = Int32Array.from((rows[row] as InputRow).input_ids);
      ids[place] = id;
      return ids.filter((token) => token !== tokenizer.pad_token_id);
    };
    // In a text with several masks the others stay to be read, and special tokens with them.
    const isAlone = (row: number): boolean => masks[row]?.length === 1;
    const decode = (alone: boolean) =>
      tokenizer.batch_decode(items.filter(({ row }) => isAlone(row) === alone).map(filled), {
        ...options,
        skip_special_tokens: alone,
      });
    const [ofOne, ofSeveral, words] = await Promise.all([
      decode(true),
      decode(false),
      tokenizer.batch_decode(
        items.map(({ id }) => Int32Array.of(id)),
        options,
      ),
    ]);
    const sequences = { true: ofOne.values(), false: ofSeveral.values() };
    const word = words.values();
    return candidates.map((ofRow, row) => {
      const sequence = sequences[`${isAlone(row)}`];
      const lists = ofRow.map(({ ids, scores }) =>
        ids.map((token, i) => ({
          score: scores[i] as number,
          token,
          token_str: word.next().value as string,
          sequence: sequence.next().value as string,
        })),
      );
      return lists.length === 1 ? (lists[0] as FillMaskOutput) : lists;
    });
  }

  private async targetIds(given: unknown, signal: AbortSignal | undefined): Promise<Int32Array> {
    const { texts } = textsOf('targets of fill-mask', given);
    const vocabulary = this.tokenizer.get_vocab();
    const ids = new Set<number>();
    for (const target of texts) {
      const known = vocabulary.get(target);
      const id = known ?? (await this.firstToken(target, signal));
      if (id !== null) ids.add(id);
    }
    if (ids.size === 0)
      throw new ValueError('none of the targets of fill-mask has a token in the vocabulary', { code: 'ERR_NO_TARGET' });
    return Int32Array.from(ids);
  }

  /** The first token of a target that is none itself. */
  private async firstToken(target: string, signal: AbortSignal | undefined): Promise<number | null> {
    const [id] = await this.tokenizer.encode(target, {
      add_special_tokens: false,
      truncation: true,
      max_length: 1,
      ...(signal && { signal }),
    });
    if (id === undefined) warn(`the target '${target}' has no token in the vocabulary; it is left out`);
    else
      warn(
        `the target '${target}' is no token of the vocabulary; '${this.tokenizer.convert_ids_to_tokens(id)}' stands for it`,
      );
    return id ?? null;
  }
}

function kwargsOf(task: string, kwargs: unknown): TokenizerOptions {
  if (kwargs === undefined || kwargs === null) return {};
  if (typeof kwargs !== 'object' || Array.isArray(kwargs))
    throw new TypeError(`tokenizer_kwargs of ${task} must be an object, not ${describe(kwargs)}`);
  for (const name of Object.keys(kwargs))
    if (!tokenizerOptions.includes(name)) throw unknownName('option', name, 'tokenizer_kwargs', tokenizerOptions);
  return kwargs as TokenizerOptions;
}

function placesOf(ids: ArrayLike<number>, id: number): number[] {
  const places: number[] = [];
  for (let t = 0; t < ids.length; t++) if (ids[t] === id) places.push(t);
  return places;
}
