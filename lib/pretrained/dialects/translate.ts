import { frameworkOf } from '../../checkpoint/open';
import type { CheckpointSource } from '../../checkpoint/source';
import { NotImplementedError } from '../../errors';
import type { Steps } from '../../turns';
import { ggufWeights } from '../gguf/gguf-weights';
import type { LoadTarget } from '../load-plan';
import type { Dialect } from './dialect';
import { flax } from './flax';
import { tensorflow } from './tensorflow';
import { TranslatedSource } from './translated-source';

/** The dialect of a checkpoint: its container tells, or the metadata of safetensors. Null for PyTorch's own. */
function dialectOf(source: CheckpointSource, { className, tensorflow1 }: LoadTarget): Dialect | null {
  switch (frameworkOf(source)) {
    case 'TensorFlow':
      refuseKerasNumbers(source, className);
      return tensorflow(source.format !== 'safetensors' && source.parts.length === 1);
    case 'TensorFlow 1':
      if (tensorflow1) return tensorflow1;
      throw new NotImplementedError(
        `'${source.files[0]}' is a TensorFlow 1 checkpoint, and ${className} has no load_tf_weights: the names of its ` +
          'original release are not known here; convert it to PyTorch with the tool that came with it',
        { code: 'UNSUPPORTED_LAYOUT' },
      );
    case 'Flax':
      return flax;
    default:
      return null;
  }
}

/** Names of Keras 3, and of Keras 2 for `.weights.h5`: a layer's variables by their numbers, which say nothing of what they are. */
const NUMBERED = /(^|\/)vars\/[^/]+$/;

/**
 * Nothing of such a file has a place in any model: a load would leave it all out, and give every weight a new value.
 * @throws NotImplementedError `UNSUPPORTED_LAYOUT`
 */
function refuseKerasNumbers(source: CheckpointSource, className: string): void {
  const names = source.names();
  if (names.length === 0 || !names.every((name) => NUMBERED.test(name))) return;
  throw new NotImplementedError(
    `'${source.files[0]}' holds weights as Keras 3 numbers them ('${names[0]}'), which Keras' save_weights writes into ` +
      `.weights.h5 and which do not say what each is of ${className}; expected those of save_pretrained, under their ` +
      `names. In Python, load it into the model by model.load_weights, and save that by model.save_pretrained`,
    { code: 'UNSUPPORTED_LAYOUT' },
  );
}

/**
 * The checkpoint in PyTorch's names and layouts, for a model; itself where it has them. It is closed with the result.
 * @throws NotImplementedError `UNSUPPORTED_LAYOUT` for a TensorFlow 1 checkpoint of a family without such a release, and for a
 *   file whose weights Keras has numbered
 */
export function* translate(source: CheckpointSource, target: LoadTarget): Steps<CheckpointSource> {
  if (source.format === 'gguf') return yield* ggufWeights(source);
  const dialect = dialectOf(source, target);
  if (dialect === null) return source;
  const { className, base_model_prefix, parameters } = target;
  const shapes = new Map([...parameters].map(([name, { dims }]) => [name, dims]));
  return yield* TranslatedSource.of(source, dialect, { className, base_model_prefix, shapes });
}
