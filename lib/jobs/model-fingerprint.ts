import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OSError } from '../errors';
import { sha256 } from './input/identity';

/** Files of a checkpoint folder that decide what comes out of it. */
const kDecides = /\.(json|txt|model|safetensors|bin)$/;

/** Sub-folders of sentence-transformers' modules. */
const kModule = /^\d+_/;

/** A digest of the content of everything in a model's folder that decides its numbers. */
export async function folderDigest(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of await filesBelow(folder)) hash.update(`${name}\0${(await sha256(join(folder, name))).sha256}\0`);
  return hash.digest('hex');
}

async function filesBelow(folder: string): Promise<string[]> {
  const names: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new OSError(`there is no model folder '${folder}'`, { code: 'ERR_NO_FOLDER', cause: error });
  });
  for (const entry of entries) {
    const { name } = entry;
    if (!entry.isDirectory()) {
      if (kDecides.test(name)) names.push(name);
    } else if (kModule.test(name))
      names.push(...(await filesBelow(join(folder, name))).map((file) => join(name, file)));
  }
  return names.sort();
}
