import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchWeights } from '../checkpoint/fetch-weights';
import type { ClassFramework } from '../checkpoint/framework-files';
import { locateGguf } from '../checkpoint/gguf/locate-gguf';
import { hubBlobsAmong } from '../checkpoint/hub-blobs';
import { openCheckpoint } from '../checkpoint/open';
import type { ResolveOptions } from '../checkpoint/resolve';
import type { CheckpointSource } from '../checkpoint/source';
import { modelSubfolder } from '../env';
import { OSError, TypeError, ValueError } from '../errors';
import { fetchUrl, isUrl } from '../hub/fetch-url';
import { folderOf, locateModel } from '../hub/model-repo';
import type { HubOptions } from '../hub/options';
import { info } from '../logging';
import { Tensor } from '../tensor/tensor';
import { inTurns, type Steps, visitInSteps } from '../turns';
import { translate } from './dialects/translate';
import { completeSaveIn } from './interrupted-save';
import type { FromPretrainedOptions } from './load-options';
import { type CheckpointShapes, type LoadTarget, shapesOf } from './load-plan';

const ADAPTER_CONFIG_NAME = 'adapter_config.json';

/** Tensors by name: a checkpoint's, or the caller's own. */
export interface Weights {
  shapes: CheckpointShapes;
  /** The type of a tensor; undefined where there is none of that name. */
  typeOf(name: string): string | undefined;
  source: CheckpointSource | null;
  given: Map<string, Tensor> | null;
  /** The commit that a repository's files are of. */
  commit: string | null;
  /** The files that are mapped and not read. */
  mapped: ReadonlySet<string>;
  close(): Promise<void>;
}

/** @throws ValueError for options that choose among other files than the one that `gguf_file` names */
function refuseOtherChoices(options: FromPretrainedOptions): void {
  for (const name of ['from_tf', 'from_flax', 'from_pt', 'use_safetensors', 'variant'])
    if (options[name])
      throw new ValueError(`gguf_file names the file of weights, and ${name} chooses among others; leave one out`);
}

/**
 * The weights of a folder, a file, or a repository, of which they are fetched; or those that the caller gives.
 * @param named - the file that the config names in place of a search
 * @param framework - of the class that asks: each looks for other files
 */
export async function openWeights(
  path: string | null,
  options: FromPretrainedOptions,
  hub: HubOptions = {},
  named: unknown = null,
  framework: ClassFramework = 'pt',
): Promise<Weights> {
  const { state_dict } = options;
  if (state_dict) {
    if (options.mmap)
      throw new ValueError('mmap says how a file of weights is read, but state_dict is given; leave one out');
    // At once, as the caller may change it meanwhile.
    const given = new Map(Symbol.iterator in state_dict ? state_dict : Object.entries(state_dict));
    await inTurns(checkTensors(given), options.signal);
    return {
      shapes: {
        keys: () => given.keys(),
        has: (name) => given.has(name),
        get: (name) => given.get(name)?.dims,
      },
      typeOf: (name) => given.get(name)?.type,
      source: null,
      given,
      commit: null,
      mapped: new Set(),
      close: async () => {},
    };
  }
  const choice: ResolveOptions = {
    use_safetensors: options.use_safetensors ?? null,
    variant: options.variant ?? null,
    subfolder: modelSubfolder(options.subfolder),
    from_tf: options.from_tf ?? false,
    from_flax: options.from_flax ?? false,
    framework,
    from_pt: options.from_pt ?? false,
    ...(options.signal && { signal: options.signal }),
    ...(named !== undefined && named !== null && { transformers_weights: named as string }),
  };
  if (isUrl(path as string)) return weightsAt(path as string, choice, options.mmap, hub);
  const found = await locateModel(path as string, hub);
  if (options.gguf_file) {
    refuseOtherChoices(options);
    const file = await locateGguf(found, options.gguf_file, choice.subfolder);
    const source = await openCheckpoint(file, { ...(options.signal && { signal: options.signal }) });
    return weightsOf(source, options.mmap, typeof found === 'string' ? null : found.commit);
  }
  if (typeof found === 'string') await completeSaveIn(join(found, choice.subfolder ?? ''));
  else await fetchWeights(found, choice);
  const commit = typeof found === 'string' ? null : found.commit;
  const weights = await weightsOf(await openChosen(folderOf(found), choice), options.mmap, commit);
  if (typeof found === 'string') await tellOfAdapter(join(found, choice.subfolder ?? ''));
  return weights;
}

/** @throws TypeError for what is no tensor */
function checkTensors(given: ReadonlyMap<string, unknown>): Steps<void> {
  return visitInSteps(given, ([name, tensor]) => {
    if (!(tensor instanceof Tensor))
      throw new TypeError(`state_dict holds '${name}', which is no Tensor but a ${typeof tensor}`);
  });
}

/** @throws OSError for a file of another framework's that its option does not ask for */
async function openChosen(path: string, choice: ResolveOptions): Promise<CheckpointSource> {
  const source = await openCheckpoint(path, choice);
  const { framework, from_tf, from_flax } = choice;
  const option = { tensorflow: 'from_tf', flax: 'from_flax' }[source.format];
  if (option === undefined || framework !== 'pt' || from_tf || from_flax) return source;
  await source.close();
  throw new OSError(
    `'${path}' holds ${option === 'from_tf' ? 'TensorFlow' : 'Flax'} weights: set ${option} (${option}=True in Python)`,
    { code: 'WEIGHTS_NOT_FOUND' },
  );
}

/** An adapter that lies beside a model's weights is not attached to it. */
async function tellOfAdapter(folder: string): Promise<void> {
  const file = join(folder, ADAPTER_CONFIG_NAME);
  if (await stat(file).catch(() => null))
    info(`'${file}' says that there is an adapter: it is not loaded, as adapters are not supported yet; the model is`);
}

/** The weights in a file that has an address of its own; it is there until they are closed. */
async function weightsAt(url: string, choice: ResolveOptions, mmap: MapOption, hub: HubOptions): Promise<Weights> {
  const { path, remove } = await fetchUrl(url, hub);
  try {
    const weights = await weightsOf(await openChosen(path, choice), mmap);
    return { ...weights, close: () => weights.close().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

type MapOption = FromPretrainedOptions['mmap'];

async function weightsOf(source: CheckpointSource, mmap: MapOption, commit: string | null = null): Promise<Weights> {
  return {
    ...lookUpIn(source),
    source,
    given: null,
    commit,
    mapped: mmap === false ? new Set() : new Set(mmap ? source.files : await hubBlobsAmong(source.files)),
    close: () => source.close(),
  };
}

/** The weights under the names and in the layouts of PyTorch, whichever framework wrote them. */
export function* inPyTorchTerms(weights: Weights, target: LoadTarget): Steps<Weights> {
  const { source } = weights;
  const translated = source && (yield* translate(source, target));
  if (translated === source || translated === null) return weights;
  return { ...weights, ...lookUpIn(translated), source: translated };
}

/** The types of the tensors by name, in their order. */
export function* typesOf({ shapes, typeOf }: Weights): Iterable<[name: string, type: string]> {
  for (const name of shapes.keys()) yield [name, typeOf(name) as string];
}

function lookUpIn(source: CheckpointSource): Pick<Weights, 'shapes' | 'typeOf'> {
  return {
    shapes: shapesOf(source),
    typeOf: (name) => (source.has(name) ? source.info(name).dtype : undefined),
  };
}
