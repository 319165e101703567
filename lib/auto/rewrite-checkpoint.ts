import { frameworkOf } from '../checkpoint/open';
import type { CheckpointSource } from '../checkpoint/source';
import { NotImplementedError } from '../errors';
import type { RewriteOptions } from '../pretrained/rewrite-checkpoint';
import type { ClassChoice } from './checkpoint-place';
import { type ConvertReport, convertAs, FORMATS, type Form } from './convert-checkpoint';

/**
 * Writes a checkpoint's weights anew in the format that they have: in another type, in other files. What it takes, what goes
 * along, and when the model's class is asked are as in `convertCheckpoint`.
 *
 * @throws NotImplementedError `UNSUPPORTED_LAYOUT` for what is read and not written: TensorFlow 1 checkpoints, GGUF files,
 *   safetensors in the layouts of TensorFlow and Flax; else as `convertCheckpoint`
 */
export function rewriteCheckpoint(
  location: string,
  options: Omit<RewriteOptions, 'format'> & ClassChoice,
): Promise<ConvertReport> {
  return convertAs(location, options, formOf);
}

function formOf(source: CheckpointSource): Form {
  const found = Object.values(FORMATS).find(({ format }) => format === source.format);
  const framework = frameworkOf(source);
  if (found?.framework === framework) return found;
  const what = source.format === 'safetensors' ? `safetensors in the layout of ${framework}` : `a file of ${framework}`;
  const another = source.format === 'gguf' ? ', or by convert --to gguf, which takes --quantize' : '';
  throw new NotImplementedError(
    `'${source.files[0]}' is ${what}, which is read and not written; write it in another format by convert --to ` +
      `safetensors, which takes --dtype and --max-shard-size too${another}`,
    { code: 'UNSUPPORTED_LAYOUT' },
  );
}
