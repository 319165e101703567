import { CHECKPOINT_FAULTS, messageOf } from '../../checkpoint/fault';
import { flaxReader } from '../../checkpoint/formats';
import { openSafetensors } from '../../checkpoint/safetensors';
import type { CheckpointSource } from '../../checkpoint/source';
import { OSError, TypeError } from '../../errors';
import { Call } from '../../tensor/call';
import { fence } from '../../tensor/load';
import type { Tensor } from '../../tensor/tensor';
import { storedTensor } from '../stored-tensor';
import { type FlaxTree, treeOf } from './flax-tree';

/** Reading files of Flax as they are: trees of tensors, under the names and in the layouts and types of the file. */

type Leaf = readonly [path: readonly string[], tensor: Tensor];

/**
 * The tree in one file, msgpack or safetensors.
 * @throws OSError `Unable to convert` for a damaged file, with `git-lfs` for its pointer; AbortError
 */
export async function loadFlaxWeights(file: string, signal?: AbortSignal): Promise<FlaxTree> {
  return treeOf(await leavesIn(file, signal));
}

/** The tree that several msgpack files hold parts of. @throws as `loadFlaxWeights` */
export async function loadFlaxShards(files: readonly string[], signal?: AbortSignal): Promise<FlaxTree> {
  if (!Array.isArray(files)) throw new TypeError('load_flax_sharded_weights takes a list of the paths of shards');
  const leaves = new Map<string, Leaf>();
  for (const file of files) for (const leaf of await leavesIn(file, signal)) leaves.set(leaf[0].join('/'), leaf);
  return treeOf(leaves.values());
}

async function leavesIn(file: string, signal?: AbortSignal): Promise<Leaf[]> {
  if (typeof file !== 'string')
    throw new TypeError(`weights of Flax are loaded from a path, not from a ${typeof file}`);
  const isSafe = file.endsWith('.safetensors');
  const open: (path: string, options: object) => Promise<CheckpointSource> = isSafe
    ? openSafetensors
    : flaxReader().openFlax;
  await using source = await open(file, { ...(signal && { signal }) }).catch((error: unknown) => {
    throw unconvertible(file, error);
  });
  const call = new Call(signal);
  const leaves: Leaf[] = [];
  try {
    for (const name of source.names()) {
      const stored = await storedTensor(source, name, { signal });
      leaves.push([name.split(isSafe ? '.' : '/'), call.run(() => stored.load(null, null))]);
    }
    await call.run(() => fence(signal));
    await source.verify();
    return leaves;
  } catch (error) {
    for (const [, tensor] of leaves) tensor.dispose();
    throw error;
  } finally {
    call.end();
  }
}

/** What a file ends in that is no file of Flax, in Transformers' words; what is missing or a pointer says so itself. */
function unconvertible(file: string, error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string' || !Object.hasOwn(CHECKPOINT_FAULTS, code) || ownWords.includes(code)) return error;
  return new OSError(`Unable to convert ${file} to Flax deserializable object: ${messageOf(error)}`, {
    code,
    cause: error,
  });
}

const ownWords = ['FILE_NOT_FOUND', 'GIT_LFS_POINTER', 'NOT_A_FILE', 'FILE_UNREADABLE'];
