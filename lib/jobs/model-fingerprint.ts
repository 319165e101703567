import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Files of a checkpoint folder that decide what comes out of it. */
const kDecides = /\.(json|txt|model|safetensors)$/;

/** Files above this size are known by their size and a sample of their bytes. */
const kWhole = 4 * 2 ** 20;
const kSample = 2 ** 16;

/**
 * A digest of everything in a model's folder that decides its numbers: the bytes of small files, and of weights the
 * size with the first and last bytes (a header, which holds all names, shapes and offsets, is among them).
 */
export async function folderDigest(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of await filesBelow(folder)) {
    const path = join(folder, name);
    const { size } = await stat(path);
    hash.update(`${name}\0${size}\0`);
    const ranges =
      size <= kWhole
        ? [[0, size]]
        : [
            [0, kSample],
            [size - kSample, size],
          ];
    for (const [start, end] of ranges as [number, number][])
      if (end > start)
        for await (const bytes of createReadStream(path, { start, end: end - 1 })) hash.update(bytes as Buffer);
  }
  return hash.digest('hex');
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory() && /^\d+_/.test(entry.name))
      names.push(...(await filesBelow(join(folder, entry.name))).map((name) => join(entry.name, name)));
    else if (!entry.isDirectory() && kDecides.test(entry.name)) names.push(entry.name);
  }
  return names.sort();
}
