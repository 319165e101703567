/** The format of a file whose name says nothing. */
import { open } from 'node:fs/promises';
import { fault, messageOf } from './fault';
import { READING } from './pinned-file';
import type { WeightsFormat } from './resolve';

const MAGICS: readonly [at: number, bytes: readonly number[], format: WeightsFormat][] = [
  [0, [0x50, 0x4b, 0x03, 0x04], 'pytorch'],
  [0, [0x80, 0x02], 'pytorch'],
  [0, [0x89, 0x48, 0x44, 0x46], 'tensorflow'],
  [0, [0x47, 0x47, 0x55, 0x46], 'gguf'],
  // The length of a header of less than 4 GiB, and the header.
  [4, [0, 0, 0, 0, 0x7b, 0x22], 'safetensors'],
];
const MAGIC_BYTES = 10;

/** @throws CheckpointError `FILE_UNREADABLE` */
export async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, READING);
    const bytes = new Uint8Array(MAGIC_BYTES);
    const { bytesRead } = await file.read(bytes, 0, MAGIC_BYTES, 0);
    return bytes.subarray(0, bytesRead);
  } catch (error) {
    throw fault('FILE_UNREADABLE', `'${path}' cannot be read: ${messageOf(error)}`, { file: path, cause: error });
  }
}

/** Flax' files are not among them: a tree of msgpack starts like many other things. */
export function formatOf(bytes: Uint8Array): WeightsFormat | null {
  return MAGICS.find(([at, magic]) => magic.every((byte, i) => bytes[at + i] === byte))?.[2] ?? null;
}
