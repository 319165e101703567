import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hdf5Reader } from '../../checkpoint/formats';
import { openShardFiles } from '../../checkpoint/sharded';
import { TF2_WEIGHTS_INDEX_NAME } from '../../checkpoint/weight-names';
import { TypeError, ValueError } from '../../errors';
import { inTurns } from '../../turns';
import { tensorflow } from '../dialects/tensorflow';
import { TranslatedSource } from '../dialects/translated-source';
import type { OpenFor } from '../load-into';

/** The index of TensorFlow's shards in a folder. @throws ValueError `Can't find a checkpoint index` */
export async function tensorflowIndex(folder: string): Promise<string> {
  const path = join(folder, TF2_WEIGHTS_INDEX_NAME);
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) return path;
  throw new ValueError(`Can't find a checkpoint index (${TF2_WEIGHTS_INDEX_NAME}) in ${folder}.`, {
    code: 'FILE_NOT_FOUND',
  });
}

/** Opens shards by their paths, without an index. */
export function openTensorflowShards(files: readonly string[], signal?: AbortSignal): OpenFor {
  if (!Array.isArray(files) || files.length === 0 || !files.every((file) => typeof file === 'string'))
    throw new TypeError('load_tf_sharded_weights takes a list of the paths of shards');
  return async (target) => {
    const source = await openShardFiles(files, { ...(signal && { signal }) }, hdf5Reader().openHdf5);
    const { className, base_model_prefix, parameters } = target;
    const shapes = new Map([...parameters].map(([name, { dims }]) => [name, dims]));
    try {
      return await inTurns(
        TranslatedSource.of(source, tensorflow(false), { className, base_model_prefix, shapes }),
        signal,
      );
    } catch (error) {
      await source.close();
      throw error;
    }
  };
}
