import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readIndex, shardFiles } from '../checkpoint/index-file';
import { resolveWeights } from '../checkpoint/resolve';
import type { FromPretrainedOptions } from '../pretrained/load-options';
import type { BytesProgressInfo, BytesRead, ProgressCallback, ProgressInfo } from '../progress-info';

/**
 * What `progress_callback` of a pipeline hears: what is told of each file, under the model's name, with the sum over
 * all files ('progress_total') before each 'progress'. A file that only says when it is done counts as read by then.
 */
export class LoadProgress {
  private readonly files: Record<string, BytesRead> = {};

  constructor(
    private readonly listener: ProgressCallback,
    private readonly name: string,
  ) {}

  /** Counts the files that will be read in the sum from the beginning. */
  async expect(folder: string, options: Pick<FromPretrainedOptions, 'subfolder' | 'variant'>): Promise<void> {
    const place = join(folder, options.subfolder ?? '');
    const known = ['config.json', 'tokenizer.json', 'tokenizer_config.json'];
    for (const file of [...known, ...(await weightsFiles(folder, options))]) {
      const found = await stat(join(place, file)).catch(() => null);
      if (found) this.files[file] = { loaded: 0, total: found.size };
    }
  }

  /** Reports around the reading of one file. */
  async around<T>(file: string, read: () => Promise<T>): Promise<T> {
    const { name } = this;
    this.report({ status: 'initiate', name, file });
    this.report({ status: 'download', name, file });
    const result = await read();
    this.report({ status: 'done', name, file });
    return result;
  }

  readonly report = (info: ProgressInfo): void => {
    const { name } = this;
    if (info.status === 'progress_total' || info.status === 'ready') return;
    if (info.status === 'progress') {
      this.advance({ ...info, name });
      return;
    }
    const known = this.files[info.file];
    if (info.status === 'done' && known && known.loaded < known.total) {
      const { total } = known;
      this.advance({ status: 'progress', name, file: info.file, progress: 100, loaded: total, total });
    }
    this.listener({ ...info, name });
  };

  private advance(info: BytesProgressInfo): void {
    this.files[info.file] = { loaded: info.loaded, total: info.total };
    const all = Object.values(this.files);
    const loaded = all.reduce((sum, file) => sum + file.loaded, 0);
    const total = all.reduce((sum, file) => sum + file.total, 0);
    const progress = total > 0 ? (100 * loaded) / total : 0;
    this.listener({
      status: 'progress_total',
      name: this.name,
      progress,
      loaded,
      total,
      files: structuredClone(this.files),
    });
    this.listener(info);
  }
}

/** Names of the files of weights; none where they cannot be found, which loading will say. */
async function weightsFiles(
  folder: string,
  { subfolder, variant = null }: Pick<FromPretrainedOptions, 'subfolder' | 'variant'>,
): Promise<string[]> {
  try {
    const { path, sharded } = await resolveWeights(folder, { subfolder: subfolder ?? '', variant });
    return sharded ? shardFiles(await readIndex(path)) : [basename(path)];
  } catch {
    return [];
  }
}
