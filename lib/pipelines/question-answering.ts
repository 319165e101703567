import { ValueError } from '../errors';
import type { BatchEncoding } from '../preprocess';
import type { Tensor } from '../tensor/tensor';
import { inBlocks } from './batch-runner';
import { type CallOptions, checkInteger, describe, Pipeline } from './pipeline';
import { bestSpans, type Span } from './spans';
import { type Tokenized, tokenizeRows } from './token-rows';

/** An answer: a stretch of the context. */
export interface QuestionAnsweringOutput {
  score: number;
  /** Where it is in the context, in UTF-16 units. */
  start: number;
  end: number;
  answer: string;
}

export interface QuestionAnsweringOptions extends CallOptions {
  /** Most answers, best first (default 1, which gives the answer itself and no list). */
  top_k?: number | null;
  /** Tokens that windows over a long context share (default half of max_seq_len, at most 128). */
  doc_stride?: number | null;
  /** Most tokens of an answer (default 15). */
  max_answer_len?: number | null;
  /** Most tokens of a window, question and special tokens included (default 384, at most what the tokenizer allows). */
  max_seq_len?: number | null;
  /** Most tokens of a question (default: all). */
  max_question_len?: number | null;
  /** Whether an empty answer may win (default false). */
  handle_impossible_answer?: boolean | null;
  /** Whether answers begin and end with whole words (default true). */
  align_to_words?: boolean | null;
}

/** A question and the text that it is about. */
export interface QuestionInContext {
  question: string;
  context: string;
}

type Options = QuestionAnsweringOptions;
type Answer = QuestionAnsweringOutput;

export interface QuestionAnsweringPipeline {
  (question: string, context: string, options?: Options & { top_k?: 1 }): Promise<Answer>;
  (question: string, context: string, options: Options): Promise<Answer[]>;
  (
    questions: readonly string[],
    context: string | readonly string[],
    options?: Options & { top_k?: 1 },
  ): Promise<Answer[]>;
  (questions: readonly string[], context: string | readonly string[], options: Options): Promise<Answer[][]>;
  (sample: QuestionInContext, options?: Options & { top_k?: 1 }): Promise<Answer>;
  (sample: QuestionInContext, options: Options): Promise<Answer[]>;
  (samples: readonly QuestionInContext[], options?: Options & { top_k?: 1 }): Promise<Answer[]>;
  (samples: readonly QuestionInContext[], options: Options): Promise<Answer[][]>;
}

/** A call's options with their defaults. */
interface Plan {
  k: number;
  stride: number;
  maxLength: number;
  maxAnswer: number;
  maxQuestion: number | null;
  mayBeImpossible: boolean;
  wholeWords: boolean;
  signal?: AbortSignal;
}

/** Answers to questions, as stretches of a text. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: instances are functions, see Pipeline
export class QuestionAnsweringPipeline extends Pipeline {
  static override readonly call_arguments = Number.POSITIVE_INFINITY; // samplesOf knows what they are
  static override readonly call_options = [
    'top_k',
    'doc_stride',
    'max_answer_len',
    'max_seq_len',
    'max_question_len',
    'handle_impossible_answer',
    'align_to_words',
  ];

  /**
   * The best answers: `pipe(question, context, options)`, lists of both, or `{ question, context }`. Long contexts are
   * read in windows, to their end.
   * @returns an answer, or with `top_k` above 1 a list; for a list of questions a list of these
   * @throws TypeError for unknown options, ValueError for empty texts and values that cannot be, AbortError
   */
  override async _call(...args: unknown[]): Promise<Answer | Answer[] | Answer[][]> {
    const { samples, single, options } = samplesOf(this.task, args);
    const plan = this.planOf(this.settle(options as Options));
    const answers: Answer[][] = samples.map(() => []);
    const nullScores = new Float64Array(samples.length).fill(Number.POSITIVE_INFINITY);
    const tokenize = (start: number, stop: number) => this.tokenize(samples.slice(start, stop), plan);
    await inBlocks(samples.length, tokenize, (tokenized, first) => {
      const mapping = tokenized.columns.overflow_to_sample_mapping as number[];
      return this.search(tokenized, plan, (row, spans, nullScore) => {
        const sample = first + (mapping[row] as number);
        const { context } = samples[sample] as QuestionInContext;
        nullScores[sample] = Math.min(nullScores[sample] as number, nullScore);
        for (const span of spans) answers[sample]?.push(this.answerOf(tokenized, row, span, context, plan));
      });
    });
    const results = answers.map((found, i) => {
      if (plan.mayBeImpossible) found.push({ score: nullScores[i] as number, start: 0, end: 0, answer: '' });
      return found.sort((a, b) => b.score - a.score).slice(0, plan.k);
    });
    const nested = plan.k === 1 ? results.flat() : results;
    return single ? (nested[0] as Answer | Answer[]) : (nested as Answer[] | Answer[][]);
  }

  /** Windows over the contexts: a row for each. */
  private async tokenize(samples: readonly QuestionInContext[], plan: Plan): Promise<Tokenized> {
    const signal = plan.signal ? { signal: plan.signal } : {};
    const asked = samples.map(({ question }) => question);
    const questions = plan.maxQuestion === null ? asked : await this.cutQuestions(asked, plan.maxQuestion, signal);
    const contexts = samples.map(({ context }) => context);
    const [texts, text_pair] = this.questionFirst ? [questions, contexts] : [contexts, questions];
    return tokenizeRows(this.tokenizer, texts, {
      text_pair,
      truncation: this.questionFirst ? 'only_second' : 'only_first',
      max_length: plan.maxLength,
      stride: plan.stride,
      return_overflowing_tokens: true,
      return_offsets_mapping: true,
      ...signal,
    });
  }

  private async cutQuestions(questions: string[], max_length: number, signal: { signal?: AbortSignal }) {
    const { columns } = await tokenizeRows(this.tokenizer, questions, {
      add_special_tokens: false,
      truncation: true,
      truncation_side: 'right',
      max_length,
      return_offsets_mapping: true,
      ...signal,
    });
    return questions.map((question, i) => question.slice(0, columns.offset_mapping?.[i]?.at(-1)?.[1] ?? 0));
  }

  private async search(
    { rows, encoding }: Tokenized,
    plan: Plan,
    use: (row: number, spans: Span[], nullScore: number) => void,
  ): Promise<void> {
    const found: { spans: Span[]; nullScore: number }[] = new Array(rows.length);
    const { cls_token_id } = this.tokenizer;
    await this.batches.run(
      rows,
      (inputs) => {
        const { start_logits, end_logits } = this.model.forward(inputs) as unknown as Record<string, Tensor>;
        return [start_logits as Tensor, end_logits as Tensor];
      },
      ([starts, ends], batch) => {
        const [, width] = (starts as Tensor).dims as [number, number];
        batch.forEach((row, b) => {
          const ids = rows[row]?.input_ids as ArrayLike<number>;
          const sequences = encoding.sequence_ids(row);
          const logits = (tensor: Tensor | undefined) =>
            ((tensor as Tensor).data as Float32Array).subarray(b * width, b * width + ids.length);
          found[row] = bestSpans(logits(starts), logits(ends), {
            // The first special token stands for "no answer".
            allowed: (t) => sequences[t] === this.contextSequence || (cls_token_id !== null && ids[t] === cls_token_id),
            k: plan.k,
            maxLength: plan.maxAnswer,
          });
        });
      },
      plan.signal,
    );
    found.forEach(({ spans, nullScore }, row) => {
      use(row, spans, nullScore);
    });
  }

  private answerOf({ encoding, columns }: Tokenized, row: number, span: Span, context: string, plan: Plan): Answer {
    const offsets = columns.offset_mapping?.[row] as [number, number][];
    const [start, end] = (plan.wholeWords && wordsAround(encoding, row, offsets, span, this.contextSequence)) || [
      (offsets[span.start] as [number, number])[0],
      (offsets[span.end] as [number, number])[1],
    ];
    return { score: span.score, start, end, answer: context.slice(start, end) };
  }

  /** A tokenizer that pads on the left has the context before the question. */
  private get questionFirst(): boolean {
    return this.tokenizer.padding_side === 'right';
  }

  private get contextSequence(): 0 | 1 {
    return this.questionFirst ? 1 : 0;
  }

  private planOf(options: Options): Plan {
    const { task, tokenizer } = this;
    const maxLength = checkInteger(
      task,
      'max_seq_len',
      options.max_seq_len ?? Math.min(tokenizer.model_max_length, 384),
      1,
    );
    const stride = checkInteger(task, 'doc_stride', options.doc_stride ?? Math.min(Math.floor(maxLength / 2), 128), 0);
    if (stride > maxLength) throw new ValueError(`doc_stride (${stride}) is larger than max_seq_len (${maxLength})`);
    const { max_question_len: maxQuestion = null, signal } = options;
    return {
      k: checkInteger(task, 'top_k', options.top_k ?? 1, 1),
      stride,
      maxLength,
      maxAnswer: checkInteger(task, 'max_answer_len', options.max_answer_len ?? 15, 1),
      maxQuestion: maxQuestion === null ? null : checkInteger(task, 'max_question_len', maxQuestion, 1),
      mayBeImpossible: options.handle_impossible_answer ?? false,
      wholeWords: options.align_to_words ?? true,
      ...(signal && { signal }),
    };
  }
}

/** From the start of the word that a span begins in to the end of the word that it ends in; null without words. */
function wordsAround(
  encoding: BatchEncoding,
  row: number,
  offsets: readonly [number, number][],
  { start, end }: Span,
  sequence: 0 | 1,
): [number, number] | null {
  const words = encoding.word_ids(row);
  const sequences = encoding.sequence_ids(row);
  const [first, last] = [words[start], words[end]];
  if (first === null || last === null) return null;
  const isOf = (word: number | null | undefined) => (_: unknown, t: number) =>
    words[t] === word && sequences[t] === sequence;
  const from = offsets.find(isOf(first));
  const to = offsets.findLast(isOf(last));
  return from && to ? [from[0], to[1]] : null;
}

/** The questions of a call, whether it was one alone, and the call's options. */
function samplesOf(task: string, [first, second, third, ...rest]: unknown[]) {
  const paired = typeof first === 'string' || (Array.isArray(first) && first.every((item) => typeof item === 'string'));
  const extra = paired ? rest : [third, ...rest];
  if (extra.some((argument) => argument !== undefined))
    throw new ValueError(`${task} takes (question, context, options) or ({ question, context }, options)`);
  const samples = paired ? pairUp(task, first as string | string[], second) : Array.isArray(first) ? first : [first];
  if (samples.length === 0) throw new ValueError(`${task} got an empty list of questions`);
  samples.forEach((sample, i) => {
    checkSample(task, sample, Array.isArray(first) ? ` of sample ${i}` : '');
  });
  return { samples: samples as QuestionInContext[], single: !Array.isArray(first), options: paired ? third : second };
}

function pairUp(task: string, question: string | string[], context: unknown): unknown[] {
  if (typeof question === 'string') return [{ question, context }];
  if (!Array.isArray(context)) return question.map((text) => ({ question: text, context }));
  if (context.length !== question.length)
    throw new ValueError(`${task} got ${question.length} questions and ${context.length} contexts`);
  return question.map((text, i) => ({ question: text, context: context[i] }));
}

function checkSample(task: string, sample: unknown, which: string): void {
  if (sample === null || typeof sample !== 'object')
    throw new ValueError(`${task} takes questions and contexts, not ${describe(sample)}`);
  for (const name of ['question', 'context'] as const) {
    const text = (sample as Record<string, unknown>)[name];
    if (typeof text !== 'string' || text === '')
      throw new ValueError(
        `the ${name}${which} of ${task} must be a text, not ${text === '' ? 'an empty one' : describe(text)}`,
      );
  }
}
