import { load_state_dict, type Tensor } from '../../../lib';
import { bitsOf } from '../../../lib/checkpoint/dtype';
import { blockOf, isBlockDType } from '../../../lib/checkpoint/gguf/block-types';
import { openCheckpoint } from '../../../lib/checkpoint/open';
import { type CheckpointSource, isByteRange, type TensorInfo } from '../../../lib/checkpoint/source';
import { claim } from '../target';

/** Larger tensors are views that repeat themselves, or were never written: one of them is not read twice. */
const kMostRead = 2 ** 20;
/** Tensors of one input that are looked at where most are only counted. */
const kMostLooked = 40;

/** Bytes of each file of an input, by name. */
export type Files = ReadonlyMap<string, Uint8Array>;

/**
 * Reads one file of weights as its users do: all tensors through `load_state_dict`, now and then their numbers too; and one
 * input in eight as `inspect` does, which looks at what a load refuses.
 */
export async function openWeightsFile(path: string, files: Files, seed: number): Promise<void> {
  if (seed % 8 === 7) return inspect(path, files);
  const state = await load_state_dict(path);
  try {
    for (const tensor of state.values()) await checkTensor(tensor, seed % 8 === 0);
  } finally {
    for (const tensor of state.values()) tensor.dispose();
  }
}

export async function checkTensor(tensor: Tensor, isRead: boolean): Promise<void> {
  const elements = tensor.dims.reduce((product, dim) => product * dim, 1);
  claim(Number.isSafeInteger(elements) && elements === tensor.size, `${tensor.dims} are ${tensor.size} elements`);
  if (!isRead || elements > kMostRead) return;
  const { length } = await tensor.getData();
  claim(length === elements, `${tensor.dims} gave ${length} elements`);
}

/** Opens what a load may refuse, and reads every tensor of it. */
export async function inspect(path: string, files: Files): Promise<void> {
  await using source = await openCheckpoint(path, { lookOnly: true, from_tf: path.endsWith('.index') });
  for (const name of source.names()) {
    checkInfo(source, name, files);
    if (source.info(name).byteLength <= kMostRead) await readWhole(source, name);
  }
}

/** Opens a checkpoint, as a load or as one who only looks, and reads one tensor: whole, and a range of it again. */
export async function openAndReadOne(path: string, files: Files, seed: number): Promise<void> {
  await using source = await openCheckpoint(path, { lookOnly: seed % 2 === 0, from_tf: path.endsWith('.index') });
  const names = source.names();
  for (const name of names.slice(0, kMostLooked)) checkInfo(source, name, files);
  const name = names[seed % Math.max(names.length, 1)];
  if (name === undefined || source.info(name).byteLength > kMostRead) return;
  const whole = await readWhole(source, name);
  const start = seed % (whole.byteLength + 1);
  const end = Math.min(whole.byteLength, start + (seed % 61));
  const range = await source.read(name, { start, end });
  claim(Buffer.from(whole.subarray(start, end)).equals(range), `${name} has other bytes from ${start} to ${end}`);
}

function checkInfo(source: CheckpointSource, name: string, files: Files): void {
  claim(source.has(name), `${name} is listed and not there`);
  const info = source.info(name);
  const { shape, byteLength, byteOffset, file, pieces } = info;
  claim(bytesOf(info) === byteLength, `${name} of ${info.dtype} [${shape}] has ${byteLength} bytes`);
  const size = files.get(file.slice(file.lastIndexOf('/') + 1))?.byteLength ?? 0;
  claim(!isByteRange(info) || byteOffset + byteLength <= size, `${name} leaves its file`);
  claim(pieces?.every(({ offset, length }) => offset + length <= size) ?? true, `a piece of ${name} leaves its file`);
}

/** Bytes that the shape needs. */
function bytesOf({ dtype, shape }: TensorInfo): number {
  const { elements, bytes } = isBlockDType(dtype) ? blockOf(dtype) : { elements: 8, bytes: bitsOf(dtype) };
  return (shape.reduce((product, dim) => product * dim, 1) / elements) * bytes;
}

async function readWhole(source: CheckpointSource, name: string): Promise<Uint8Array> {
  const { byteLength } = source.info(name);
  const bytes = await source.read(name);
  claim(bytes.byteLength === byteLength, `${name} was cut`);
  return bytes;
}
