import { join } from 'node:path';
import { AutoModelForCausalLM, AutoModelForMaskedLM } from '../../../lib/auto/auto-model';
import type { FromPretrainedOptions } from '../../../lib/pretrained/from-pretrained';
import type { PreTrainedModel } from '../../../lib/pretrained/pretrained-model';
import type { Tensor } from '../../../lib/tensor/tensor';

/** Tiny checkpoints of every family, and what surgery tests ask of their models. */

export const families = [
  'bert',
  'roberta',
  'xlm-roberta',
  'camembert',
  'electra',
  'distilbert',
  'mpnet',
  'albert',
  'modernbert',
] as const;

export type Family = (typeof families)[number];

/** Families of decoders. */
export type Decoder = 'gpt2' | 'llama' | 'qwen2';

/** Families whose heads can be pruned. */
export const prunable = families.filter((family) => family !== 'modernbert');

export function goldenFolder(family: Family | Decoder | 't5' | 'bart', name = 'base'): string {
  return join(__dirname, '..', '..', 'goldens', family, name);
}

/** The family's masked LM on its tiny checkpoint. */
export function maskedLM(family: Family, options: FromPretrainedOptions = {}): Promise<PreTrainedModel> {
  return AutoModelForMaskedLM.from_pretrained(goldenFolder(family), options);
}

/** The family's causal LM on its tiny checkpoint. */
export function causalLM(family: Decoder, options: FromPretrainedOptions = {}): Promise<PreTrainedModel> {
  return AutoModelForCausalLM.from_pretrained(goldenFolder(family), options);
}

/** The elements of a tensor as numbers. */
export async function numbers(tensor: Tensor): Promise<number[]> {
  await tensor.getData();
  return ([tensor.tolist()].flat(9) as unknown[]).map(Number);
}

export async function rows(tensor: Tensor): Promise<number[][]> {
  await tensor.getData();
  return tensor.tolist() as number[][];
}

/** Sample mean and deviation. */
export function moments(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return { mean, std: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) };
}
