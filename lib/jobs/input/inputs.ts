import { open, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { NotImplementedError, ValueError } from '../../errors';
import { errorCode, inputError } from '../job-error';
import { glob, isGlob } from './glob';
import { isGzip } from './source';

export type InputFormat = 'jsonl' | 'csv' | 'lines';

/** One file, or standard input. */
export interface Input {
  /** `-` is standard input. */
  path: string;
  /** Null where the first bytes will tell. */
  format: InputFormat | null;
  delimiter: string;
  gzip: boolean;
  /** Bytes on disk; null for what can be read once only: standard input and pipes. */
  bytes: number | null;
}

const FORMATS: Record<string, InputFormat> = {
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.txt': 'lines',
};

const NOT_READ: Record<string, string> = {
  '.parquet': 'Parquet',
  '.arrow': 'Arrow',
  '.feather': 'Feather',
  '.xlsx': 'Excel',
  '.zst': 'zstd',
  '.bz2': 'bzip2',
  '.xz': 'xz',
  '.zip': 'zip',
};

/**
 * The inputs that paths and patterns name, in order.
 * @throws OSError `NO_INPUT` when a path or pattern gives no file
 */
export async function listInputs(
  paths: readonly string[],
  format: InputFormat | null,
  delimiter: string | null,
): Promise<Input[]> {
  if (paths.length === 0)
    throw inputError('NO_INPUT', 'no input was given: name files, a pattern, or - for standard input');
  if (paths.filter((path) => path === '-').length > 1) {
    throw new ValueError('standard input (-) can be read once only', { code: 'ERR_VALUE' });
  }
  const inputs: Input[] = [];
  for (const path of paths) {
    if (path === '-') inputs.push({ path, format, delimiter: delimiter ?? ',', gzip: false, bytes: null });
    else for (const file of await filesOf(path)) inputs.push(await describe(file, format, delimiter));
  }
  return inputs;
}

async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null;
    throw inputError('INPUT_UNREADABLE', `cannot read ${path} (${errorCode(error)})`, error);
  });
  if (found?.isDirectory())
    throw inputError('NO_INPUT', `${path} is a folder: name its files, for example '${path}/*.jsonl'`);
  if (found !== null) return [path];
  const files = isGlob(path) ? await glob(path) : [];
  if (files.length === 0) {
    throw inputError('NO_INPUT', isGlob(path) ? `no file matches '${path}'` : `there is no file ${path}`);
  }
  return files;
}

async function describe(path: string, format: InputFormat | null, delimiter: string | null): Promise<Input> {
  const zipped = extname(path).toLowerCase() === '.gz';
  const extension = extname(zipped ? path.slice(0, -3) : path).toLowerCase();
  const unread = NOT_READ[extension];
  if (unread !== undefined && format === null) {
    throw new NotImplementedError(`${path}: ${unread} input is not read; convert it to JSONL or CSV`, {
      code: 'INPUT_FORMAT',
    });
  }
  const info = await stat(path);
  const base = { path, format: format ?? FORMATS[extension] ?? null, delimiter: delimiter ?? delimiterOf(extension) };
  if (!info.isFile()) return { ...base, gzip: false, bytes: null };
  const gzip = await startsAsGzip(path);
  if (zipped && gzip === false) throw inputError('INPUT_CORRUPT', `${path} is not a gzip file, as its name says`);
  return { ...base, gzip: gzip === true, bytes: info.size };
}

function delimiterOf(extension: string): string {
  return extension === '.tsv' ? '\t' : ',';
}

/** Null for an empty file. */
async function startsAsGzip(path: string): Promise<boolean | null> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw inputError('INPUT_UNREADABLE', `cannot read ${path} (${errorCode(error)})`, error);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 0 ? null : bytesRead === 2 && isGzip(buffer);
  } finally {
    await file.close();
  }
}
