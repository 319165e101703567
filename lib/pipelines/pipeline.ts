import { unknownName, ValueError } from '../errors';
import type { PreTrainedTokenizer } from '../preprocess';
import type { PreTrainedModel } from '../pretrained/pretrained-model';

/** What a pipeline is made of. */
export interface PipelineParts {
  task: string;
  /** The folder that it was loaded from. */
  folder: string;
  model: PreTrainedModel;
  tokenizer: PreTrainedTokenizer;
}

/**
 * A task over a model and its tokenizer. Instances are functions: `await pipe(texts, options)`.
 */
export abstract class Pipeline {
  declare readonly task: string;
  declare readonly model: PreTrainedModel;
  declare readonly tokenizer: PreTrainedTokenizer;

  /** @param own - what a task keeps besides */
  constructor({ task, model, tokenizer }: PipelineParts, own: object = {}) {
    const call = (...args: never[]) => instance._call(...args);
    const instance = Object.setPrototypeOf(call, new.target.prototype) as Pipeline;
    // biome-ignore lint/correctness/noConstructorReturn: the instance is the function
    return Object.assign(instance, { task, model, tokenizer }, own);
  }

  abstract _call(...args: never[]): Promise<unknown>;

  /** Gives the model's memory back. */
  async dispose(): Promise<void> {
    await this.model.dispose();
    this.tokenizer.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** @throws TypeError for an option that the task does not have, naming the nearest */
export function checkOptions(task: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownName('option', name, task, known);
}

/** The texts of a call, and whether it was one alone. @throws ValueError when they are no texts */
export function textsOf(task: string, input: unknown): { texts: string[]; single: boolean } {
  if (typeof input === 'string') return { texts: [input], single: true };
  if (Array.isArray(input) && input.every((text) => typeof text === 'string')) return { texts: input, single: false };
  throw new ValueError(`${task} takes a text or a list of texts, not ${describe(input)}`);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list of something else';
  return value === null ? 'null' : `a ${typeof value}`;
}
