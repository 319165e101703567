import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { resolveModelFolder } from '../../env';
import { NotImplementedError, OSError, ValueError } from '../../errors';

/** The files of a tokenizer folder, and what is said when they are not there. */

export const kTokenizerFile = 'tokenizer.json';
export const kTokenizerConfigFile = 'tokenizer_config.json';
export const kSpecialTokensMapFile = 'special_tokens_map.json';
export const kAddedTokensFile = 'added_tokens.json';

/** Vocabularies in the formats of older libraries; they are carried over when a tokenizer is saved. */
export const kVocabularyFiles: readonly string[] = [
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'spiece.model',
  'sentencepiece.bpe.model',
  'spm.model',
  'tokenizer.model',
];

export type JsonObject = Record<string, unknown>;

/** What is read of a folder besides `tokenizer.json`; null for a file that is not there. */
export interface TokenizerFolder {
  path: string;
  tokenizerPath: string;
  config: JsonObject | null;
  specialTokensMap: JsonObject | null;
  addedTokens: JsonObject | null;
  modelConfig: JsonObject | null;
}

/**
 * Reads the small files of a tokenizer folder, given as a path or as a model id.
 * @throws OSError when there is no such folder or no tokenizer.json in it, NotImplementedError when it has only a
 *   vocabulary in an older format, ValueError when a file is not JSON
 */
export async function readFolder(path: string, subfolder = ''): Promise<TokenizerFolder> {
  const folder = join(await resolveModelFolder(path), subfolder);
  const names = await listFolder(folder);
  if (!names.includes(kTokenizerFile)) throw noTokenizerFile(folder, names);
  await refuseFolder(join(folder, kTokenizerFile));
  const read = (name: string): Promise<JsonObject | null> =>
    names.includes(name) ? readJsonObject(join(folder, name)) : Promise.resolve(null);
  const [config, specialTokensMap, addedTokens, modelConfig] = await Promise.all([
    read(kTokenizerConfigFile),
    read(kSpecialTokensMapFile),
    read(kAddedTokensFile),
    read('config.json'),
  ]);
  const tokenizerPath = join(folder, kTokenizerFile);
  return { path: folder, tokenizerPath, config, specialTokensMap, addedTokens, modelConfig };
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

async function refuseFolder(file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found?.isDirectory())
    throw new OSError(`'${file}' is a folder, where the tokenizer's file has its name: put the file in its place`, {
      code: 'ERR_NO_TOKENIZER',
    });
}

function noTokenizerFile(folder: string, names: readonly string[]): Error {
  const vocabularies = names.filter((name) => kVocabularyFiles.includes(name));
  if (vocabularies.length > 0)
    return new NotImplementedError(
      `'${folder}' has ${vocabularies.join(', ')} but no ${kTokenizerFile}, and building a tokenizer from these is not ` +
        'supported yet; in Python, AutoTokenizer.from_pretrained(folder).save_pretrained(folder) writes the missing file',
    );
  const shown =
    names.length === 0 ? 'nothing' : names.slice(0, 20).sort().join(', ') + (names.length > 20 ? ', …' : '');
  return new OSError(`there is no ${kTokenizerFile} in '${folder}'; it holds ${shown}`, {
    code: 'ERR_NO_TOKENIZER',
  });
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
