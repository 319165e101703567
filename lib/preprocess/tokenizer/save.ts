import { mkdir, readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isGgufName } from '../../checkpoint/gguf/locate-gguf';
import { StagedFile } from '../../checkpoint/staged-file';
import { clearAbandoned } from '../../checkpoint/temporary-file';
import { kTokenizerFiles } from '../../checkpoint/tokenizer-files';
import { OSError, TypeError, throwIfAborted, unknownName } from '../../errors';
import type { SpecialToken } from './added-token';
import {
  type JsonObject,
  kAddedTokensFile,
  kSpecialTokensMapFile,
  kTokenizerConfigFile,
  kTokenizerFile,
  type TokenizerFolder,
} from './folder';
import { readGgufTokenizer } from './gguf';
import type { Converted, PreTrainedTokenizer } from './pretrained-tokenizer';
import { kSpecialTokenNames } from './special-tokens';

export interface SaveOptions {
  signal?: AbortSignal | null;
}

/** Writes a tokenizer's files into `directory`. All are complete before the first takes its place. */
export async function saveTokenizer(
  tokenizer: PreTrainedTokenizer,
  source: TokenizerFolder,
  directory: string,
  options: SaveOptions,
): Promise<string[]> {
  for (const name of Object.keys(options))
    if (name !== 'signal') throw unknownName('option', name, 'save_pretrained', ['signal']);
  if (typeof directory !== 'string')
    throw new TypeError(`save_pretrained takes the path of a folder, got ${typeof directory}`);
  const signal = options.signal ?? undefined;
  throwIfAborted(signal);
  const files = await filesOf(tokenizer, source, signal);
  await makeFolder(directory);
  await clearAbandoned(directory);
  const staged: StagedFile[] = [];
  try {
    for (const [name, bytes] of files) {
      const file = await StagedFile.create(join(directory, name), signal);
      staged.push(file);
      await file.write(bytes);
      await file.finish();
    }
    for (const file of staged) await file.commit();
  } catch (error) {
    for (const file of staged) await file.discard();
    throw error;
  }
  return [...files.keys()].map((name) => join(directory, name));
}

/** What `saveTokenizer` writes, by name. */
export async function filesOf(
  tokenizer: PreTrainedTokenizer,
  source: TokenizerFolder,
  signal: AbortSignal | undefined,
): Promise<Map<string, Uint8Array>> {
  if (isGgufName(source.tokenizerPath)) return filesOfGguf(tokenizer, source, signal);
  if (tokenizer.converted) return filesOfConverted(tokenizer, tokenizer.converted, source, signal);
  const files = await carriedOver(source, kTokenizerFiles);
  const config = changedConfig(tokenizer, source.config);
  if (config) files.set(kTokenizerConfigFile, toJson(config));
  const map = changedSpecialTokensMap(tokenizer, source.specialTokensMap);
  if (map) files.set(kSpecialTokensMapFile, toJson(map));
  return files;
}

/** The files of `names` that the folder has, as they are. */
async function carriedOver(source: TokenizerFolder, names: readonly string[]): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  try {
    const found = await readdir(source.path);
    for (const name of names)
      if (found.includes(name)) files.set(name, await readFile(await realpath(join(source.path, name))));
  } catch (error) {
    throw new OSError(
      `the tokenizer cannot be saved, since the files it was loaded from cannot be read: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return files;
}

/** The vocabulary as it is, and the tokenizer.json that it was made into: what Transformers 4.57.6 writes. */
async function filesOfConverted(
  tokenizer: PreTrainedTokenizer,
  { path, files: names, source: vocabulary, changes }: Converted,
  source: TokenizerFolder,
  signal: AbortSignal | undefined,
): Promise<Map<string, Uint8Array>> {
  const files = await carriedOver(source, [...names, 'chat_template.jinja']);
  const text = await tokenizer.fileText(path, vocabulary, changes, signal);
  files.set(kTokenizerFile, new TextEncoder().encode(text));
  const added = [...tokenizer.added_tokens_decoder];
  const config = {
    ...(tokenizer.constructor as typeof PreTrainedTokenizer).defaults.init,
    ...source.config,
    tokenizer_class: tokenizer.constructor.name,
    ...savedState(tokenizer),
    ...changesOf(tokenizer),
    added_tokens_decoder: Object.fromEntries(added),
  };
  files.set(kTokenizerConfigFile, toJson(config));
  files.set(kSpecialTokensMapFile, toJson({ ...tokenizer.special_tokens_map }));
  const further = added.filter(([id]) => id >= tokenizer.vocab_size).map(([id, { content }]) => [content, id]);
  if (further.length > 0) files.set(kAddedTokensFile, toJson(Object.fromEntries(further)));
  return files;
}

/** The files that say what a GGUF file says: there are none to carry over. */
async function filesOfGguf(
  tokenizer: PreTrainedTokenizer,
  source: TokenizerFolder,
  signal: AbortSignal | undefined,
): Promise<Map<string, Uint8Array>> {
  const { vocabulary } = await readGgufTokenizer(source.tokenizerPath, signal);
  const tokenizer_class = tokenizer.constructor.name;
  const config = { tokenizer_class, ...source.config, ...savedState(tokenizer), ...changesOf(tokenizer) };
  return new Map([
    [kTokenizerFile, new TextEncoder().encode(await tokenizer.fileText(source.tokenizerPath, vocabulary, {}, signal))],
    [kTokenizerConfigFile, toJson(config)],
    [kSpecialTokensMapFile, toJson({ ...tokenizer.special_tokens_map })],
  ]);
}

/** What of a tokenizer can be changed after loading, as tokenizer_config.json has it. */
export function savedState(tokenizer: PreTrainedTokenizer): JsonObject {
  const { model_max_length, padding_side, truncation_side, clean_up_tokenization_spaces, model_input_names } =
    tokenizer;
  const { named, additional } = tokenizer.special;
  const state: JsonObject = { model_max_length, padding_side, truncation_side, clean_up_tokenization_spaces };
  state['model_input_names'] = [...model_input_names];
  for (const name of kSpecialTokenNames) state[name] = toConfig(named[name] ?? null);
  state['additional_special_tokens'] = additional.map(toConfig);
  return state;
}

function toConfig(token: SpecialToken | null): unknown {
  return token === null || typeof token === 'string' ? token : { __type: 'AddedToken', ...token };
}

/** What was set by the options of from_pretrained or later on. */
function changesOf(tokenizer: PreTrainedTokenizer): JsonObject {
  const now = savedState(tokenizer);
  const changes: JsonObject = { ...tokenizer.loaded.options };
  for (const [name, value] of Object.entries(now))
    if (name in changes || JSON.stringify(value) !== JSON.stringify(tokenizer.loaded.state[name]))
      changes[name] = value;
  return changes;
}

/** The configuration with the changes; null when there are none. */
function changedConfig(tokenizer: PreTrainedTokenizer, stored: JsonObject | null): JsonObject | null {
  const changes = changesOf(tokenizer);
  if (stored === null) return { tokenizer_class: tokenizer.constructor.name, ...savedState(tokenizer), ...changes };
  return Object.keys(changes).length === 0 ? null : { ...stored, ...changes };
}

/** The special tokens with the changes; null when there are none. */
function changedSpecialTokensMap(tokenizer: PreTrainedTokenizer, stored: JsonObject | null): JsonObject | null {
  if (stored === null) return { ...tokenizer.special_tokens_map };
  const names: string[] = [...kSpecialTokenNames, 'additional_special_tokens'];
  const changes = Object.entries(changesOf(tokenizer)).filter(([name]) => names.includes(name));
  if (changes.length === 0) return null;
  const map = { ...stored, ...Object.fromEntries(changes) };
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null));
}

function toJson(value: JsonObject): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value, null, 2) + '\n');
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw new OSError(`the folder '${path}' cannot be made: ${(error as Error).message}`, { cause: error });
  }
}
