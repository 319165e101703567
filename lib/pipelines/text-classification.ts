import { ValueError } from '../errors';
import { warnOnce } from '../logging';
import type { TokenizerOptions } from '../preprocess';
import type { Tensor } from '../tensor/tensor';
import { inBlocks } from './batch-runner';
import { type CallOptions, checkChoice, checkInteger, describe, Pipeline } from './pipeline';
import { ranked, type ScoreFunction, scoreFunctionOf, sigmoid, softmax } from './scores';
import { type InputRow, tokenizeRows } from './token-rows';

/** One label of a text. */
export interface TextClassificationSingle {
  label: string;
  score: number;
}

export type TextClassificationOutput = TextClassificationSingle[];

/** A text, or a text and its pair. */
export type TextOrPair = string | { text: string; text_pair?: string | null };

export interface TextClassificationOptions extends CallOptions {
  /** Labels a text gets, best first; null for all (default 1). */
  top_k?: number | null;
  /**
   * 'softmax' or 'sigmoid' of the logits, or 'none' of both. By default sigmoid for a multi-label model and for a
   * single label, none for regression (`config.problem_type`), else softmax.
   */
  function_to_apply?: ScoreFunction | 'default' | null;
  /** Every label, in order of ids, in a list of its own for each text. Of older Transformers; `top_k: null` sorts. */
  return_all_scores?: boolean | null;
  /** Whether long texts are cut (default true), and at how many tokens (the tokenizer's `model_max_length`). */
  truncation?: boolean | 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
  max_length?: number | null;
}

export interface TextClassificationPipeline {
  (
    texts: TextOrPair | readonly TextOrPair[],
    options: TextClassificationOptions & { return_all_scores: true; top_k?: undefined },
  ): Promise<TextClassificationOutput[]>;
  (
    texts: TextOrPair | readonly TextOrPair[],
    options?: TextClassificationOptions & { top_k?: 1 },
  ): Promise<TextClassificationOutput>;
  (texts: TextOrPair, options: TextClassificationOptions): Promise<TextClassificationOutput>;
  (texts: readonly TextOrPair[], options: TextClassificationOptions): Promise<TextClassificationOutput[]>;
}

/** Labels of texts. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: instances are functions, see Pipeline
export class TextClassificationPipeline extends Pipeline {
  static override readonly call_options = [
    'top_k',
    'function_to_apply',
    'return_all_scores',
    'truncation',
    'max_length',
  ];

  /**
   * The best labels of each text.
   * @returns a list of labels for a text; for a list of texts the best label of each (`top_k` 1), else a list for each
   * @throws TypeError for unknown options, ValueError for values that cannot be, AbortError
   */
  override async _call(
    texts: TextOrPair | readonly TextOrPair[],
    options?: TextClassificationOptions,
  ): Promise<TextClassificationOutput | TextClassificationOutput[]> {
    const settled = this.settle(options);
    const samples = samplesOf(this.task, texts);
    const { top_k, inOrderOfIds } = this.choiceOf(settled);
    const apply = this.scoresOf(settled.function_to_apply);
    const results: TextClassificationOutput[] = new Array(samples.length);
    await this.logits(samples, settled, (logits, sample) => {
      const scores = apply(logits);
      const chosen = inOrderOfIds ? Array.from(scores, (_, i) => i) : ranked(scores, top_k);
      results[sample] = chosen.map((id) => ({ label: this.labelOf(id), score: scores[id] as number }));
    });
    if (top_k === 1) return results.flat();
    return Array.isArray(texts) || inOrderOfIds ? results : (results[0] as TextClassificationOutput);
  }

  private async logits(
    samples: readonly Sample[],
    { truncation = true, max_length = null, signal }: TextClassificationOptions,
    use: (logits: Float32Array, sample: number) => void,
  ): Promise<void> {
    const call = { truncation, max_length, ...(signal && { signal }) };
    const tokenize = (start: number, stop: number) => this.tokenize(samples.slice(start, stop), call);
    const forward = (inputs: object) => [this.model.forward(inputs as never)['logits'] as Tensor];
    await inBlocks(samples.length, tokenize, (rows, start) =>
      this.batches.run(
        rows,
        forward,
        ([logits], batch) => {
          const { data, dims } = logits as Tensor;
          const width = dims[1] as number;
          batch.forEach((row, i) => {
            use((data as Float32Array).subarray(i * width, (i + 1) * width), start + row);
          });
        },
        signal,
      ),
    );
  }

  /** The rows of texts and of pairs of texts, in the order of the samples. */
  private async tokenize(samples: readonly Sample[], options: TokenizerOptions): Promise<InputRow[]> {
    const rowsOf = async (group: readonly Sample[], text_pair: string[] | null): Promise<InputRow[]> => {
      const texts = group.map(({ text }) => text);
      return texts.length === 0 ? [] : (await tokenizeRows(this.tokenizer, texts, { ...options, text_pair })).rows;
    };
    const pairs = samples.filter(({ pair }) => pair !== null);
    const [ofTexts, ofPairs] = await Promise.all([
      rowsOf(
        samples.filter(({ pair }) => pair === null),
        null,
      ),
      rowsOf(
        pairs,
        pairs.map(({ pair }) => pair as string),
      ),
    ]);
    const next = { text: ofTexts.values(), pair: ofPairs.values() };
    return samples.map(({ pair }) => (pair === null ? next.text : next.pair).next().value as InputRow);
  }

  /** How many labels, and in which order. `return_all_scores` counts only where `top_k` is not given, as upstream. */
  private choiceOf({ top_k, return_all_scores }: TextClassificationOptions) {
    if (top_k !== undefined)
      return { top_k: top_k === null ? null : checkInteger(this.task, 'top_k', top_k, 1), inOrderOfIds: false };
    if (return_all_scores !== undefined && return_all_scores !== null)
      warnOnce('return_all_scores is deprecated: top_k: null gives all labels, best first');
    const all = return_all_scores ?? (this.model.config as { return_all_scores?: unknown }).return_all_scores === true;
    return all ? { top_k: null, inOrderOfIds: true } : { top_k: 1, inOrderOfIds: false };
  }

  private scoresOf(name: string | null | undefined): (logits: Float32Array) => ArrayLike<number> {
    const asked = checkChoice(this.task, 'function_to_apply', name?.toLowerCase() ?? 'default', [
      'default',
      'softmax',
      'sigmoid',
      'none',
    ]);
    const functions = { softmax, sigmoid, none: (logits: Float32Array) => logits };
    return functions[asked === 'default' ? scoreFunctionOf(this.model.config) : asked];
  }

  private labelOf(id: number): string {
    return this.model.config.id2label[id] ?? `LABEL_${id}`;
  }
}

interface Sample {
  text: string;
  pair: string | null;
}

function samplesOf(task: string, input: TextOrPair | readonly TextOrPair[]): Sample[] {
  const items = Array.isArray(input) ? (input as readonly TextOrPair[]) : [input as TextOrPair];
  if (items.length === 0) throw new ValueError(`${task} got an empty list of texts`);
  return items.map((item) => {
    if (typeof item === 'string') return { text: item, pair: null };
    const { text, text_pair = null } = (item ?? {}) as Exclude<TextOrPair, string>;
    const known = Object.keys(item ?? {}).every((key) => key === 'text' || key === 'text_pair');
    if (known && typeof text === 'string' && (text_pair === null || typeof text_pair === 'string'))
      return { text, pair: text_pair || null }; // an empty pair is none, as for Transformers' tokenizers
    throw new ValueError(`${task} takes texts, or pairs as { text, text_pair }, not ${describe(item)}`);
  });
}
