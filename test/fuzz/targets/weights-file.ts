import { load_state_dict, type Tensor } from '../../../lib';
import { openCheckpoint } from '../../../lib/checkpoint/open';
import { claim } from '../target';

/** Larger tensors are views that repeat themselves: one of them is not read twice. */
const kMostRead = 2 ** 20;

/**
 * Reads one file of weights as its users do: all tensors through `load_state_dict`, now and then their numbers too; and one
 * input in eight as `inspect` does, which looks at what a load refuses.
 */
export async function openWeightsFile(path: string, size: number, seed: number): Promise<void> {
  if (seed % 8 === 7) return inspect(path, size);
  const state = await load_state_dict(path);
  try {
    for (const tensor of state.values()) await checkTensor(tensor, seed % 8 === 0);
  } finally {
    for (const tensor of state.values()) tensor.dispose();
  }
}

/** Bytes of the one file of an input. */
export function sizeOfOnly(files: ReadonlyMap<string, Uint8Array>): number {
  return [...files.values()].reduce((sum, { length }) => sum + length, 0);
}

export async function checkTensor(tensor: Tensor, isRead: boolean): Promise<void> {
  const elements = tensor.dims.reduce((product, dim) => product * dim, 1);
  claim(Number.isSafeInteger(elements) && elements === tensor.size, `${tensor.dims} are ${tensor.size} elements`);
  if (!isRead || elements > kMostRead) return;
  const { length } = await tensor.getData();
  claim(length === elements, `${tensor.dims} gave ${length} elements`);
}

async function inspect(path: string, size: number): Promise<void> {
  await using source = await openCheckpoint(path, { lookOnly: true });
  for (const name of source.names()) {
    const { byteOffset, byteLength, strides, compressed } = source.info(name);
    claim(source.has(name), `${name} is listed and not there`);
    if (!strides && !compressed) claim(byteOffset + byteLength <= size, `${name} leaves the file`);
    if (byteLength > kMostRead) continue;
    const bytes = await source.read(name);
    claim(bytes.byteLength === byteLength, `${name} was cut`);
  }
}
