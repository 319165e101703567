/** How byte-level vocabularies split a text before they merge, by the names that llama.cpp gives to the ways. */

const WORD = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const ENGLISH = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const CASED = [`${UPPER}*${LOWER}+`, `${UPPER}+${LOWER}*`].map((word) => String.raw`[^\r\n\p{L}\p{N}]?${word}`);
const REST_WITH_SLASH = REST.replace(String.raw`[\r\n]*`, String.raw`[\r\n/]*`);

const LLAMA3 = String.raw`${ENGLISH}|${WORD}|\p{N}{1,3}|${REST}`;
const QWEN2 = String.raw`${ENGLISH}|${WORD}|\p{N}|${REST}`;
const QWEN35 = String.raw`${ENGLISH}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const TEKKEN = String.raw`${CASED.join('|')}|\p{N}|${REST_WITH_SLASH}`;
const GPT4O = String.raw`${CASED.map((word) => `${word}${ENGLISH}?`).join('|')}|\p{N}{1,3}|${REST_WITH_SLASH}`;

/** Names of a way, the one to write first, and its regular expression. */
const SPLITS: readonly [names: string, pattern: string][] = [
  ['llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano dbrx smaug-bpe', LLAMA3],
  ['qwen2 deepseek-r1-qwen kormo f2llmv2 megrez', QWEN2],
  ['qwen35', QWEN35],
  ['tekken', TEKKEN],
  ['gpt-4o llama4 kanana2 talkie minimax-m2', GPT4O],
];
const AS_GPT2 = ['gpt-2', 'gpt2', 'default', ''];

/** The regular expression of `tokenizer.ggml.pre`; null for GPT-2's own way, undefined for a name that is not known. */
export function splitPattern(pre: string): string | null | undefined {
  if (AS_GPT2.includes(pre)) return null;
  return SPLITS.find(([names]) => names.split(' ').includes(pre))?.[1];
}

/** The name of a regular expression, null standing for GPT-2's own way; undefined for one that has no name. */
export function splitName(pattern: string | null): string | undefined {
  if (pattern === null) return AS_GPT2[0];
  return SPLITS.find(([, known]) => known === pattern)?.[0].split(' ')[0];
}
