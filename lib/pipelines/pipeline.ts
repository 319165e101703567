import { RuntimeError, TypeError, throwIfAborted, unknownName, ValueError } from '../errors';
import { checkOptionKinds, givenOptions, type OptionKind } from '../options';
import type { PreTrainedTokenizer } from '../preprocess';
import type { PreTrainedModel } from '../pretrained/pretrained-model';
import { BatchRunner } from './batch-runner';

/** What a pipeline is made of. */
export interface PipelineParts {
  task: string;
  model: PreTrainedModel;
  tokenizer: PreTrainedTokenizer;
  /** The folder that it was loaded from. */
  folder?: string;
  /** Options that each call starts from. */
  defaults?: object;
}

/** What the values of options may be, of any task, where nothing else checks them. */
const kinds: Readonly<Record<string, OptionKind>> = {
  normalize: 'boolean',
  prompt: 'string',
  prompt_name: 'string',
  quantize: 'boolean',
  multi_label: 'boolean',
  return_all_scores: 'boolean',
  handle_impossible_answer: 'boolean',
  align_to_words: 'boolean',
  function_to_apply: 'string',
  tokenizer_kwargs: 'object',
};

/** Options of every call. */
export interface CallOptions {
  /** Stops the call; the promise rejects with an `AbortError`. */
  signal?: AbortSignal;
}

/**
 * A task over a model and its tokenizer. Instances are functions: `await pipe(texts, options)`.
 */
export abstract class Pipeline {
  /** Names of the options that a call may have, besides `signal`. */
  static readonly call_options: readonly string[] = [];
  /** How many arguments a call has, its options among them. */
  static readonly call_arguments: number = 2;

  declare readonly task: string;
  declare readonly model: PreTrainedModel;
  declare readonly tokenizer: PreTrainedTokenizer;
  declare protected readonly batches: BatchRunner;
  declare private readonly defaults: object;
  declare private disposed: boolean;

  /** @param own - what a task keeps besides */
  constructor({ task, model, tokenizer, defaults = {} }: PipelineParts, own: object = {}) {
    const call = async (...args: never[]) => {
      checkArguments(task, args, new.target.call_arguments);
      return instance._call(...args);
    };
    const instance = Object.setPrototypeOf(call, new.target.prototype) as Pipeline;
    const batches = new BatchRunner(model, tokenizer.pad_token_id ?? 0);
    // biome-ignore lint/correctness/noConstructorReturn: the instance is the function
    return Object.assign(instance, { task, model, tokenizer, batches, defaults, disposed: false }, own);
  }

  abstract _call(...args: never[]): Promise<unknown>;

  /** Gives the model's memory back. */
  async dispose(): Promise<void> {
    this.disposed = true;
    this.batches.dispose();
    await this.model.dispose();
    this.tokenizer.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /**
   * The options of a call over those that the pipeline was made with.
   * @throws TypeError for an option that the task does not have, naming the nearest; AbortError; RuntimeError when
   *   the pipeline has been disposed
   */
  protected settle<O extends CallOptions>(options: O | null | undefined): O {
    if (this.disposed)
      throw new RuntimeError(
        `this ${this.constructor.name} has been disposed, with its ${this.model.constructor.name}; make another with ` +
          `pipeline('${this.task}', …)`,
        { code: 'ERR_DISPOSED' },
      );
    const given = givenOptions<CallOptions>(options, this.task);
    const known = [...(this.constructor as typeof Pipeline).call_options, 'signal'];
    checkOptions(this.task, given, known);
    throwIfAborted(given.signal);
    const settled = { ...this.defaults, ...given };
    checkOptionKinds(this.task, settled, kinds);
    return settled as O;
  }
}

/** @throws TypeError for arguments behind the last that a call has */
export function checkArguments(where: string, args: readonly unknown[], most: number): void {
  const surplus = args.findLastIndex((value) => value !== undefined);
  if (surplus < most) return;
  throw new TypeError(
    `a call of ${where} has at most ${most} arguments, its options last, and got ${surplus + 1}; argument ${surplus + 1} ` +
      `is ${describe(args[surplus])}`,
  );
}

/** @throws TypeError for an option that the task does not have, naming the nearest */
export function checkOptions(task: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownName('option', name, task, known);
}

/** The texts of a call, and whether it was one alone. @throws ValueError when they are no texts, or none */
export function textsOf(task: string, input: unknown): { texts: string[]; single: boolean } {
  if (typeof input === 'string') return { texts: [input], single: true };
  if (!Array.isArray(input) || !input.every((text) => typeof text === 'string'))
    throw new ValueError(`${task} takes a text or a list of texts, not ${describe(input)}`);
  if (input.length === 0) throw new ValueError(`${task} got an empty list of texts`);
  return { texts: [...input], single: false }; // the caller may change his list meanwhile
}

/** @throws ValueError when `value` is no whole number from `least` */
export function checkInteger(task: string, name: string, value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value;
  throw new ValueError(`${name} of ${task} must be a whole number from ${least}, got ${String(value)}`);
}

/** @throws ValueError when `value` is none of `choices` */
export function checkChoice<T extends string>(task: string, name: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T;
  const list = choices.map((choice) => `'${choice}'`).join(', ');
  throw new ValueError(`${name} of ${task} must be one of ${list}, got ${describe(value)}`);
}

/** What a value is, in a few words. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) {
    const at = value.findIndex((item) => typeof item !== 'string');
    return at < 0
      ? 'a list of texts'
      : `a list whose item ${at} is ${Array.isArray(value[at]) ? 'a list' : describe(value[at])}`;
  }
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value} (${String(value)})`;
}
