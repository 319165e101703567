import { basename, dirname, join, resolve } from 'node:path';
import { OSError } from '../../errors';
import { messageOf } from '../fault';
import type { WeightsRepo } from '../fetch-weights';
import { firstPart, partNames } from './part-names';

/**
 * The path of a GGUF file: `gguf_file` in a folder or a repository, from which it is fetched with all its parts, or the
 * location itself where no file is named.
 * @throws OSError when the repository lacks the file, or a part of it; what fetching throws
 */
export async function locateGguf(
  location: string | WeightsRepo,
  gguf_file: string | null,
  subfolder = '',
): Promise<string> {
  if (typeof location === 'string') return inFolder(location, gguf_file, subfolder);
  const file = inRepo(subfolder, gguf_file ?? '');
  const parts = partNames(basename(file))?.map((name) => inRepo(dirname(file), name)) ?? [file];
  await location.requireAll(parts).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'ERR_HUB_ENTRY_NOT_FOUND' || parts.length === 1) throw error;
    throw new OSError(`${messageOf(error)} It is one of ${parts.length} parts, of which '${file}' is another`, {
      code: 'ERR_HUB_ENTRY_NOT_FOUND',
      cause: error,
    });
  });
  return (await location.fetch(file)) as string;
}

/** The same of the file that holds the metadata: of a split file the first part, and no other is fetched. */
export async function locateGgufHead(
  location: string | WeightsRepo,
  gguf_file: string | null,
  subfolder = '',
): Promise<string> {
  if (typeof location === 'string') return inFolder(location, gguf_file, subfolder);
  const file = inRepo(subfolder, gguf_file ?? '');
  const head = inRepo(dirname(file), firstPart(basename(file)));
  await location.requireAll([head]);
  return (await location.fetch(head)) as string;
}

function inFolder(folder: string, gguf_file: string | null, subfolder: string): string {
  return gguf_file === null ? folder : resolve(folder, subfolder, gguf_file);
}

function inRepo(folder: string, name: string): string {
  return join(folder, name).split('\\').join('/');
}

/** Whether a path, or a name in a repository, is that of a GGUF file. */
export function isGgufName(name: string): boolean {
  return name.toLowerCase().endsWith('.gguf');
}
