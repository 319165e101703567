import { isGgufName } from '../../checkpoint/gguf/locate-gguf';
import { modelSubfolder } from '../../env';
import { NotImplementedError, OSError, TypeError, throwIfAborted, unknownName, ValueError } from '../../errors';
import { type HubOptions, hubOptionNames, hubOptionsOf } from '../../hub/options';
import { DownloadProgress, type DownloadProgressInfo } from '../../hub/progress';
import { warn, warnOnce } from '../../logging';
import { checkOptionKinds, givenOptions, type OptionKind } from '../../options';
import type { FileProgressInfo } from '../../progress-info';
import { Backend } from '../backend/backend';
import type { TokenizerFile } from '../backend/messages';
import type { Vocabulary as StoredFiles } from '../backend/vocabulary-files';
import { type AddedToken, contentOf, type SpecialToken } from './added-token';
import { configure, kInitNames, type TokenizerConfiguration } from './configuration';
import { type Conversion, conversionPaths, type Settings } from './conversion';
import {
  type JsonObject,
  kTokenizerConfigFile,
  kTokenizerFile,
  kVocabularyFiles,
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
  /** Makes the tokenizer of the vocabulary in an older library's format, also where there is a tokenizer.json. */
  from_slow?: boolean;
  progress_callback?: ((info: FileProgress) => void) | null;
  signal?: AbortSignal | null;
  [init: string]: unknown;
}

const kLoadNames = [
  'config',
  'subfolder',
  'gguf_file',
  'tokenizer_type',
  'use_fast',
  'from_slow',
  'progress_callback',
  'signal',
];
/** What the values of the options of loading may be. */
export const kLoadKinds: Readonly<Record<string, OptionKind>> = {
  config: 'object',
  subfolder: 'string',
  gguf_file: 'string',
  tokenizer_type: 'string',
  use_fast: 'boolean',
  from_slow: 'boolean',
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
    const files = conversionOf(Class, path, folder, init, options);
    const named = files?.conversion.files ?? [kTokenizerFile];
    for (const name of named) for (const status of ['initiate', 'download'] as const) report(status, name);
    const {
      file,
      configuration,
      path: opened,
      source,
    } = await openVocabulary(Class, folder, init, files, backend, signal);
    const { head, vocabulary } = file;
    const settings = settingsOf(Class, configuration);
    const changes = Class.changesTo(head, settings.init);
    const { stored, tokens } = mergeAddedTokens(head, configuration);
    const conversion = files || (Class.conversion?.alwaysPostProcesses && source === null) ? Class.conversion : null;
    const names = conversion ? tokensAround(conversion, settings) : [];
    // Truncation, padding and special tokens are put on by this package: the library's own are switched off.
    const off = { truncation: null, padding: null, post_processor: null };
    const ids = await backend.build(opened, { ...changes, ...off, added_tokens: stored }, tokens, names, signal);
    for (const name of named) report('done', name);
    if (folder.config)
      for (const status of ['initiate', 'download', 'done'] as const) report(status, kTokenizerConfigFile);
    const added = addedById(stored, tokens, ids.tokens);
    const around = conversion
      ? conversion.postProcessor(settings, lookUp(names, ids.names, settings), opened)
      : { ...head, ...changes }['post_processor'];
    return new Class({
      backend,
      vocabulary: new Vocabulary(vocabulary, added),
      postProcessor: readPostProcessor(around, opened),
      configuration,
      folder,
      subwordPrefix: subwordPrefixOf(head),
      converted: files && {
        path: opened,
        files: named,
        source: source as StoredFiles,
        changes: {
          ...changes,
          added_tokens: [...added].map(([id, token]) => ({ id, ...token })),
          post_processor: around,
        },
      },
    });
  } catch (error) {
    backend.dispose();
    throw withCode(error, folder.path);
  }
}

/** The files that the class makes a tokenizer of; null where there is a tokenizer.json to read. */
interface FilesToConvert {
  conversion: Conversion;
  paths: string[];
}

/** @throws OSError when there is no tokenizer.json and nothing that the class could make one of */
function conversionOf(
  Class: TokenizerClass,
  path: string,
  folder: TokenizerFolder,
  init: JsonObject,
  options: FromPretrainedOptions,
): FilesToConvert | null {
  const { conversion } = Class;
  if (folder.vocabulary) return null;
  const hasFile = folder.names.includes(kTokenizerFile);
  if (conversion === null) {
    if (hasFile && !options.from_slow) return null;
    const there = folder.names.filter((name) => kVocabularyFiles.includes(name)).join(', ');
    throw new OSError(
      hasFile
        ? `from_slow is on, and a ${Class.name} is made of tokenizer.json alone`
        : `'${path}' holds ${there} and no ${kTokenizerFile}, and nothing says which class makes a tokenizer of it; load it by ` +
            'the class of its model, such as BertTokenizer, or name that by the option tokenizer_type',
      { code: 'ERR_NO_TOKENIZER' },
    );
  }
  const isAsked = options.from_slow || conversion.prefersFiles?.(init);
  const isConfigured = conversion.prefersFiles?.({ ...folder.config, ...init });
  const isThere = conversion.files.every((name) => folder.names.includes(name));
  if (hasFile && !isAsked && !(isConfigured && isThere)) return null;
  return { conversion, paths: conversionPaths(conversion, Class.name, path, folder) };
}

interface OpenedVocabulary {
  file: TokenizerFile;
  configuration: TokenizerConfiguration;
  path: string;
  /** What was read in place of a tokenizer.json. */
  source: StoredFiles | null;
}

async function openVocabulary(
  Class: TokenizerClass,
  folder: TokenizerFolder,
  init: JsonObject,
  files: FilesToConvert | null,
  backend: Backend,
  signal?: AbortSignal,
): Promise<OpenedVocabulary> {
  if (files) {
    const configuration = configure(folder, init, Class.defaults, {}, true);
    const source = files.conversion.vocabulary(files.paths, settingsOf(Class, configuration));
    const path = files.paths[0] as string;
    return { file: await backend.adopt(path, source, signal), configuration, path, source };
  }
  const { tokenizerPath: path, vocabulary: source = null } = folder;
  const file = source ? await backend.adopt(path, source, signal) : await backend.open(path, signal);
  delete folder.vocabulary; // the thread has it now
  return { file, configuration: configure(folder, init, Class.defaults, file.head), path, source };
}

function settingsOf(Class: TokenizerClass, configuration: TokenizerConfiguration): Settings {
  const { init, special, addedTokens } = configuration;
  return { init: { ...Class.defaults.init, ...init }, special, addedTokens };
}

/** The tokens that may be put around texts. */
function tokensAround({ fixedTokens = [] }: Conversion, { special }: Settings): string[] {
  return [...new Set([...allSpecial(special).map(contentOf), ...fixedTokens])];
}

/** The id of a token, of the unknown one where there is no such token. */
function lookUp(names: readonly string[], ids: readonly (number | null)[], { special }: Settings) {
  const known = new Map(names.map((name, i) => [name, ids[i] ?? null]));
  const unknown = special.named.unk_token;
  const other = unknown === undefined ? null : (known.get(contentOf(unknown)) ?? null);
  return (token: string): number | null => known.get(token) ?? other;
}

/** The files of a tokenizer, or what a GGUF file says in their place. */
export function findFolder(path: string, options: FromPretrainedOptions): Promise<TokenizerFolder> {
  const { gguf_file = null } = options;
  const [subfolder, hub] = [modelSubfolder(options.subfolder), hubOptionsFor(path, options)];
  return gguf_file !== null || isGgufName(path)
    ? readGgufFolder(path, gguf_file, subfolder, hub)
    : readFolder(path, subfolder, hub, Boolean(options.from_slow ?? options['add_prefix_space'] != null));
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

/** An error of the language itself comes from a file whose members are not what they should be, or nested without end. */
function withCode(error: unknown, path: string): unknown {
  const { code, constructor } = error as { code?: unknown; constructor?: { name: string } };
  if (code !== undefined || !['TypeError', 'RangeError'].includes(constructor?.name ?? '')) return error;
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
 * The added tokens of tokenizer.json, and those that the configuration adds to them, in the order in which Transformers
 * adds them. A token with other matching rules is added again, which the library takes for a change; a plain string only
 * stands in where there is no such token.
 */
function mergeAddedTokens(
  head: JsonObject,
  { addedTokens, special }: TokenizerConfiguration,
): { stored: StoredToken[]; tokens: AddedToken[] } {
  const stored = (head['added_tokens'] as StoredToken[] | undefined) ?? [];
  const latest = new Map<string, AddedToken>(stored.map((token) => [token.content, token]));
  const tokens: AddedToken[] = [];
  const specials = allSpecial(special);
  const specialContents = new Set(specials.map(contentOf));
  const put = (token: AddedToken): void => {
    const known = latest.get(token.content);
    if (known && kRules.every((rule) => known[rule] === token[rule])) return;
    latest.set(token.content, token);
    tokens.push(token);
  };
  for (const [, token] of [...addedTokens].sort(([a], [b]) => a - b))
    put({ ...token, special: token.special || specialContents.has(token.content) });
  for (const token of specials) if (typeof token === 'object' || !latest.has(token)) put(asSpecial(token));
  return { stored, tokens };
}

const kRules = ['single_word', 'lstrip', 'rstrip', 'normalized', 'special'] as const;

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
