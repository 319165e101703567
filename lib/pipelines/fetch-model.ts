import { basename, join } from 'node:path';
import { fetchWeights, hubPairs } from '../checkpoint/fetch-weights';
import { type ResolveOptions, weightsFormatOf } from '../checkpoint/resolve';
import { modelSubfolder } from '../env';
import { explained } from '../hub/cached-file';
import { folderOf, locateModel, ModelRepo } from '../hub/model-repo';
import { hubOptionsOf } from '../hub/options';
import { DownloadProgress } from '../hub/progress';
import { snapshotDownload } from '../hub/snapshot';
import { CONFIG_NAME } from '../pretrained/config-file';
import type { FromPretrainedOptions } from '../pretrained/load-options';
import { weightsNamed } from '../pretrained/rewrite-checkpoint';

/** A model's folder, and whether something of it came over the network just now. */
export interface FetchedModel {
  folder: string;
  transferred: boolean;
}

/**
 * The folder of a model: a path as it is; of an id on the Hub what a task needs of it, all of one commit, several files at
 * a time.
 * @throws OSError `WEIGHTS_NOT_FOUND` when the repository has no weights that the options take; what `snapshotDownload` throws
 */
export async function fetchModel(name: string, options: FromPretrainedOptions = {}): Promise<FetchedModel> {
  const { signal, progress_callback: listener } = options;
  const hub = { ...hubOptionsOf(options), ...(signal && { signal }) };
  const found = await locateModel(name, hub);
  if (typeof found === 'string') return { folder: folderOf(found), transferred: false };
  const progress = new DownloadProgress(name, (event) => listener?.(event));
  let lacksWeights = false;
  const folder = await snapshotDownload(name, {
    ...hub,
    user_agent: { using_pipeline: 'true' },
    choose: (names) => {
      const chosen = filesOfTask(names, options);
      lacksWeights = !chosen.some((file) => weightsFormatOf(file) !== null);
      return chosen;
    },
    onTransfer: progress.listen,
    onPlan: (files, cached) => {
      for (const { path, size } of files) if (size !== null && !cached.has(path)) progress.expect(path, size);
    },
  }).catch((error: unknown) => {
    throw explained(error, name, CONFIG_NAME, hub);
  });
  if (lacksWeights) {
    const choice = choiceOf(options);
    const named = await weightsNamed(join(folder, choice.subfolder ?? ''));
    await fetchWeights(new ModelRepo(name, { ...hub, _commit_hash: basename(folder) }), { ...choice, ...named });
  }
  return { folder, transferred: progress.transferred };
}

/** What of the options chooses among weights. */
function choiceOf(options: FromPretrainedOptions): ResolveOptions {
  const { variant, use_safetensors, subfolder, from_tf, from_flax, signal } = options;
  return {
    variant: variant ?? null,
    use_safetensors: use_safetensors ?? null,
    subfolder: modelSubfolder(subfolder),
    from_tf: from_tf ?? false,
    from_flax: from_flax ?? false,
    ...(signal && { signal }),
  };
}

/** Folders of sentence-transformers' modules: `1_Pooling`. */
const kModule = /^\d+_[^/]+$/;

/** Of a repository's files those that a task reads: configs, tokenizer files, and the first of the weights by the order. */
export function filesOfTask(names: readonly string[], options: FromPretrainedOptions = {}): string[] {
  const { subfolder = '' } = options;
  const chosen = new Set<string>();
  const folders = new Set(names.map(folderIn));
  const hasTransformer = [...folders].some((folder) => /^\d+_Transformer$/.test(folder));
  for (const folder of folders) {
    if (folder !== '' && folder !== subfolder && !kModule.test(folder)) continue;
    const inside = names.filter((name) => folderIn(name) === folder);
    const isModule = kModule.test(folder);
    for (const name of inside.filter(isSmall)) chosen.add(name);
    if (!isModule && (folder !== subfolder || hasTransformer)) continue;
    for (const name of weightsIn(inside, folder, isModule ? {} : options)) chosen.add(name);
  }
  return names.filter((name) => chosen.has(name));
}

function folderIn(name: string): string {
  return name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '';
}

function isSmall(name: string): boolean {
  return /\.(json|txt|model|jinja)$/.test(name) && !/\.index\.([^./]+\.)?json$/.test(name);
}

function weightsIn(inside: readonly string[], folder: string, options: FromPretrainedOptions): string[] {
  const place = (name: string) => (folder === '' ? name : `${folder}/${name}`);
  for (const [single, index] of hubPairs(options)) {
    const whole = place(single);
    if (inside.includes(whole)) return [whole];
    const list = place(index);
    if (!inside.includes(list)) continue;
    const point = whole.lastIndexOf('.');
    const [stem, ending] = [whole.slice(0, point), whole.slice(point)];
    const isShard = (name: string) =>
      name.startsWith(stem) && name.endsWith(ending) && /^-\d+-of-\d+$/.test(name.slice(stem.length, -ending.length));
    return [list, ...inside.filter(isShard)];
  }
  return [];
}
