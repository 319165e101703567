import { NotImplementedError, OSError, unknownName, ValueError } from '../errors';
import { type CheckpointFault, fault, quote } from './fault';
import { openGguf } from './gguf/gguf';
import type { HeaderLimits } from './header-limits';
import { openPyTorch } from './pytorch/pytorch';
import {
  RESOLVE_OPTIONS,
  type ResolvedWeights,
  type ResolveOptions,
  resolveWeights,
  type WeightsFormat,
} from './resolve';
import { openSafetensors } from './safetensors';
import { type OpenFile, openShards } from './sharded';
import type { CheckpointSource } from './source';

/** Options of `openCheckpoint`. */
export interface OpenOptions extends ResolveOptions {
  limits?: Partial<HeaderLimits>;
  /** Open PyTorch files that a load refuses, and list in `forbidden` what it refuses them for. Default false. */
  lookOnly?: boolean;
}

const OPTIONS = [...RESOLVE_OPTIONS, 'limits', 'lookOnly'];

const FORMAT_NAMES: Readonly<Record<WeightsFormat, string>> = {
  safetensors: 'safetensors',
  pytorch: 'PyTorch',
  tensorflow: 'TensorFlow',
  tensorflow1: 'TensorFlow 1',
  flax: 'Flax',
  gguf: 'GGUF',
};

/** How the formats that are read are opened. */
const OPENERS: Partial<Record<WeightsFormat, (lookOnly: boolean) => OpenFile>> = {
  safetensors: () => openSafetensors,
  pytorch: (lookOnly) => (path, options) => openPyTorch(path, { ...options, lookOnly }),
  gguf: () => openGguf,
};

/**
 * Finds and opens the weights of a folder, or the file of weights that `location` is. See `resolveWeights` for what is
 * looked for.
 *
 * @throws CheckpointError `UNSUPPORTED_FORMAT` naming the file when its format is not read by this version, and what
 *   `resolveWeights`, `openSafetensors`, `openPyTorch` and `openShards` throw.
 * @throws NotImplementedError when the weights are safetensors in the layout of TensorFlow or Flax.
 * @throws ValueError when the metadata of a single file names a format that weights cannot have; OSError for a shard.
 */
export async function openCheckpoint(location: string, options: OpenOptions = {}): Promise<CheckpointSource> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'openCheckpoint()', OPTIONS);
  }
  const { limits, lookOnly = false, ...resolve } = options;
  const weights = await resolveWeights(location, resolve);
  const source = await openResolved(weights, { limits, signal: options.signal }, lookOnly);
  try {
    for (const part of source.parts) checkLayout(part, weights.sharded);
    refuseOtherFramework(weights.path, options);
    return source;
  } catch (error) {
    await source.close();
    throw error;
  }
}

function openResolved(
  { format, path, sharded }: ResolvedWeights,
  options: { limits?: Partial<HeaderLimits>; signal?: AbortSignal },
  lookOnly: boolean,
): Promise<CheckpointSource> {
  const open = OPENERS[format];
  if (open !== undefined) return sharded ? openShards(path, options, open(lookOnly)) : open(lookOnly)(path, options);
  const message =
    `'${path}' holds ${FORMAT_NAMES[format]} weights, a format that is not supported yet; ` +
    'save the model as safetensors in Transformers: save_pretrained(folder, safe_serialization=True)';
  throw fault('UNSUPPORTED_FORMAT', message, { file: path });
}

/** @throws ValueError when another framework's weights are asked for, and these are arranged as PyTorch arranges them */
function refuseOtherFramework(path: string, { from_tf, from_flax }: OpenOptions): void {
  if (!from_tf && !from_flax) return;
  const [option, framework] = from_tf ? ['from_tf', 'TensorFlow'] : ['from_flax', 'Flax'];
  throw new ValueError(
    `${option} asks for ${framework} weights, but '${path}' is what there is, and it is PyTorch's; leave ${option} out`,
    { code: 'ERR_OPTION_VALUE' },
  );
}

/** Frameworks that arrange the same weights in another layout, by what `format` in the metadata says. */
const LAYOUTS = new Map([
  ['tf', 'TensorFlow'],
  ['flax', 'Flax'],
]);

/** Checks that the tensors are arranged as PyTorch arranges them: the metadata says so, or says nothing. */
function checkLayout(part: CheckpointSource, sharded: boolean): void {
  const layout = part.metadata.get('format');
  const file = part.files[0];
  if (layout === undefined || layout === 'pt' || layout === 'mlx') return;
  const framework = LAYOUTS.get(layout);
  if (framework !== undefined) {
    throw new NotImplementedError(
      `'${file}' holds weights in the layout of ${framework} (metadata format '${layout}'), which is not supported yet; ` +
        'save the model from PyTorch',
      { code: 'UNSUPPORTED_LAYOUT' },
    );
  }
  const message = `'${file}' has metadata format ${quote(layout)}; expected pt, or none. Save the model again with save_pretrained`;
  const code: CheckpointFault = 'METADATA_FORMAT';
  throw sharded ? new OSError(message, { code }) : new ValueError(message, { code });
}
