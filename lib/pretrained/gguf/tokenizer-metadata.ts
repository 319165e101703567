/** A tokenizer.json as the metadata of a GGUF file: what llama.cpp reads, and what Transformers builds the same tokenizer of. */
import { GgufArray, type GgufValue } from '../../checkpoint/gguf/gguf-values';
import { splitName } from '../../checkpoint/gguf/text-splits';
import { NotImplementedError, ValueError } from '../../errors';
import { type Entries, number, text } from './metadata';

// biome-ignore lint/suspicious/noExplicitAny: the members of a JSON file
type Json = Record<string, any>;

/** The files of a tokenizer, as objects. */
export interface TokenizerFiles {
  tokenizer: Json;
  config: Json | null;
  /** `bos_token_id` … of the model, where the tokenizer names no token. */
  ids: Readonly<Record<string, unknown>>;
}

/** Kinds of tokens. Source: llama.h (llama_token_type). */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;
const BYTE = 6;

const SPECIAL: readonly [token: string, id: string, key: string][] = [
  ['bos_token', 'bos_token_id', 'bos_token_id'],
  ['eos_token', 'eos_token_id', 'eos_token_id'],
  ['unk_token', 'unk_token_id', 'unknown_token_id'],
  ['pad_token', 'pad_token_id', 'padding_token_id'],
];

/**
 * @param size - rows of the table of embeddings: there is a token for each
 * @throws NotImplementedError for a kind of tokenizer that GGUF has no words for; ValueError for one that does not fit
 */
export function tokenizerEntries(files: TokenizerFiles, size: number): Entries {
  const { tokenizer } = files;
  const kind = kindOf(tokenizer);
  const { tokens, types } = tokensOf(tokenizer, size);
  const merges = (tokenizer['model'].merges as (string | [string, string])[]).map((merge) =>
    typeof merge === 'string' ? merge : merge.join(' '),
  );
  const entries: Entries = new Map([
    ['tokenizer.ggml.model', text(kind.model)],
    ['tokenizer.ggml.pre', text(kind.pre)],
    ['tokenizer.ggml.tokens', list(GgufArray.ofStrings(tokens))],
    ['tokenizer.ggml.token_type', list(GgufArray.ofNumbers('int32', types))],
  ]);
  if (kind.model === 'llama') {
    entries.set('tokenizer.ggml.scores', list(GgufArray.ofNumbers('float32', scoresOf(tokens, types, merges))));
    entries.set('tokenizer.ggml.add_space_prefix', number('bool', addsSpace(tokenizer)));
  }
  entries.set('tokenizer.ggml.merges', list(GgufArray.ofStrings(merges)));
  for (const [key, value] of idEntries(files, tokens)) entries.set(`tokenizer.ggml.${key}`, value);
  const { chat_template } = files.config ?? {};
  if (typeof chat_template === 'string') entries.set('tokenizer.chat_template', text(chat_template));
  return entries;
}

const list = (value: GgufArray): GgufValue => ({ type: 'array', value });

/** What llama.cpp calls the tokenizer, and its way to split texts. */
function kindOf({ model, pre_tokenizer }: Json): { model: string; pre: string } {
  if (model.type !== 'BPE')
    throw new NotImplementedError(`a tokenizer of type ${model.type} cannot be written to GGUF here; BPE can`, {
      code: 'ERR_NO_TOKENIZER',
    });
  if (model.byte_fallback) return { model: 'llama', pre: 'default' };
  const steps: Json[] = pre_tokenizer?.type === 'Sequence' ? pre_tokenizer.pretokenizers : [pre_tokenizer];
  const bytes = steps.find((step) => step?.type === 'ByteLevel');
  const splits = steps.filter((step) => step?.type === 'Split').map((step) => String(step['pattern']?.Regex));
  const pre =
    bytes && splits.length < 2 && bytes['use_regex'] === (splits.length === 0)
      ? splitName(splits[0] ?? null)
      : undefined;
  if (pre !== undefined) return { model: 'gpt2', pre };
  throw new NotImplementedError(
    `the tokenizer splits texts in a way that GGUF has no name for: ${JSON.stringify(pre_tokenizer).slice(0, 200)}`,
    { code: 'ERR_NO_TOKENIZER' },
  );
}

function tokensOf(tokenizer: Json, size: number): { tokens: string[]; types: number[] } {
  const { vocab, unk_token, byte_fallback } = tokenizer['model'] as {
    vocab: Record<string, number>;
    unk_token: unknown;
    byte_fallback: boolean;
  };
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = new Array<number>(size).fill(UNUSED);
  const put = (token: string, id: number, type: number): void => {
    if (!(Number.isInteger(id) && id >= 0 && id < size))
      throw new ValueError(`token ${JSON.stringify(token)} has id ${id}, and the model has ${size} embeddings`, {
        code: 'ERR_TOKENIZER_FILE',
      });
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of Object.entries(vocab))
    put(token, id, byte_fallback && /^<0x[0-9A-F]{2}>$/.test(token) ? BYTE : token === unk_token ? UNKNOWN : NORMAL);
  for (const { id, content, special } of (tokenizer['added_tokens'] ?? []) as {
    id: number;
    content: string;
    special: boolean;
  }[]) {
    const isUnknown = byte_fallback && (content === unk_token || content === '<unk>');
    put(content, id, isUnknown ? UNKNOWN : special ? CONTROL : USER_DEFINED);
  }
  return { tokens, types };
}

/** Scores by which SentencePiece would merge in this order; what is never merged comes behind all. */
function scoresOf(tokens: readonly string[], types: readonly number[], merges: readonly string[]): number[] {
  const ranks = new Map<string, number>();
  merges.forEach((merge, rank) => {
    const token = merge.replace(' ', '');
    if (!ranks.has(token)) ranks.set(token, rank);
  });
  return tokens.map((token, id) => (types[id] === NORMAL ? -(ranks.get(token) ?? merges.length + id) : 0));
}

function addsSpace({ pre_tokenizer, normalizer }: Json): boolean {
  const all = JSON.stringify([pre_tokenizer, normalizer]);
  return (
    all.includes('"Prepend"') || /"prepend_scheme":"(first|always)"/.test(all) || /"add_prefix_space":true/.test(all)
  );
}

function idEntries({ tokenizer, config, ids }: TokenizerFiles, tokens: readonly string[]): [string, GgufValue][] {
  const entries: [string, GgufValue][] = [];
  const contentOf = (token: unknown) =>
    typeof token === 'string' ? token : (token as { content?: string } | null)?.content;
  let bos: string | undefined;
  for (const [name, field, key] of SPECIAL) {
    const content =
      contentOf(config?.[name]) ?? (name === 'unk_token' ? contentOf(tokenizer['model'].unk_token) : undefined);
    const fallback = Array.isArray(ids[field]) ? ids[field][0] : ids[field];
    const id = content === undefined ? fallback : tokens.indexOf(content);
    if (typeof id !== 'number' || id < 0 || id >= tokens.length) continue;
    if (name === 'bos_token') bos = tokens[id];
    entries.push([key, number('uint32', id)]);
  }
  const template = (tokenizer['post_processor']?.single ?? []) as { SpecialToken?: { id: string } }[];
  const starts = template[0]?.SpecialToken?.id === bos && bos !== undefined;
  entries.push(['add_bos_token', number('bool', config?.['add_bos_token'] ?? starts)]);
  return entries;
}
