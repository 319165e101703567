import type { Target } from '../target';
import { bundle } from './bundle';
import { flax } from './flax';
import { frameworkFolder, ggufWords } from './framework-folder';
import { gguf } from './gguf';
import { hdf5 } from './hdf5';
import { indexMap } from './index-map';
import { generationConfig, model } from './model-folder';
import { pickle } from './pickle';
import { planted } from './planted';
import { safetensors } from './safetensors';
import { stream } from './stream';
import { tar } from './tar';
import { torchscript } from './torchscript';
import { vocabulary } from './vocabulary';
import { zip } from './zip';

/** Every target. A new one is a file beside this one, and its line here. */
export const targets: readonly Target[] = [
  safetensors,
  zip,
  pickle,
  stream,
  tar,
  torchscript,
  hdf5,
  bundle,
  flax,
  gguf,
  indexMap,
  model,
  generationConfig,
  frameworkFolder,
  ggufWords,
  vocabulary,
];

export function targetNamed(name: string): Target {
  const found = [...targets, ...planted].find((target) => target.name === name);
  if (found) return found;
  throw new Error(`there is no target '${name}'; there are ${targets.map((target) => target.name).join(', ')}`);
}
