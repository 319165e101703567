/**
 * Tokenizers from the metadata of GGUF files, built as Transformers 5.18 builds them
 * (integrations/gguf/gguf_tokenizer_mapping.py) but for the special tokens that a file does not name, which are those of
 * 4.57.6: the parts around the vocabulary; the vocabulary itself is made on the tokenizer thread.
 */

import { ggufReader } from '../../checkpoint/formats';
import {
  arrayOf,
  type GgufArray,
  type GgufMetadata,
  ggufMetadata,
  numberOf,
  stringOf,
} from '../../checkpoint/gguf/gguf-values';
import { splitPattern } from '../../checkpoint/gguf/text-splits';
import { NotImplementedError, ValueError } from '../../errors';
import { warn } from '../../logging';
import type { GgufVocabulary } from '../backend/messages';
import { BYTE_LEVEL_MODEL, PIECE_DECODERS, STRIP_DECODER } from './conversion';
import type { JsonObject } from './folder';

/** What a GGUF file says of a tokenizer. */
export interface GgufTokenizer {
  vocabulary: GgufVocabulary;
  /** What tokenizer_config.json would hold. */
  config: JsonObject;
  /** What config.json would say of the model, as far as tokenizers ask. */
  modelConfig: JsonObject;
}

/** Kinds of tokens that matter here. Source: llama.h. */
const CONTROL = 3;
const USER_DEFINED = 4;

/**
 * Reads what a GGUF file says of its tokenizer.
 * @throws CheckpointError when it cannot be read; NotImplementedError for a kind of tokenizer that is not built here;
 *   ValueError when the vocabulary is missing or damaged
 */
export async function readGgufTokenizer(path: string, signal?: AbortSignal): Promise<GgufTokenizer> {
  await using source = await ggufReader().openGgufHead(path, { ...(signal && { signal }) });
  const metadata = ggufMetadata(source) as GgufMetadata;
  const kind = stringOf(metadata, 'tokenizer.ggml.model');
  if (kind !== 'llama' && kind !== 'gpt2') throw unknownKind(kind, path);
  const byteLevel = kind === 'gpt2';
  const tokens = stringsIn(metadata, 'tokens', path);
  if (tokens === null) throw damaged(path, 'tokenizer.ggml.tokens is missing');
  const merges = stringsIn(metadata, 'merges', path);
  const scores = arrayOf(metadata, 'tokenizer.ggml.scores');
  if (merges === null && scores?.length !== tokens.length)
    throw damaged(path, 'it has neither tokenizer.ggml.merges nor a score for each token');
  const types = arrayOf(metadata, 'tokenizer.ggml.token_type')?.numbers() ?? [];
  const textOf = textsAt(tokens);
  const added = addedTokens(types, textOf, byteLevel);
  const head = byteLevel ? byteLevelHead(metadata, path) : sentencePieceHead();
  return {
    vocabulary: {
      kind: 'gguf',
      path,
      head: {
        version: '1.0',
        truncation: null,
        padding: null,
        post_processor: null,
        ...head,
        added_tokens: added,
      },
      tokens: part(tokens),
      merges: merges && part(merges),
      scores: merges === null ? Float32Array.from(scores?.numbers() ?? []) : null,
      byteLevel,
    },
    config: configOf(metadata, tokens.length, textOf, byteLevel ? familyTokens(metadata, added) : {}, path),
    modelConfig: { model_type: stringOf(metadata, 'general.architecture') },
  };
}

function unknownKind(kind: string | undefined, path: string): Error {
  return new NotImplementedError(
    kind === undefined
      ? `'${path}' holds no tokenizer (tokenizer.ggml.model is missing); load it from the folder of the original model`
      : `'${path}' holds a tokenizer of kind '${kind}' (tokenizer.ggml.model), which is not supported; ` +
          "'llama' (SentencePiece) and 'gpt2' (byte-level BPE) are. Load it from the folder of the original model",
    { code: 'ERR_NO_TOKENIZER' },
  );
}

function damaged(path: string, what: string): ValueError {
  return new ValueError(`the tokenizer in '${path}' is damaged: ${what}`, { code: 'ERR_TOKENIZER_FILE' });
}

function stringsIn(metadata: GgufMetadata, name: string, path: string): GgufArray | null {
  const found = metadata.get(`tokenizer.ggml.${name}`);
  if (found === undefined) return null;
  if (found.type === 'array' && found.value.elementType === 'string') return found.value;
  throw damaged(path, `tokenizer.ggml.${name} is no list of texts`);
}

/** A copy of its own: the whole header lies in one piece of memory. */
function part({ bytes, length }: GgufArray): { bytes: Uint8Array; length: number } {
  return { bytes: bytes.slice(), length };
}

/** Makes few texts of a long list. */
function textsAt({ bytes, length }: GgufArray): (wanted: (index: number) => boolean) => Map<number, string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (wanted) => {
    const texts = new Map<number, string>();
    for (let i = 0, at = 0; i < length; i++) {
      const end = at + 8 + buffer.readUInt32LE(at);
      if (wanted(i)) texts.set(i, buffer.toString('utf8', at + 8, end));
      at = end;
    }
    return texts;
  };
}

type TextOf = ReturnType<typeof textsAt>;

/** Tokens that are kept whole in a text: control tokens, which are special, and those that a user defined. */
function addedTokens(types: readonly number[], textOf: TextOf, byteLevel: boolean): JsonObject[] {
  const texts = textOf((id) => types[id] === CONTROL || types[id] === USER_DEFINED);
  const rules = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  // In a byte-level vocabulary what is spelled in other characters has another spelling there, and is no such token.
  return [...texts]
    .filter(([, content]) => !byteLevel || isByteSpelled(content))
    .map(([id, content]) => ({ id, content, ...rules, special: types[id] === CONTROL }));
}

/** Whether every character stands for a byte in byte-level vocabularies. */
function isByteSpelled(text: string): boolean {
  return [...text].every((character) => {
    const point = character.codePointAt(0) as number;
    return (point > 32 && point < 127) || (point > 160 && point !== 173 && point < 256 + 68);
  });
}

function byteLevelHead(metadata: GgufMetadata, path: string): JsonObject {
  const pre = stringOf(metadata, 'tokenizer.ggml.pre') ?? 'default';
  const pattern = splitPattern(pre) ?? null;
  if (splitPattern(pre) === undefined)
    warn(`'${path}' splits texts as '${pre}' (tokenizer.ggml.pre), which is not known; they are split as GPT-2 does`);
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };
  const split = { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
  return {
    normalizer: null,
    pre_tokenizer:
      pattern === null
        ? { ...bytes, use_regex: true }
        : { type: 'Sequence', pretokenizers: [split, { ...bytes, use_regex: false }] },
    decoder: { ...bytes, add_prefix_space: true, use_regex: true },
    model: BYTE_LEVEL_MODEL,
  };
}

function sentencePieceHead(): JsonObject {
  return {
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
    decoder: {
      type: 'Sequence',
      decoders: [...PIECE_DECODERS, STRIP_DECODER],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
    },
  };
}

const SPECIAL: readonly [name: string, key: string][] = [
  ['bos_token', 'bos_token_id'],
  ['eos_token', 'eos_token_id'],
  ['unk_token', 'unknown_token_id'],
  ['pad_token', 'padding_token_id'],
];

const END_OF_TEXT = '<|endoftext|>';
/** Special tokens of the byte-level families, for which the classes of 4.57.6 take this token where none is named. */
const FAMILY_SPECIAL: ReadonlyMap<string | undefined, readonly string[]> = new Map([
  ['gpt2', ['bos_token', 'eos_token', 'unk_token']],
  ['qwen2', ['eos_token', 'unk_token', 'pad_token']],
]);

/** What stands for special tokens that a file does not name; nothing where it has no such control token. */
function familyTokens(metadata: GgufMetadata, added: readonly JsonObject[]): JsonObject {
  const names = FAMILY_SPECIAL.get(stringOf(metadata, 'general.architecture')) ?? [];
  const isThere = added.some(({ content, special }) => content === END_OF_TEXT && special);
  return isThere ? Object.fromEntries(names.map((name) => [name, END_OF_TEXT])) : {};
}

function configOf(metadata: GgufMetadata, size: number, textOf: TextOf, family: JsonObject, path: string): JsonObject {
  const config: JsonObject = {
    clean_up_tokenization_spaces: false,
    model_input_names: ['input_ids', 'attention_mask'],
  };
  const ids = new Map(SPECIAL.map(([name, key]) => [name, numberOf(metadata, `tokenizer.ggml.${key}`) ?? null]));
  const wanted = new Set(ids.values());
  const texts = textOf((id) => wanted.has(id));
  for (const [name, id] of ids) {
    if (id !== null && !(Number.isInteger(id) && id >= 0 && id < size))
      throw damaged(path, `its ${name} is token ${id}, and there are ${size}`);
    config[name] = id === null ? (family[name] ?? null) : texts.get(id);
  }
  const template = stringOf(metadata, 'tokenizer.chat_template');
  if (template !== undefined) config['chat_template'] = template;
  return config;
}
