import type { CheckpointSource } from '../../checkpoint/source';
import { ggufWeights } from '../gguf/gguf-weights';
import type { LoadTarget } from '../load-plan';
import type { Dialect } from './dialect';
import { flax } from './flax';
import { tensorflow } from './tensorflow';
import { TranslatedSource } from './translated-source';

/** The dialect of a checkpoint: its container tells, or the metadata of safetensors. Null for PyTorch's own. */
export function dialectOf(source: CheckpointSource): Dialect | null {
  const layout = source.metadata.get('format');
  if (source.format === 'tensorflow') return tensorflow(source.parts.length === 1);
  if (source.format === 'flax' || layout === 'flax') return flax;
  return layout === 'tf' ? tensorflow(false) : null;
}

/** The checkpoint in PyTorch's names and layouts, for a model; itself where it has them. */
export function translate(
  source: CheckpointSource,
  { className, base_model_prefix, parameters }: LoadTarget,
): CheckpointSource {
  if (source.format === 'gguf') return ggufWeights(source);
  const dialect = dialectOf(source);
  if (dialect === null) return source;
  const shapes = new Map([...parameters].map(([name, { dims }]) => [name, dims]));
  return new TranslatedSource(source, dialect, { className, base_model_prefix, shapes });
}
