import { basename, dirname, join, resolve } from 'node:path';
import type { WeightsRepo } from '../fetch-weights';
import { partNames } from './part-names';

/**
 * The path of a GGUF file: `gguf_file` in a folder or a repository, from which it is fetched with all its parts, or the
 * location itself where no file is named.
 */
export async function locateGguf(
  location: string | WeightsRepo,
  gguf_file: string | null,
  subfolder = '',
): Promise<string> {
  if (typeof location === 'string') return gguf_file === null ? location : resolve(location, subfolder, gguf_file);
  const file = join(subfolder, gguf_file ?? '')
    .split('\\')
    .join('/');
  const parts = partNames(basename(file))?.map((name) => join(dirname(file), name).split('\\').join('/'));
  await location.requireAll(parts ?? [file]);
  return (await location.fetch(file)) as string;
}

/** Whether a path, or a name in a repository, is that of a GGUF file. */
export function isGgufName(name: string): boolean {
  return name.toLowerCase().endsWith('.gguf');
}
