import { type ClassFramework, filesOfFramework, nameOf } from './framework-files';
import type { ResolvedWeights, ResolveOptions, WeightsFormat } from './resolve';
import * as names from './weight-names';

/** A file to look for. */
export interface Candidate extends Omit<ResolvedWeights, 'path'> {
  name: string;
}

/**
 * What to look for in a folder, best first: of TensorFlow 1, TensorFlow and Flax where `from_tf` or `from_flax` asks for
 * them, safetensors, PyTorch; of each the single file before the index of shards. The classes of TensorFlow and Flax look for
 * their own files first, and for PyTorch's where `from_pt` asks for them.
 */
export function candidates(options: ResolveOptions): Candidate[] {
  const { variant, use_safetensors, from_tf, from_flax, framework = 'pt', from_pt = false } = options;
  const found: Candidate[] = [];
  const add = (format: WeightsFormat, name: string, sharded = false) => found.push({ format, name, sharded });
  if (from_tf) add('tensorflow1', `${names.TF_WEIGHTS_NAME}.index`);
  if (framework !== 'pt') return [...found, ...ofClass(framework, from_pt, options)];
  if (from_tf) {
    add('tensorflow', names.TF2_WEIGHTS_NAME);
    add('tensorflow', names.TF2_WEIGHTS_INDEX_NAME, true);
  }
  if (from_flax) {
    add('flax', names.FLAX_WEIGHTS_NAME);
    add('flax', names.FLAX_WEIGHTS_INDEX_NAME, true);
  }
  if (use_safetensors !== false) {
    add('safetensors', names.variantName(names.SAFE_WEIGHTS_NAME, variant));
    add('safetensors', names.variantName(names.SAFE_WEIGHTS_INDEX_NAME, variant), true);
  }
  if (use_safetensors !== true) {
    add('pytorch', names.variantName(names.WEIGHTS_NAME, variant));
    add('pytorch', names.variantName(names.WEIGHTS_INDEX_NAME, variant), true);
  }
  return found;
}

/** What another framework's class looks for. */
function ofClass(
  framework: Exclude<ClassFramework, 'pt'>,
  from_pt: boolean,
  { variant, use_safetensors }: ResolveOptions,
): Candidate[] {
  return filesOfFramework(framework, from_pt)
    .filter(({ format }) => typeof use_safetensors !== 'boolean' || (format === 'safetensors') === use_safetensors)
    .map((file) => ({ ...file, name: nameOf(file, variant) }));
}
