import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openGguf } from '../../../lib/checkpoint/gguf/gguf';
import { type GgufValue, ggufMetadata } from '../../../lib/checkpoint/gguf/gguf-values';
import { writeGguf } from '../../../lib/checkpoint/gguf/gguf-writer';

/** Splits a GGUF file into parts named `stem-00001-of-0000N.gguf`, as llama.cpp's gguf-split does: metadata in the first. */
export async function splitGguf(file: string, stem: string, count: number): Promise<string[]> {
  await using source = await openGguf(file);
  await mkdir(dirname(stem), { recursive: true });
  const names = source.names();
  const paths: string[] = [];
  const number = (type: 'uint16' | 'int32', value: number): GgufValue => ({ type, value });
  for (let no = 0; no < count; no++) {
    const split: [string, GgufValue][] = [
      ['split.no', number('uint16', no)],
      ['split.count', number('uint16', count)],
      ['split.tensors.count', number('int32', names.length)],
    ];
    const tensors = [];
    for (const name of names.slice((no * names.length) / count, ((no + 1) * names.length) / count)) {
      const bytes = await source.read(name);
      tensors.push({ ...source.info(name), name, bytes: () => bytes });
    }
    const path = `${stem}-${String(no + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.gguf`;
    await writeGguf(path, new Map([...(no === 0 ? (ggufMetadata(source) ?? []) : []), ...split]), tensors);
    paths.push(path);
  }
  return paths;
}
