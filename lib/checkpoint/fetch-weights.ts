import { join } from 'node:path';
import { OSError } from '../errors';
import { candidates } from './candidates';
import { messageOf } from './fault';
import { nothingFor } from './framework-files';
import { readIndex, shardFiles } from './index-file';
import { checkNamedWeights, type ResolveOptions } from './resolve';
import * as names from './weight-names';

/** A repository as far as weights need it. */
export interface WeightsRepo {
  readonly id: string;
  /** Whether the network may not be asked. */
  readonly isOffline: boolean;
  /** The file's path on this machine; null when the repository has no such file. */
  fetch(file: string): Promise<string | null>;
  /** Fetches several files that must be there. */
  requireAll(files: readonly string[]): Promise<void>;
  /** Whether the repository has a file. */
  has(file: string): Promise<boolean>;
}

/**
 * Fetches the weights of a repository in the order of Transformers, and nothing else: of safetensors and PyTorch files the
 * single one, else the index and every shard that it names.
 * @throws OSError `WEIGHTS_NOT_FOUND` when there is nothing that the options allow; otherwise what fetching throws
 */
export async function fetchWeights(repo: WeightsRepo, options: ResolveOptions = {}): Promise<void> {
  const { subfolder = '', signal, transformers_weights: named } = options;
  const place = (name: string) => join(subfolder, name).split('\\').join('/');
  try {
    for (const { name, sharded } of named ? [namedWeights(named)] : hubCandidates(options)) {
      const path = await repo.fetch(place(name));
      if (path === null) continue;
      if (sharded) await fetchShards(repo, path, place, signal);
      return;
    }
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: unknown };
    if (code !== undefined || name === 'AbortError') throw error;
    throw new OSError(
      `Can't load the model for '${repo.id}': ${messageOf(error)}. If you were trying to load it from the Hub, make sure ` +
        'that there is no local folder with the same name',
      { code: 'WEIGHTS_NOT_FOUND', cause: error },
    );
  }
  throw await notFound(repo, options, place);
}

/** The file that a config names in place of a search. @throws ValueError when it is no safetensors file */
function namedWeights(name: string): { name: string; sharded: boolean } {
  checkNamedWeights(name);
  return { name, sharded: name.endsWith('.json') };
}

async function fetchShards(
  repo: WeightsRepo,
  index: string,
  place: (name: string) => string,
  signal?: AbortSignal,
): Promise<void> {
  const files = shardFiles(await readIndex(index, signal));
  try {
    await repo.requireAll(files.map(place));
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_HUB_ENTRY_NOT_FOUND') throw error;
    throw new OSError(`${messageOf(error)} The index '${index}' of ${repo.id} names this shard`, {
      code: 'ERR_HUB_ENTRY_NOT_FOUND',
      cause: error,
    });
  }
}

/** What to ask for, best first. With `from_tf` or `from_flax` the Hub is asked for nothing else, as upstream. */
function hubCandidates(options: ResolveOptions): { name: string; sharded: boolean }[] {
  const { framework = 'pt' } = options;
  if (framework !== 'pt') return candidates({ ...options, from_tf: false });
  return hubPairs(options).flatMap(([single, index]) => [
    { name: single, sharded: false },
    { name: index, sharded: true },
  ]);
}

/** What chooses among the weights of a repository. */
interface WeightsChoice {
  variant?: string | null | undefined;
  use_safetensors?: boolean | null | undefined;
  from_tf?: boolean | null | undefined;
  from_flax?: boolean | null | undefined;
}

/** Names that PyTorch's classes ask the Hub for, best first: a file, and the index that is in its place where they are several. */
export function hubPairs({ variant, use_safetensors, from_tf, from_flax }: WeightsChoice): [string, string][] {
  if (from_tf) return [[names.TF2_WEIGHTS_NAME, names.TF2_WEIGHTS_INDEX_NAME]];
  if (from_flax) return [[names.FLAX_WEIGHTS_NAME, names.FLAX_WEIGHTS_INDEX_NAME]];
  const varied = (name: string) => names.variantName(name, variant);
  const pairs: [string, string][] = [];
  if (use_safetensors !== false) pairs.push([varied(names.SAFE_WEIGHTS_NAME), varied(names.SAFE_WEIGHTS_INDEX_NAME)]);
  if (use_safetensors !== true) pairs.push([varied(names.WEIGHTS_NAME), varied(names.WEIGHTS_INDEX_NAME)]);
  return pairs;
}

/** The error when nothing is there: what is there instead, and which option takes it. */
async function notFound(repo: WeightsRepo, options: ResolveOptions, place: (name: string) => string): Promise<OSError> {
  const { variant, use_safetensors, from_tf, from_flax, framework = 'pt', transformers_weights: named } = options;
  const where = repo.isOffline ? ' (in the cache: offline mode or local_files_only forbids to ask the Hub)' : '';
  const error = (what: string) => new OSError(`${repo.id} ${what}${where}`, { code: 'WEIGHTS_NOT_FOUND' });
  if (named)
    return error(`does not appear to have a file named ${named}, which its config's transformers_weights names`);
  if (framework !== 'pt') {
    const present = await probed(repo, place, variant);
    return error(nothingFor(framework, present, { from_pt: options.from_pt ?? false, variant: variant ?? null }));
  }
  const safe = names.variantName(names.SAFE_WEIGHTS_NAME, variant);
  const torch = names.variantName(names.WEIGHTS_NAME, variant);
  const lacks = (single: string, index: string, option: string) =>
    error(
      `does not appear to have a file named ${single}, nor ${index}: leave ${option} out, or choose a revision that has one`,
    );
  if (from_tf) return lacks(names.TF2_WEIGHTS_NAME, names.TF2_WEIGHTS_INDEX_NAME, 'from_tf');
  if (from_flax) return lacks(names.FLAX_WEIGHTS_NAME, names.FLAX_WEIGHTS_INDEX_NAME, 'from_flax');
  if (use_safetensors === true)
    return error(
      `does not appear to have a file named ${safe}, and use_safetensors is set (use_safetensors=True in Python): save it ` +
        'with safe_serialization=True, or leave use_safetensors out',
    );
  const lead = `does not appear to have a file named ${torch}, but there is a file`;
  if (await repo.has(place(names.TF2_WEIGHTS_NAME)))
    return error(`${lead} for TensorFlow weights: set from_tf (from_tf=True in Python)`);
  if (await repo.has(place(names.FLAX_WEIGHTS_NAME)))
    return error(`${lead} for Flax weights: set from_flax (from_flax=True in Python)`);
  if (variant && (await repo.has(place(names.WEIGHTS_NAME))))
    return error(`${lead} without the variant ${variant}: leave variant out (variant=None in Python)`);
  if (await repo.has(place(names.TF2_WEIGHTS_INDEX_NAME)))
    return error(`${lead} for TensorFlow weights in shards: set from_tf (from_tf=True in Python)`);
  if (await repo.has(place(names.FLAX_WEIGHTS_INDEX_NAME)))
    return error(`${lead} for Flax weights in shards: set from_flax (from_flax=True in Python)`);
  if (use_safetensors === false)
    for (const name of [safe, names.variantName(names.SAFE_WEIGHTS_INDEX_NAME, variant)])
      if (await repo.has(place(name)))
        return error(`does not appear to have a file named ${torch}, but ${name}: leave use_safetensors out`);
  const others = [torch, names.TF2_WEIGHTS_NAME, `${names.TF_WEIGHTS_NAME}.index`, names.FLAX_WEIGHTS_NAME];
  const all = use_safetensors === false ? others : [safe, ...others];
  return error(
    `does not appear to have a file named ${all.slice(0, -1).join(', ')} or ${all.at(-1)}: look which files it has, and name ` +
      'them by variant, subfolder, revision or gguf_file',
  );
}

/** The files of other frameworks that the repository has, of those that a hint can name. */
async function probed(
  repo: WeightsRepo,
  place: (name: string) => string,
  variant: string | null | undefined,
): Promise<string[]> {
  const pytorch = [names.WEIGHTS_NAME, names.WEIGHTS_INDEX_NAME];
  const asked = [
    ...(variant ? pytorch.map((name) => names.variantName(name, variant)) : []),
    ...pytorch,
    names.TF2_WEIGHTS_NAME,
    names.TF2_WEIGHTS_INDEX_NAME,
    names.FLAX_WEIGHTS_NAME,
    names.FLAX_WEIGHTS_INDEX_NAME,
  ];
  const found: string[] = [];
  for (const name of asked) if (await repo.has(place(name))) found.push(name);
  return found;
}
