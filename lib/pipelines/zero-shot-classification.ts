import { TypeError, ValueError } from '../errors';
import { warn } from '../logging';
import type { Tensor } from '../tensor/tensor';
import { inBlocks } from './batch-runner';
import { type CallOptions, describe, Pipeline, type PipelineParts, textsOf } from './pipeline';
import { ranked, softmax } from './scores';
import { type Tokenized, tokenizeRows } from './token-rows';

/** A text with the labels that it was asked about, best first. */
export interface ZeroShotClassificationOutput {
  sequence: string;
  labels: string[];
  scores: number[];
}

export interface ZeroShotClassificationOptions extends CallOptions {
  /** A sentence about the text with {} in place of the label (default 'This example is {}.'). */
  hypothesis_template?: string | null;
  /** Whether several labels can be true: each then has a probability of its own (default false). */
  multi_label?: boolean | null;
  /** The labels, when they are not the second argument. */
  candidate_labels?: string | readonly string[] | null;
}

type Options = ZeroShotClassificationOptions;
type Output = ZeroShotClassificationOutput;
type Labels = string | readonly string[];

export interface ZeroShotClassificationPipeline {
  (text: string, candidate_labels: Labels, options?: Options): Promise<Output>;
  (texts: readonly string[], candidate_labels: Labels, options?: Options): Promise<Output[]>;
  (text: string, options: Options & { candidate_labels: Labels }): Promise<Output>;
  (texts: readonly string[], options: Options & { candidate_labels: Labels }): Promise<Output[]>;
}

/** Labels of texts that the model was not trained on, by asking it whether a text entails a sentence with the label. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: instances are functions, see Pipeline
export class ZeroShotClassificationPipeline extends Pipeline {
  static override readonly call_arguments = 3;
  static override readonly call_options = ['hypothesis_template', 'multi_label', 'candidate_labels'];

  /** The id of the label that says that the text entails the hypothesis. */
  declare readonly entailment_id: number;

  constructor(parts: PipelineParts) {
    const { label2id, num_labels } = parts.model.config;
    const [, id] = Object.entries(label2id).find(([label]) => label.toLowerCase().startsWith('entail')) ?? [];
    if (id === undefined)
      warn(
        "config.label2id has no label that begins with 'entail'; the last one is taken for it, as Transformers does",
      );
    super(parts, { entailment_id: id ?? num_labels - 1 });
  }

  /**
   * The labels of each text, best first.
   * @param candidate_labels - a list, or a string of labels with commas between them
   * @throws TypeError for unknown options, ValueError for no labels or a template without {}, AbortError
   */
  override async _call(
    input: string | readonly string[],
    ...rest: [Labels | Options | undefined, Options?]
  ): Promise<Output | Output[]> {
    const hasLabels = typeof rest[0] === 'string' || Array.isArray(rest[0]);
    const [first, second] = hasLabels ? [null, rest[1]] : (rest as [Options | undefined, Options?]);
    if (first != null && second != null)
      throw new TypeError(
        `${this.task} takes (texts, candidate_labels, options) or (texts, options), not options twice`,
      );
    const settled = this.settle<Options>(second ?? first);
    if (hasLabels && second?.candidate_labels != null)
      throw new TypeError(`${this.task} got candidate_labels twice: as its second argument, and in its options`);
    const { texts, single } = textsOf(this.task, input);
    const labels = labelsOf(this.task, hasLabels ? rest[0] : settled.candidate_labels);
    const hypotheses = hypothesesOf(labels, settled.hypothesis_template ?? 'This example is {}.');
    const independent = (settled.multi_label ?? false) || labels.length === 1;
    const { signal } = settled;
    const logits = new Float32Array(texts.length * labels.length * 2);
    const tokenize = (start: number, stop: number) => {
      const pairs = Array.from({ length: stop - start }, (_, i): [string, string] => [
        texts[Math.floor((start + i) / labels.length)] as string,
        hypotheses[(start + i) % labels.length] as string,
      ]);
      return this.tokenize(pairs, signal);
    };
    await inBlocks(texts.length * labels.length, tokenize, (tokenized, start) =>
      this.entailment(tokenized, logits.subarray(2 * start), signal),
    );
    const results = texts.map((sequence, i) => {
      const ofText = logits.subarray(2 * i * labels.length, 2 * (i + 1) * labels.length);
      const scores = scoresOf(ofText, independent);
      const order = ranked(scores);
      return { sequence, labels: order.map((l) => labels[l] as string), scores: order.map((l) => scores[l] as number) };
    });
    return single ? (results[0] as Output) : results;
  }

  /** Only the text is cut, so that its hypothesis stays whole; where that cannot be, nothing is. */
  private async tokenize(pairs: readonly [string, string][], signal: AbortSignal | undefined): Promise<Tokenized> {
    const call = (block: readonly [string, string][], truncation: 'only_first' | false) =>
      tokenizeRows(
        this.tokenizer,
        block.map(([text]) => text),
        { text_pair: block.map(([, hypothesis]) => hypothesis), truncation, ...(signal && { signal }) },
      );
    try {
      return await call(pairs, 'only_first');
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_TRUNCATION') throw error;
      if (pairs.length === 1) return call(pairs, false);
    }
    const tokenized: Tokenized[] = [];
    for (const pair of pairs) tokenized.push(await this.tokenize([pair], signal));
    return { ...(tokenized[0] as Tokenized), rows: tokenized.flatMap(({ rows }) => rows) };
  }

  /** The logits of contradiction and entailment, two a row. */
  private async entailment({ rows }: Tokenized, into: Float32Array, signal: AbortSignal | undefined): Promise<void> {
    const contradiction = this.entailment_id === 0 ? this.model.config.num_labels - 1 : 0;
    await this.batches.run(
      rows,
      (inputs) => [this.model.forward(inputs)['logits'] as Tensor],
      ([logits], batch) => {
        const { data, dims } = logits as Tensor;
        const at = (i: number, label: number) => (data as Float32Array)[i * (dims[1] as number) + label] as number;
        batch.forEach((row, i) => {
          into.set([at(i, contradiction), at(i, this.entailment_id)], 2 * row);
        });
      },
      signal,
    );
  }
}

/** @param logits - of contradiction and entailment for each label */
function scoresOf(logits: Float32Array, independent: boolean): ArrayLike<number> {
  const labels = Array.from({ length: logits.length / 2 }, (_, l) => l);
  if (independent) return labels.map((l) => softmax(logits.subarray(2 * l, 2 * l + 2))[1] as number);
  return softmax(labels.map((l) => logits[2 * l + 1] as number));
}

function labelsOf(task: string, given: unknown): string[] {
  const labels =
    typeof given === 'string'
      ? given
          .split(',')
          .map((label) => label.trim())
          .filter((label) => label !== '')
      : given;
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string'))
    throw new ValueError(`${task} takes candidate_labels as a list or a string, not ${describe(given)}`);
  if (labels.length === 0) throw new ValueError(`${task} needs at least one label`);
  return labels;
}

function hypothesesOf(labels: readonly string[], template: string): string[] {
  if (typeof template !== 'string' || !template.includes('{}'))
    throw new ValueError(
      `hypothesis_template must be a text with {} where the label goes, such as 'This example is {}.', not ${describe(template)}`,
    );
  return labels.map((label) => template.replace('{}', () => label));
}
