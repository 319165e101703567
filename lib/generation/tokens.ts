import { ValueError } from '../errors';
import { warnOnce } from '../logging';
import type { GenerationConfig, GenerationFields } from './generation-config';

/**
 * Token ids of a generation config against the vocabulary. A checkpoint may name ids that its tables lack, such as a pad
 * token added to the tokenizer alone: as upstream that does no harm while none of them is used. What the call itself names
 * must be there.
 */

const tokenFields = [
  'pad_token_id',
  'bos_token_id',
  'eos_token_id',
  'decoder_start_token_id',
  'forced_bos_token_id',
  'forced_eos_token_id',
];

/** @throws ValueError `ERR_INDEX_OUT_OF_RANGE` naming a field of the call, or one whose token would be forced */
export function checkTokens(config: GenerationConfig, passed: GenerationFields, vocab_size: number): void {
  for (const name of tokenFields)
    if (Object.hasOwn(passed, name) || name.startsWith('forced_')) checkToken(config, name, vocab_size);
  const stranger = idsOf(config, 'eos_token_id').find((id) => id >= vocab_size);
  if (stranger !== undefined)
    warnOnce(
      `eos_token_id of the generation config is ${stranger}, which is not in its vocabulary (config.vocab_size is ` +
        `${vocab_size}): no text ends with it`,
    );
}

/** @throws ValueError as `checkTokens`, for padding that will stand in rows which end before others */
export function checkWrittenTokens(config: GenerationConfig, vocab_size: number, batch: number): void {
  const canEnd = idsOf(config, 'eos_token_id').some((id) => id < vocab_size);
  if (batch > 1 && canEnd) checkToken(config, 'pad_token_id', vocab_size);
}

/** @throws ValueError `ERR_INDEX_OUT_OF_RANGE` unless the field's ids are of the vocabulary */
export function checkToken(config: GenerationConfig, name: string, vocab_size: number): void {
  const stranger = idsOf(config, name).find((id) => id >= vocab_size);
  if (stranger === undefined) return;
  throw new ValueError(
    `${name} is ${stranger}, which is not in the vocabulary: ids are below ${vocab_size} (config.vocab_size)`,
    { code: 'ERR_INDEX_OUT_OF_RANGE' },
  );
}

function idsOf(config: GenerationConfig, name: string): number[] {
  const value = config[name] as number | number[] | null | undefined;
  return value === null || value === undefined ? [] : Array.isArray(value) ? value : [value];
}
