import { isGgufName } from '../../checkpoint/gguf/locate-gguf';
import { modelSubfolder } from '../../env';
import { NotImplementedError, TypeError, throwIfAborted, unknownName, ValueError } from '../../errors';
import { type HubOptions, hubOptionNames, hubOptionsOf } from '../../hub/options';
import { DownloadProgress, type DownloadProgressInfo } from '../../hub/progress';
import { warn, warnOnce } from '../../logging';
import { checkOptionKinds, givenOptions, type OptionKind } from '../../options';
import type { FileProgressInfo } from '../../progress-info';
import { Backend } from '../backend/backend';
import { type AddedToken, contentOf, type SpecialToken } from './added-token';
import { configure, kInitNames, type TokenizerConfiguration } from './configuration';
import {
  type JsonObject,
  kTokenizerConfigFile,
  kTokenizerFile,
  readFolder,
  readGgufFolder,
  type TokenizerFolder,
} from './folder';
import { readPostProcessor } from './post-processor';
import type { PreTrainedTokenizer, TokenizerParts } from './pretrained-tokenizer';
import { asSpecial, kSpecialTokenNames, type SpecialTokens } from './special-tokens';
import { Vocabulary } from './vocabulary';

/** What `progress_callback` hears about a file. */
export type FileProgress = DownloadProgressInfo;

/** Options of `from_pretrained`. Further names set up the tokenizer, as members of tokenizer_config.json do. */
export interface FromPretrainedOptions {
  /** The model's configuration, when config.json is not to be asked for the tokenizer's class. */
  config?: JsonObject | { model_type?: string; tokenizer_class?: string | null } | null;
  subfolder?: string | null;
  /** A GGUF file in the folder or repository, whose vocabulary is used. A path to such a file is one, too. */
  gguf_file?: string | null;
  /** `model_type` whose tokenizer class is to be used. */
  tokenizer_type?: string | null;
  use_fast?: boolean;
  progress_callback?: ((info: FileProgress) => void) | null;
  signal?: AbortSignal | null;
  [init: string]: unknown;
}

const kLoadNames = ['config', 'subfolder', 'gguf_file', 'tokenizer_type', 'use_fast', 'progress_callback', 'signal'];
/** What the values of the options of loading may be. */
export const kLoadKinds: Readonly<Record<string, OptionKind>> = {
  config: 'object',
  subfolder: 'string',
  gguf_file: 'string',
  tokenizer_type: 'string',
  use_fast: 'boolean',
  progress_callback: 'function',
};
/** They choose what is downloaded, and mean nothing for a folder. */
const kHubNames: readonly string[] = hubOptionNames;
/** Nothing of a checkpoint is ever executed. */
const kInertNames = ['trust_remote_code'];

/** They set up models: transformers.js passes over them in silence where a tokenizer is loaded. */
const kModelNames = [
  'dtype',
  'torch_dtype',
  'device',
  'session_options',
  'use_external_data_format',
  'model_file_name',
  'quantized',
];

/** A class of tokenizers, as `from_pretrained` needs it. */
export type TokenizerClass<T extends PreTrainedTokenizer = PreTrainedTokenizer> = {
  new (parts: TokenizerParts): T;
} & typeof PreTrainedTokenizer;

/** Loads a tokenizer of `Class` from a folder. */
export async function loadTokenizer<T extends PreTrainedTokenizer>(
  Class: TokenizerClass<T>,
  path: string,
  given: FromPretrainedOptions | null | undefined,
  known?: TokenizerFolder,
): Promise<T> {
  const options = givenOptions(given, 'from_pretrained');
  const signal = options.signal ?? undefined;
  throwIfAborted(signal);
  checkOptionKinds(`${Class.name}.from_pretrained`, options, kLoadKinds);
  const init = initOptions(Class, options);
  if (typeof path !== 'string') throw new TypeError(`from_pretrained takes the path of a folder, got ${typeof path}`);
  const folder = known ?? (await findFolder(path, options));
  warnOfOtherClass(Class, folder);
  const report = (status: FileProgressInfo['status'], file: string): void =>
    options.progress_callback?.({ status, name: path, file });
  const backend = new Backend();
  try {
    for (const status of ['initiate', 'download'] as const) report(status, kTokenizerFile);
    const { head, vocabulary } = folder.vocabulary
      ? await backend.adopt(folder.tokenizerPath, folder.vocabulary, signal)
      : await backend.open(folder.tokenizerPath, signal);
    delete folder.vocabulary; // the thread has it now
    const configuration = configure(folder, init, Class.defaults, head);
    const changes = Class.changesTo(head, { ...Class.defaults.init, ...configuration.init });
    const postProcessor = readPostProcessor({ ...head, ...changes }['post_processor'], folder.tokenizerPath);
    const { stored, tokens } = mergeAddedTokens(head, configuration);
    // Truncation, padding and special tokens are put on by this package: the library's own are switched off.
    const off = { truncation: null, padding: null, post_processor: null };
    const ids = await backend.build(folder.tokenizerPath, { ...changes, ...off, added_tokens: stored }, tokens, signal);
    report('done', kTokenizerFile);
    if (folder.config)
      for (const status of ['initiate', 'download', 'done'] as const) report(status, kTokenizerConfigFile);
    const added = addedById(stored, tokens, ids);
    return new Class({
      backend,
      vocabulary: new Vocabulary(vocabulary, added),
      postProcessor,
      configuration,
      folder,
      subwordPrefix: subwordPrefixOf(head),
    });
  } catch (error) {
    backend.dispose();
    throw withCode(error, folder.path);
  }
}

/** The files of a tokenizer, or what a GGUF file says in their place. */
export function findFolder(path: string, options: FromPretrainedOptions): Promise<TokenizerFolder> {
  const { gguf_file = null } = options;
  const [subfolder, hub] = [modelSubfolder(options.subfolder), hubOptionsFor(path, options)];
  return gguf_file !== null || isGgufName(path)
    ? readGgufFolder(path, gguf_file, subfolder, hub)
    : readFolder(path, subfolder, hub);
}

/** How the files are fetched when `path` is a repository. @throws ValueError, TypeError naming the option */
export function hubOptionsFor(path: string, options: FromPretrainedOptions): HubOptions {
  const { progress_callback: listener, signal } = options;
  return {
    ...hubOptionsOf(options),
    user_agent: { file_type: 'tokenizer' },
    ...(listener && { onTransfer: new DownloadProgress(path, listener).listen }),
    ...(signal && { signal }),
  };
}

/** A TypeError of the language itself comes from a file whose members are not what they should be. */
function withCode(error: unknown, path: string): unknown {
  const { code, constructor } = error as { code?: unknown; constructor?: { name: string } };
  if (code !== undefined || constructor?.name !== 'TypeError') return error;
  return new ValueError(`the tokenizer files in '${path}' are damaged: ${(error as Error).message}`, {
    code: 'ERR_TOKENIZER_FILE',
    cause: error,
  });
}

function subwordPrefixOf(head: JsonObject): string | null {
  const { type, continuing_subword_prefix: prefix } = head['model'] as JsonObject;
  return typeof prefix === 'string' && prefix !== '' && (type === 'WordPiece' || type === 'BPE') ? prefix : null;
}

/** The options that set the tokenizer up. @throws TypeError, NotImplementedError for those that are not known */
function initOptions(Class: TokenizerClass, options: FromPretrainedOptions): JsonObject {
  const initNames = [...kInitNames, ...Object.keys(Class.defaults.init)];
  const init: JsonObject = {};
  for (const [name, value] of Object.entries(options)) {
    if (kLoadNames.includes(name) || kInertNames.includes(name) || kHubNames.includes(name)) continue;
    if (kModelNames.includes(name)) {
      warnOnce(`the option '${name}' sets up a model, and means nothing for a tokenizer`);
      continue;
    }
    if (!initNames.includes(name)) throw unknownName('option', name, 'from_pretrained', [...kLoadNames, ...initNames]);
    if (typeof Class.defaults.init[name] === 'boolean' && typeof value !== 'boolean')
      throw new TypeError(`${name} must be true or false, got ${JSON.stringify(value)}`);
    init[name] = value;
  }
  if (options.use_fast === false)
    throw new NotImplementedError('use_fast: false is not supported: every tokenizer here is a fast one');
  return init;
}

function warnOfOtherClass(Class: TokenizerClass, folder: TokenizerFolder): void {
  const stored = folder.config?.['tokenizer_class'];
  if (typeof stored !== 'string' || kGeneric.includes(Class.name)) return;
  if (stored.replace(/Fast$/, '') !== Class.name)
    warn(
      `the folder '${folder.path}' is of a ${stored}, but is loaded as ${Class.name}; texts may be split differently`,
    );
}

const kGeneric = ['PreTrainedTokenizer', 'TokenizersBackend'];

type StoredToken = AddedToken & { id: number };

/**
 * The added tokens of tokenizer.json with the configuration's, and the tokens that only the configuration has, in the
 * order in which Transformers adds them. A token with matching rules replaces the one of the file; a plain string only
 * stands in where the file has none.
 */
function mergeAddedTokens(
  head: JsonObject,
  { addedTokens, special }: TokenizerConfiguration,
): { stored: StoredToken[]; tokens: AddedToken[] } {
  const stored = new Map((head['added_tokens'] as StoredToken[] | undefined)?.map((token) => [token.content, token]));
  const fresh = new Map<string, AddedToken>();
  const specials = allSpecial(special);
  const specialContents = new Set(specials.map(contentOf));
  const put = (token: AddedToken): void => {
    const known = stored.get(token.content);
    if (known) stored.set(token.content, { id: known.id, ...token });
    else fresh.set(token.content, token);
  };
  for (const [, token] of [...addedTokens].sort(([a], [b]) => a - b))
    put({ ...token, special: token.special || specialContents.has(token.content) });
  for (const token of specials)
    if (typeof token === 'object' || !(stored.has(token) || fresh.has(token))) put(asSpecial(token));
  return { stored: [...stored.values()], tokens: [...fresh.values()] };
}

function allSpecial({ named, additional }: SpecialTokens): SpecialToken[] {
  return [...kSpecialTokenNames.flatMap((name) => named[name] ?? []), ...additional];
}

function addedById(
  stored: readonly StoredToken[],
  tokens: readonly AddedToken[],
  ids: readonly (number | null)[],
): Map<number, AddedToken> {
  const byId = new Map<number, AddedToken>();
  for (const { id, ...token } of stored) byId.set(id, token);
  tokens.forEach((token, i) => {
    const id = ids[i];
    if (id !== null && id !== undefined) byId.set(id, token);
  });
  return new Map([...byId].sort(([a], [b]) => a - b));
}
