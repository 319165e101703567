import { ggmlNumber } from '../../../lib/checkpoint/gguf/ggml-types';
import { GGUF_TYPES, type GgufScalarType, SCALARS } from '../../../lib/checkpoint/gguf/gguf-values';

/** Makes the bytes of GGUF files, wrong ones too. */

export function number(type: GgufScalarType, value: number | bigint | boolean): Buffer {
  const { bytes, set } = SCALARS[type];
  const buffer = new ArrayBuffer(bytes);
  set(new DataView(buffer), 0, value);
  return Buffer.from(buffer);
}

export const u32 = (value: number) => number('uint32', value);
export const u64 = (value: number | bigint) => number('uint64', value);
export const text = (value: string | Buffer) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
export const type = (name: (typeof GGUF_TYPES)[number]) => u32(GGUF_TYPES.indexOf(name));

/** An entry of the metadata: a key, then the type and bytes of its value. */
export const entry = (key: string | Buffer, ...value: Buffer[]) => Buffer.concat([text(key), ...value]);
export const list = (of: (typeof GGUF_TYPES)[number], length: number | bigint, ...elements: Buffer[]) =>
  Buffer.concat([type('array'), type(of), u64(length), ...elements]);

/** A tensor as the header has it; `dims` as ggml counts them. */
export const tensor = (name: string, dims: (number | bigint)[], dtype: string | number, offset: number | bigint) =>
  Buffer.concat([
    text(name),
    u32(dims.length),
    ...dims.map(u64),
    u32(typeof dtype === 'number' ? dtype : (ggmlNumber(dtype) as number)),
    u64(offset),
  ]);

export interface Parts {
  magic?: string;
  version?: number;
  tensors?: Buffer[];
  entries?: Buffer[];
  counts?: [tensors: number | bigint, entries: number | bigint];
  alignment?: number;
  data?: number;
}

/** A file of these parts, its data at the next multiple of the alignment. */
export function ggufBytes({
  magic = 'GGUF',
  version = 3,
  tensors = [],
  entries = [],
  alignment = 32,
  ...more
}: Parts): Buffer {
  const [tensorCount, entryCount] = more.counts ?? [tensors.length, entries.length];
  const head = Buffer.concat([
    Buffer.from(magic),
    u32(version),
    u64(tensorCount),
    u64(entryCount),
    ...entries,
    ...tensors,
  ]);
  const gap = Math.ceil(head.length / alignment) * alignment - head.length;
  return Buffer.concat([head, Buffer.alloc(gap), Buffer.alloc(more.data ?? 0, 7)]);
}
