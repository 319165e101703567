import { ValueError } from '../errors';
import { warn, warnOnce } from '../logging';
import { type GenerationConfig, generationDefaults } from './generation-config';

/** What the rules of length look at. */
export interface PromptLength {
  /** Ids that lead the result. */
  ids: number;
  /** Positions of inputs_embeds; 0 without. */
  embeds: number;
  /** Whether the call itself passes max_length. */
  passedMaxLength: boolean;
  max_position_embeddings: number | null;
}

/**
 * The length at which a row ends, prompt included (ids only: embedded prompts do not count).
 * Source: transformers generation/utils.py (4.57.6), _prepare_generated_length.
 * @throws ValueError when the prompt is as long already
 */
export function lengthLimit(config: GenerationConfig, prompt: PromptLength): number {
  const { ids, embeds, passedMaxLength, max_position_embeddings } = prompt;
  const { max_new_tokens, max_length } = config;
  let limit = max_length as number;
  if (max_new_tokens !== null) {
    if (passedMaxLength)
      warn(
        `both max_new_tokens (${max_new_tokens}) and max_length (${max_length}) are set; max_new_tokens takes precedence`,
      );
    limit = max_new_tokens + ids;
  } else if (embeds > 0 && ids !== embeds) limit -= embeds;
  else if (!passedMaxLength && limit === generationDefaults['max_length'])
    limit = Math.min(limit + ids, max_position_embeddings ?? Infinity);
  if (!passedMaxLength && max_new_tokens === null && limit === generationDefaults['max_length'])
    warnOnce(`max_length is ${limit}, the default of any model; pass max_new_tokens to say how much to generate`);
  if (ids < limit) return limit;
  throw new ValueError(
    `Input length of input_ids is ${ids}, but max_length is ${limit}: raise max_length, or pass max_new_tokens`,
    { code: 'ERR_TOO_MANY_TOKENS' },
  );
}

/** Where every position has an embedding of its own, a row has no place for more tokens than there are. */
export class Room {
  /** @param places - null: any number of tokens */
  constructor(
    private readonly className: string,
    private readonly places: number | null,
    private readonly limit: number,
  ) {}

  /**
   * What a call will come to, before it computes anything. A row that may end early may fit, so that only a warning is due.
   * @param length - tokens of the longest row, without padding
   * @param more - tokens that may follow; the last is not looked at any more
   * @throws ValueError `ERR_TOO_MANY_TOKENS` where the positions cannot be enough
   */
  foresee(length: number, more: number, canEnd: boolean): void {
    this.check(length);
    if (this.places === null || length + more - 1 <= this.places) return;
    if (!canEnd) throw this.outOfPlaces(length + more - 1);
    warn(
      `max_length is ${this.limit}, and ${this.className} has ${this.places} positions: a row that has not ended by then ` +
        'is an error',
    );
  }

  /** @throws ValueError `ERR_TOO_MANY_TOKENS` unless there are positions for so many tokens */
  check(length: number): void {
    if (this.places !== null && length > this.places) throw this.outOfPlaces(length);
  }

  private outOfPlaces(length: number): ValueError {
    return new ValueError(
      `max_length is ${this.limit}, and a row comes to ${length} tokens, but ${this.className} has ${this.places} positions ` +
        '(config.max_position_embeddings): lower max_new_tokens or max_length, or shorten the prompt',
      { code: 'ERR_TOO_MANY_TOKENS' },
    );
  }
}
