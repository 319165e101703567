import { NotImplementedError, TypeError, throwIfAborted, unknownName, ValueError } from '../../errors';
import type { CommitInfo } from '../../hub/commit-files';
import { type PushOptions, pushToHub } from '../../hub/push-to-hub';
import { warn } from '../../logging';
import { checkOptionKinds, givenOptions, refuseSurplus } from '../../options';
import type { Tensor } from '../../tensor/tensor';
import { TurnTaker } from '../../turns';
import type { Backend } from '../backend/backend';
import type { Vocabulary as StoredFiles } from '../backend/vocabulary-files';
import type { AddedToken } from './added-token';
import {
  BatchEncoding,
  guardAgainstNoAwait,
  type ListEncoding,
  type RowEncoding,
  type TensorEncoding,
} from './batch-encoding';
import { type CallDefaults, type CallPlan, planCall, type TokenizerOptions } from './call-options';
import { cleanUpTokenization } from './clean-up';
import { commonLength, int64Tensor, listColumn, type Padding, paddedLength, tensorColumn } from './columns';
import { type ClassDefaults, readSide, type TokenizerConfiguration } from './configuration';
import type { Conversion } from './conversion';
import { encodeRows } from './encode-rows';
import type { JsonObject, TokenizerFolder } from './folder';
import { type FromPretrainedOptions, loadTokenizer, type TokenizerClass } from './load';
import { countSpecialTokens, type PostProcessor } from './post-processor';
import type { Row } from './rows';
import { type Samples, type TextInput, toSamples } from './samples';
import { filesOf, type SaveOptions, savedState, saveTokenizer } from './save';
import { SpecialTokensMixin } from './special-tokens';
import { type TokenIds, toIdLists } from './token-ids';
import type { Side } from './truncation';
import type { Vocabulary } from './vocabulary';

/** What a tokenizer is made of; `from_pretrained` brings it together. */
export interface TokenizerParts {
  backend: Backend;
  vocabulary: Vocabulary;
  postProcessor: PostProcessor;
  configuration: TokenizerConfiguration;
  folder: TokenizerFolder;
  /** What the model puts before a token that goes on with a word, such as '##'; null when it marks none. */
  subwordPrefix: string | null;
  /** Where there was no tokenizer.json: what it was made of. */
  converted: Converted | null;
}

/** What a tokenizer was made of in place of a tokenizer.json, which saving writes. */
export interface Converted {
  path: string;
  /** Names of the files in the folder. */
  files: readonly string[];
  source: StoredFiles;
  /** Members of tokenizer.json that the configuration decided. */
  changes: JsonObject;
}

export interface DecodeOptions {
  /** Leaves special tokens out (default false). */
  skip_special_tokens?: boolean | null;
  /** Takes spaces before punctuation out; the tokenizer's `clean_up_tokenization_spaces` by default. */
  clean_up_tokenization_spaces?: boolean | null;
  signal?: AbortSignal | null;
}

/** Options of `tokenize`: those of a call, and the second text under its name in Transformers. */
export type TokenizeOptions = Omit<TokenizerOptions, 'return_tensor'> & { pair?: string | readonly string[] | null };

/** Options of `encode`: those of a call; `return_tensor` is false when left out. */
export type EncodeOptions = TokenizerOptions;

/** Options of `convert_ids_to_tokens`. */
interface SkipOptions {
  /** Leaves special tokens out (default false). */
  skip_special_tokens?: boolean | null;
}

const kDecodeKinds = { skip_special_tokens: 'boolean', clean_up_tokenization_spaces: 'boolean' } as const;
const kDecodeOptions = ['skip_special_tokens', 'clean_up_tokenization_spaces', 'signal'];

export interface PreTrainedTokenizer {
  (text: string, options: TokenizerOptions & OneRow): Promise<RowEncoding>;
  (text: readonly string[], options: TokenizerOptions & OneRow & { is_split_into_words: true }): Promise<RowEncoding>;
  (text: TextInput, options: TokenizerOptions & { return_tensor: false }): Promise<ListEncoding>;
  (text: TextInput, options?: TokenizerOptions | null): Promise<TensorEncoding>;
}

/** What makes a call's result arrays of one row. */
type OneRow = { return_tensor: false; return_overflowing_tokens?: false | null };

/**
 * Turns text into the ids of a model and back. Instances are functions: `await tokenizer(texts, options)`.
 *
 * Plain encoding and decoding is done by the npm package `tokenizers`, on a thread of its own; truncation, windows,
 * special tokens, padding and offsets follow Transformers 4.35.2 (`tokenization_utils_fast.py`).
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: instances are functions, see Callable
export class PreTrainedTokenizer extends SpecialTokensMixin {
  /** What instances of the class have where no file or option says otherwise. */
  static readonly defaults: ClassDefaults = {
    model_input_names: ['input_ids', 'token_type_ids', 'attention_mask'],
    special: { named: {}, additional: [] },
    init: {},
  };

  /** How a tokenizer is made where there is no tokenizer.json; null where it cannot. */
  static readonly conversion: Conversion | null = null;

  /** Members of tokenizer.json that the configuration changes. */
  static changesTo(_file: JsonObject, _init: JsonObject): JsonObject {
    return {};
  }

  /** Longest row that the model takes, in tokens; 1e30 when it is not known. */
  model_max_length: number;
  padding_side: Side;
  truncation_side: Side;
  model_input_names: string[];
  clean_up_tokenization_spaces: boolean;
  /** Type of padded places. */
  pad_token_type_id = 0;
  /** Folder that the tokenizer was loaded from. */
  name_or_path: string;
  /** Everything that the tokenizer was set up with. */
  readonly init_kwargs: JsonObject;
  chat_template: unknown;
  /** @internal What stands before a token that goes on with a word, such as '##'; null when no token is marked so. */
  readonly subwordPrefix: string | null;
  /** @internal The options of `from_pretrained`, and the state after it: what saving compares with. */
  readonly loaded: { options: JsonObject; state: JsonObject };
  /** @internal */
  readonly converted: Converted | null;

  private readonly backend: Backend;
  private readonly postProcessor: PostProcessor;
  private readonly folder: TokenizerFolder;
  private readonly warned = new Set<string>();

  constructor(parts: TokenizerParts) {
    super(parts.configuration.special, parts.vocabulary);
    const { configuration } = parts;
    this.backend = parts.backend;
    this.postProcessor = parts.postProcessor;
    this.folder = parts.folder;
    this.subwordPrefix = parts.subwordPrefix;
    this.converted = parts.converted;
    this.model_max_length = configuration.model_max_length;
    this.padding_side = configuration.padding_side;
    this.truncation_side = configuration.truncation_side;
    this.model_input_names = configuration.model_input_names;
    this.clean_up_tokenization_spaces = configuration.clean_up_tokenization_spaces;
    this.name_or_path = parts.folder.path;
    this.init_kwargs = configuration.init;
    this.chat_template = configuration.init['chat_template'] ?? null;
    this.loaded = { options: configuration.options, state: savedState(this) };
  }

  /**
   * Loads the tokenizer of a folder.
   * @param path - folder with tokenizer.json, or with the vocabulary that the class reads in its place
   * @throws OSError when there is no such folder or file, ValueError when a file is damaged
   */
  static from_pretrained<T extends PreTrainedTokenizer>(
    this: TokenizerClass<T>,
    path: string,
    options?: FromPretrainedOptions | null,
  ): Promise<T> {
    return loadTokenizer(this, path, options);
  }

  /** @internal The call itself: `tokenizer(text, options)`. */
  override _call(text: TextInput, options?: TokenizerOptions | null, ...surplus: unknown[]): Promise<TensorEncoding> {
    const result = surplus.some((value) => value !== undefined)
      ? Promise.reject(
          new TypeError(
            `${this.constructor.name} takes texts and one object of options, and got ${2 + surplus.length} arguments`,
          ),
        )
      : (this.encodeBatch(text, options) as Promise<TensorEncoding>);
    return guardAgainstNoAwait(result, this.model_input_names);
  }

  /** Ids of one text, or of a text and its pair. */
  encode(text: string | readonly string[], options: EncodeOptions & { return_tensor: true }): Promise<Tensor>;
  encode(text: string | readonly string[], options?: EncodeOptions | null): Promise<number[]>;
  async encode(
    text: string | readonly string[],
    given?: EncodeOptions | null,
    ...surplus: never[]
  ): Promise<number[] | Tensor> {
    refuseSurplus('encode()', surplus);
    const options = givenOptions(given, 'encode()');
    const plan = planCall({ return_tensor: false, ...options }, this.callDefaults(), 'encode()');
    const samples = toSamples(text, options.text_pair, plan.splitIntoWords);
    if (samples.batched) throw new TypeError('encode() takes one text; for a list call the tokenizer itself');
    const encoding = await this.assemble(samples, plan);
    return (encoding as unknown as { input_ids: number[] | Tensor }).input_ids;
  }

  /** The tokens of one text, without special tokens unless `add_special_tokens` is on. */
  async tokenize(
    text: string | readonly string[],
    options?: TokenizeOptions | null,
    ...surplus: never[]
  ): Promise<string[]> {
    refuseSurplus('tokenize()', surplus);
    const { pair, ...rest } = givenOptions(options, 'tokenize()');
    const call = { add_special_tokens: false, ...rest, text_pair: rest.text_pair ?? pair ?? null };
    const plan = planCall(call, this.callDefaults(), 'tokenize()');
    const samples = toSamples(text, call.text_pair, plan.splitIntoWords);
    if (samples.batched) throw new TypeError('tokenize() takes one text, not a list');
    const [row] = (await this.rowsOf(samples, plan, true)) as [Row];
    const tokens = row.segments.flatMap((segment) =>
      'special' in segment
        ? segment.special.tokens
        : (segment.chunk.tokens as string[]).slice(segment.start, segment.stop),
    );
    const missing = Math.max(0, (paddedLength([row], plan) ?? 0) - row.length);
    const padding: string[] = new Array(missing).fill(this.pad_token);
    return plan.paddingSide === 'left' ? [...padding, ...tokens] : [...tokens, ...padding];
  }

  /** The text of one list of ids; a Tensor of ids may be [T] or [1, T]. */
  async decode(ids: TokenIds | number | bigint, options?: DecodeOptions | null, ...surplus: never[]): Promise<string> {
    refuseSurplus('decode()', surplus);
    const { lists } = toIdLists(typeof ids === 'object' ? ids : [ids]);
    if (lists.length !== 1)
      throw new ValueError(`decode() takes one list of ids, got ${lists.length}; use batch_decode()`);
    return ((await this.decodeLists(lists, options, 'decode()')) as [string])[0];
  }

  /** The texts of several lists of ids, or of a Tensor [B, T]; of each id, when they are one list. */
  async batch_decode(
    batch: TokenIds | readonly TokenIds[],
    options?: DecodeOptions | null,
    ...surplus: never[]
  ): Promise<string[]> {
    refuseSurplus('batch_decode()', surplus);
    const { lists, flat } = toIdLists(batch);
    const rows = flat ? Array.from(lists[0] as Int32Array, (id) => Int32Array.of(id)) : lists;
    return this.decodeLists(rows, options, 'batch_decode()');
  }

  /** Id of a token or ids of several, null of null; those that are not in the vocabulary get the id of the unknown token. */
  convert_tokens_to_ids(tokens: string | null): number | null;
  convert_tokens_to_ids(tokens: readonly string[]): (number | null)[];
  convert_tokens_to_ids(tokens: string | readonly string[] | null): number | null | (number | null)[] {
    if (tokens === null) return null;
    if (typeof tokens === 'string') return this.idOrUnknown(tokens);
    if (!Array.isArray(tokens) || !tokens.every((token) => typeof token === 'string'))
      throw new TypeError('convert_tokens_to_ids() takes a token, a list of tokens or null');
    return tokens.map((token) => this.idOrUnknown(token));
  }

  /** Token of an id or tokens of several; null for ids that the vocabulary does not have. */
  convert_ids_to_tokens(ids: number | bigint, options?: SkipOptions | null): string | null;
  convert_ids_to_tokens(ids: TokenIds, options?: SkipOptions | null): (string | null)[];
  convert_ids_to_tokens(
    ids: TokenIds | number | bigint,
    options?: SkipOptions | null,
  ): string | null | (string | null)[] {
    const { skip_special_tokens } = givenOptions(options, 'convert_ids_to_tokens()');
    if (typeof ids !== 'object') return this.vocabulary.tokenOf(Number(ids));
    const skipped = new Set(skip_special_tokens ? this.all_special_ids : []);
    const { lists } = toIdLists(ids);
    return lists
      .flatMap((list) => Array.from(list))
      .filter((id) => !skipped.has(id))
      .map((id) => this.vocabulary.tokenOf(id));
  }

  /** The text of one list of tokens; tokens that are no part of the vocabulary stand for themselves. */
  async convert_tokens_to_string(tokens: readonly string[], options?: { signal?: AbortSignal }): Promise<string>;
  async convert_tokens_to_string(
    tokens: readonly (readonly string[])[],
    options?: { signal?: AbortSignal },
  ): Promise<string[]>;
  async convert_tokens_to_string(
    tokens: readonly string[] | readonly (readonly string[])[],
    given?: { signal?: AbortSignal } | null,
  ): Promise<string | string[]> {
    const options = givenOptions(given, 'convert_tokens_to_string()');
    if (!Array.isArray(tokens))
      throw new TypeError('convert_tokens_to_string() takes a list of tokens, or several such lists');
    const isBatch = tokens.length > 0 && tokens.every((list) => Array.isArray(list));
    const lists = (isBatch ? tokens : [tokens]) as string[][];
    if (!lists.every((list) => Array.isArray(list) && list.every((token) => typeof token === 'string')))
      throw new TypeError('convert_tokens_to_string() takes a list of tokens, or several such lists');
    throwIfAborted(options.signal);
    const texts = await this.backend.join(lists, options.signal);
    return isBatch ? texts : (texts[0] as string);
  }

  /** Number of special tokens that a call puts around a text, or around a text and its pair. */
  num_special_tokens_to_add(pair = false): number {
    return countSpecialTokens(pair ? this.postProcessor.pair : this.postProcessor.single);
  }

  /** Every token and its id, added tokens included. */
  get_vocab(): Map<string, number> {
    return this.vocabulary.toMap();
  }

  /** The added tokens and their ids. */
  get_added_vocab(): Map<string, number> {
    return new Map([...this.vocabulary.added].map(([id, { content }]) => [content, id]));
  }

  /** The added tokens by id. */
  get added_tokens_decoder(): ReadonlyMap<number, AddedToken> {
    return this.vocabulary.added;
  }

  /** Number of tokens of the model's vocabulary, without the added ones. */
  get vocab_size(): number {
    return this.vocabulary.baseSize;
  }

  /** Number of all tokens: Python's `len(tokenizer)`. */
  get length(): number {
    return this.vocabulary.size;
  }

  get is_fast(): boolean {
    return true;
  }

  get max_len_single_sentence(): number {
    return this.model_max_length - this.num_special_tokens_to_add(false);
  }

  get max_len_sentences_pair(): number {
    return this.model_max_length - this.num_special_tokens_to_add(true);
  }

  /** @internal The text of the tokenizer.json that a vocabulary amounts to, members in `changes` replaced. */
  fileText(path: string, source: StoredFiles, changes: JsonObject, signal?: AbortSignal): Promise<string> {
    return this.backend.text(path, source, changes, signal);
  }

  /**
   * Writes the tokenizer's files into a folder, which is made if need be; resolves to their paths. tokenizer.json and
   * vocabulary files are copied byte for byte, tokenizer_config.json too unless something of it was changed.
   */
  save_pretrained(directory: string, options?: SaveOptions | null): Promise<string[]> {
    return saveTokenizer(this, this.folder, directory, givenOptions(options, 'save_pretrained'));
  }

  /** @internal The files that `save_pretrained` writes, by name. */
  files(): Promise<Map<string, Uint8Array>> {
    return filesOf(this, this.folder, undefined);
  }

  /**
   * Saves the tokenizer and commits it to a repository on the Hub, which is made when it is not there.
   * @throws as `pushToHub`; what saving throws
   */
  async push_to_hub(repo_id: string | null, options?: PushOptions | null): Promise<CommitInfo> {
    const save = (folder: string, { signal }: { signal?: AbortSignal }) =>
      this.save_pretrained(folder, { ...(signal && { signal }) });
    return pushToHub({ className: this.constructor.name, save }, repo_id, options);
  }

  /** Not there yet. */
  async apply_chat_template(): Promise<never> {
    throw new NotImplementedError('apply_chat_template is not supported yet');
  }

  /** Frees the memory of the tokenizer; calls that need it reject from here on. */
  dispose(): void {
    this.backend.dispose();
  }

  /** @internal Hook for classes that cannot take lists of words in every setting. */
  checkSplitWords(): void {}

  /** @internal The rows of a call before padding. */
  async rowsOf(samples: Samples, plan: CallPlan, tokens: boolean): Promise<Row[]> {
    if (plan.splitIntoWords) this.checkSplitWords();
    const rows = await encodeRows(samples, { plan, backend: this.backend, postProcessor: this.postProcessor, tokens });
    const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
    if (!plan.maxLengthGiven && longest > this.model_max_length)
      plan.warnAbout(
        'long sequence',
        `a text has ${longest} tokens, more than the ${this.model_max_length} that the model takes; pass truncation: true`,
      );
    return rows;
  }

  private async encodeBatch(text: TextInput, given: TokenizerOptions | null | undefined): Promise<BatchEncoding> {
    const options = givenOptions(given, 'a tokenizer call', '{ text_pair, padding: true }');
    const plan = planCall(options, this.callDefaults(), 'a tokenizer call');
    throwIfAborted(plan.signal);
    return this.assemble(toSamples(text, options.text_pair, plan.splitIntoWords), plan);
  }

  private async assemble(samples: Samples, plan: CallPlan): Promise<BatchEncoding> {
    const padding = this.paddingOf(plan);
    const rows = await this.rowsOf(samples, plan, false);
    const target = paddedLength(rows, plan);
    const turns = new TurnTaker(plan.signal);
    const columns: Record<string, unknown> = {};
    const length = plan.returnTensor ? commonLength(rows, target) : null;
    for (const column of plan.columns)
      columns[column] =
        length === null
          ? await listColumn(column, rows, target, padding, plan, turns)
          : await tensorColumn(column, rows, length, padding, plan, turns);
    if (plan.returnOverflowingTokens) {
      const mapping = rows.map((row) => row.sample);
      columns['overflow_to_sample_mapping'] = plan.returnTensor ? int64Tensor(mapping, [mapping.length]) : mapping;
    } else if (!plan.returnTensor && !samples.batched) unwrap(columns);
    return new BatchEncoding(columns, { rows, target, side: plan.paddingSide });
  }

  private paddingOf(plan: CallPlan): Padding {
    const id = this.pad_token_id;
    if (plan.padding !== 'do_not_pad' && id === null)
      throw new ValueError(
        'padding was asked for, but the tokenizer has no padding token; set one, as in tokenizer.pad_token = tokenizer.eos_token',
        { code: 'ERR_NO_PAD_TOKEN' },
      );
    return { id: id ?? 0, typeId: this.pad_token_type_id };
  }

  private async decodeLists(
    lists: readonly Int32Array[],
    given: DecodeOptions | null | undefined,
    where: string,
  ): Promise<string[]> {
    const options = givenOptions(given, where);
    for (const name of Object.keys(options))
      if (!kDecodeOptions.includes(name)) throw unknownName('option', name, where, kDecodeOptions);
    checkOptionKinds(where, options, kDecodeKinds);
    const signal = options.signal ?? undefined;
    throwIfAborted(signal);
    const texts = await this.backend.decode(lists, options.skip_special_tokens ?? false, signal);
    const cleanUp = options.clean_up_tokenization_spaces ?? this.clean_up_tokenization_spaces;
    return cleanUp ? texts.map(cleanUpTokenization) : texts;
  }

  private callDefaults(): CallDefaults {
    return {
      padding_side: readSide('padding_side', this.padding_side),
      truncation_side: readSide('truncation_side', this.truncation_side),
      model_max_length: this.model_max_length,
      model_input_names: this.model_input_names,
      warnAbout: (topic, message) => this.warnOnceAbout(topic, message),
    };
  }

  private warnOnceAbout(topic: string, message: string): void {
    if (this.warned.has(topic)) return;
    this.warned.add(topic);
    warn(message);
  }
}

/** One text's arrays instead of lists of them; a list of numbers stays, as in Transformers. */
function unwrap(columns: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(columns)) {
    const [row] = value as unknown[];
    if (Array.isArray(row)) columns[name] = row;
  }
}
