import type { Target } from '../target';
import { indexMap } from './index-map';
import { generationConfig, model } from './model-folder';
import { pickle } from './pickle';
import { planted } from './planted';
import { safetensors } from './safetensors';
import { vocabulary } from './vocabulary';
import { zip } from './zip';

/** Every target. A new one is a file beside this one, and its line here. */
export const targets: readonly Target[] = [safetensors, zip, pickle, indexMap, model, generationConfig, vocabulary];

export function targetNamed(name: string): Target {
  const found = [...targets, ...planted].find((target) => target.name === name);
  if (found) return found;
  throw new Error(`there is no target '${name}'; there are ${targets.map((target) => target.name).join(', ')}`);
}
