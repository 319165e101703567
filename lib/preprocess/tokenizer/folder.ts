import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { locateGgufHead } from '../../checkpoint/gguf/locate-gguf';
import {
  kAddedTokensFile,
  kSpecialTokensMapFile,
  kTokenizerConfigFile,
  kTokenizerFile,
  kVocabularyFiles,
} from '../../checkpoint/tokenizer-files';
import { OSError, ValueError } from '../../errors';
import { folderOf, locateModel, type ModelRepo } from '../../hub/model-repo';
import type { HubOptions } from '../../hub/options';
import type { GgufVocabulary } from '../backend/messages';
import { readGgufTokenizer } from './gguf';

export { kAddedTokensFile, kSpecialTokensMapFile, kTokenizerConfigFile, kTokenizerFile, kVocabularyFiles };

/** The files of a tokenizer folder, and what is said when they are not there. */

export type JsonObject = Record<string, unknown>;

/** What is read of a folder besides the vocabulary; null for a file that is not there. */
export interface TokenizerFolder {
  path: string;
  /** Names of everything in the folder; none where a GGUF file says it all. */
  names: readonly string[];
  /** tokenizer.json, or the GGUF file in its place. */
  tokenizerPath: string;
  config: JsonObject | null;
  specialTokensMap: JsonObject | null;
  addedTokens: JsonObject | null;
  modelConfig: JsonObject | null;
  /** The vocabulary, where it is a GGUF file's. */
  vocabulary?: GgufVocabulary;
}

/** What a GGUF file says of a tokenizer, given as its path or by its name in a folder or a repository. @throws as `readGgufTokenizer` */
export async function readGgufFolder(
  path: string,
  gguf_file: string | null,
  subfolder = '',
  hub: HubOptions = {},
): Promise<TokenizerFolder> {
  const file = await locateGgufHead(await locateModel(path, hub), gguf_file, subfolder);
  const { vocabulary, config, modelConfig } = await readGgufTokenizer(file, hub.signal ?? undefined);
  return {
    path: dirname(file),
    names: [],
    tokenizerPath: file,
    config,
    specialTokensMap: null,
    addedTokens: null,
    modelConfig,
    vocabulary,
  };
}

/** What is fetched of a repository. */
const kFetchedToo = [kSpecialTokensMapFile, kAddedTokensFile, 'config.json'];
/** The config of Google's BERT, which names no family. */
const kBertConfigFile = 'bert_config.json';

/**
 * Reads the small files of a tokenizer folder, given as a path or as a model id; those of a repository are fetched.
 * @param vocabularyToo - of a repository: whether its older vocabularies are fetched where there is a tokenizer.json
 * @throws OSError when there is no such folder or repository, or no vocabulary in it, ValueError when a file is not JSON
 */
export async function readFolder(
  path: string,
  subfolder = '',
  hub: HubOptions = {},
  vocabularyToo = false,
): Promise<TokenizerFolder> {
  const location = await locateModel(path, hub);
  if (typeof location !== 'string') await fetchTokenizer(location, subfolder, vocabularyToo);
  const folder = folderOf(location, subfolder);
  const names = await listFolder(folder);
  if (!names.some((name) => name === kTokenizerFile || kVocabularyFiles.includes(name)))
    throw noTokenizerFile(folder, names);
  for (const name of filesRead(names)) await checkFile(join(folder, name));
  const read = (name: string): Promise<JsonObject | null> =>
    names.includes(name) ? readJsonObject(join(folder, name)) : Promise.resolve(null);
  const [config, specialTokensMap, addedTokens, modelConfig] = await Promise.all([
    read(kTokenizerConfigFile),
    read(kSpecialTokensMapFile),
    read(kAddedTokensFile),
    names.includes('config.json') || !names.includes(kBertConfigFile)
      ? read('config.json')
      : Promise.resolve({ model_type: 'bert' }),
  ]);
  const tokenizerPath = join(folder, kTokenizerFile);
  return { path: folder, names, tokenizerPath, config, specialTokensMap, addedTokens, modelConfig };
}

/** Fetches the files of a tokenizer, all of one commit. */
async function fetchTokenizer(repo: ModelRepo, subfolder: string, vocabularyToo: boolean): Promise<void> {
  const place = (name: string) => join(subfolder, name).split('\\').join('/');
  const tokenizer = await repo.fetch(place(kTokenizerFile));
  const fetchSmall = () =>
    Promise.all([kTokenizerConfigFile, ...kFetchedToo].map((name) => repo.fetch(place(name), true)));
  if (tokenizer) {
    const [config] = await fetchSmall();
    if (!vocabularyToo && !(await setsPrefixSpace(config))) return;
  }
  const found = await Promise.all(kVocabularyFiles.map((name) => repo.fetch(place(name), !!tokenizer)));
  if (tokenizer) return;
  if (found.every((file) => file === null)) throw noTokenizerFile(repo.id, []);
  await Promise.all([fetchSmall(), repo.fetch(place(kBertConfigFile), true)]);
}

/** Whether a configuration may ask for the older vocabulary: see `prefersFiles` of a conversion. */
async function setsPrefixSpace(config: string | null | undefined): Promise<boolean> {
  return config != null && ((await readJsonObject(config))['add_prefix_space'] ?? null) !== null;
}

async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found = await stat(path).catch(() => null);
    const what =
      code === 'ENOENT'
        ? `there is no folder '${path}' (${resolve(path)})`
        : found?.isFile()
          ? `'${path}' is a file`
          : `the folder '${path}' cannot be read (${code})`;
    throw new OSError(`${what}; from_pretrained takes the path of a folder that holds ${kTokenizerFile}`, {
      code: code === 'ENOENT' ? 'ERR_NO_FOLDER' : 'ERR_OS',
      cause: error,
    });
  }
}

/** Those of a folder's files that are read: older vocabularies where there is no other. */
function filesRead(names: readonly string[]): string[] {
  const wanted = [kTokenizerFile, kTokenizerConfigFile, ...kFetchedToo];
  if (!names.includes(kTokenizerFile)) wanted.push(...kVocabularyFiles);
  return wanted.filter((name) => names.includes(name));
}

const kLfsPointer = 'version https://git-lfs';
/** Longer than any pointer of git-lfs. */
const kLongestPointer = 1024;

/** @throws OSError for what is no file, and for what git leaves in place of one */
async function checkFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found === null) return; // whoever reads it says why
  if (!found.isFile())
    throw new OSError(
      `'${file}' is a ${found.isDirectory() ? 'folder' : 'pipe or a device'}, where the tokenizer's file has its name: put ` +
        'the file in its place',
      { code: 'ERR_NO_TOKENIZER' },
    );
  if (found.size > kLongestPointer) return;
  const text = await readFile(file, 'latin1').catch(() => '');
  if (text.startsWith(kLfsPointer))
    throw new OSError(
      `'${file}' is the pointer that git leaves in place of a large file; install git-lfs and run git lfs pull`,
      { code: 'GIT_LFS_POINTER' },
    );
}

function noTokenizerFile(folder: string, names: readonly string[]): Error {
  const shown =
    names.length === 0 ? 'nothing' : names.slice(0, 20).sort().join(', ') + (names.length > 20 ? ', …' : '');
  return new OSError(
    `there is no ${kTokenizerFile} in '${folder}', nor ${kVocabularyFiles.slice(0, -1).join(', ')} or ` +
      `${kVocabularyFiles.at(-1)}; it holds ${shown}`,
    { code: 'ERR_NO_TOKENIZER' },
  );
}

async function readJsonObject(path: string): Promise<JsonObject> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path)));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('E') && !code.startsWith('ERR_'))
      throw new OSError(`${path} cannot be read: ${message}`, { cause: error });
    throw new ValueError(`${path} is not valid JSON: ${message}`, { code: 'ERR_JSON', cause: error });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new ValueError(`${path} must hold a JSON object`, { code: 'ERR_JSON' });
  return value as JsonObject;
}
