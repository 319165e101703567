import { nameInShard } from '../../checkpoint/weight-names';
import { NotImplementedError } from '../../errors';
import type { ModelClass, PreTrainedModel } from '../pretrained-model';
import { architectureOf } from '../views/view';
import { reversed } from './dialect';
import { type ModelWeight, weightsOf } from './model-weights';
import type { Writing } from './writing';

/** What a family's variables are called in TensorFlow, where a rule cannot tell. Source: transformers 4.35, modeling_tf_*.py. */
export interface TensorflowNames {
  /** Whether the names of the base model begin with its prefix too. */
  isPrefixed: boolean;
  /** What stands between a list of layers and the number of one. */
  joint: '_._' | '.';
  /** How names begin, and how they begin in TensorFlow. */
  beginnings: Readonly<Record<string, string>>;
  /** Weights outside of the model's scope: the whole name, and the layer of Keras that holds it. */
  unscoped: Readonly<Record<string, { name: string; layer: string }>>;
  /** Tied weights that are variables of their own. */
  untied: readonly string[];
  /** Whether the head may have a table of its own; where not, it always multiplies with that of the inputs. */
  mayUntieHead: boolean;
}

export const TENSORFLOW_NAMES: TensorflowNames = {
  isPrefixed: true,
  joint: '_._',
  beginnings: {},
  unscoped: {},
  untied: [],
  mayUntieHead: false,
};

/**
 * How each weight of a model is stored by TensorFlow, by its name in `state_dict`.
 * @throws NotImplementedError `UNSUPPORTED_LAYOUT` for a head with a table of its own where TensorFlow has no variable for it
 */
export function tensorflowWritings(model: PreTrainedModel, inSafetensors: boolean): Map<string, Writing> {
  const { tensorflow } = model.constructor as ModelClass;
  const inFile = inSafetensors ? nameInShard : (variable: string) => variable;
  const writings = new Map<string, Writing & { layers: string[] }>();
  const shared: { layer: string; table: string }[] = [];
  for (const weight of weightsOf(model)) {
    const { name, layer } = variableOf(weight, model);
    const { tiedTo } = weight;
    if (tiedTo === null || tensorflow.untied.includes(weight.name)) {
      if (!tensorflow.mayUntieHead) refuseUntiedHead(weight, model);
      writings.set(weight.name, { name: inFile(name), layers: [layer], ...formOf(weight) });
    } else if (weight.kind !== 'plain') shared.push({ layer, table: tiedTo });
  }
  const layers = new Set([...writings.values()].flatMap((writing) => writing.layers));
  for (const { layer, table } of shared) if (layers.has(layer)) shareWith(layer, table, writings);
  return writings;
}

/** A layer of Keras that multiplies with the table of another holds all variables of the module that has the table. */
function shareWith(layer: string, table: string, writings: ReadonlyMap<string, Writing & { layers: string[] }>): void {
  const owner = writings.get(table)?.name.split('/').slice(0, -2).join('/');
  for (const { name, layers } of writings.values())
    if (owner !== undefined && name.startsWith(`${owner}/`) && !layers.includes(layer)) layers.push(layer);
}

function refuseUntiedHead(weight: ModelWeight, model: PreTrainedModel): void {
  if (weight.tiedTo !== null || !isHead(weight, model)) return;
  const className = architectureOf(model.constructor.name);
  throw new NotImplementedError(
    `'${weight.name}' of ${className} is not tied to the embeddings, and TF${className} has no variable for it: it always ` +
      'ties them. Set tie_word_embeddings to true, or write another format',
    { code: 'UNSUPPORTED_LAYOUT' },
  );
}

/** The whole name of a variable, and the layer of Keras that it belongs to. */
function variableOf(weight: ModelWeight, model: PreTrainedModel): { name: string; layer: string } {
  const { tensorflow, base_model_prefix, name } = model.constructor as ModelClass;
  const className = architectureOf(name);
  const isBase = !(base_model_prefix in model);
  const full = isBase && tensorflow.isPrefixed ? `${base_model_prefix}.${weight.name}` : weight.name;
  const alone = tensorflow.unscoped[full];
  if (alone) return alone;
  const levels = levelsOf(full, tensorflow);
  const last = levels.pop() as string;
  const layer = levels[0] ?? last;
  levels.push(lastOf(weight, last, levels.at(-1)));
  return { name: `${scopeOf(`TF${className}`)}/${levels.join('/')}:0`, layer };
}

function isHead({ kind, parameter }: ModelWeight, model: PreTrainedModel): boolean {
  return kind === 'matrix' && (model.get_output_embeddings() as { weight?: unknown } | null)?.weight === parameter;
}

/** The levels of a name; numbers hang on the level before them, and the first ones may be others. */
function levelsOf(name: string, { joint, beginnings }: TensorflowNames): string[] {
  const begin = Object.keys(beginnings).find((text) => name.startsWith(`${text}.`));
  const renamed = begin === undefined ? name : (beginnings[begin] as string) + name.slice(begin.length);
  const levels: string[] = [];
  for (const level of renamed.split('.')) {
    if (/^\d+$/.test(level)) levels.push(`${levels.pop()}${joint}${level}`);
    else levels.push(level);
  }
  return levels;
}

function lastOf({ kind }: ModelWeight, last: string, owner: string | undefined): string {
  if (kind === 'matrix') return 'kernel';
  if (kind === 'table') return owner === 'word_embeddings' ? 'weight' : 'embeddings';
  if (kind === 'scale') return 'gamma';
  if (kind === 'shift') return 'beta';
  return last;
}

function formOf({ kind, parameter: { dims } }: ModelWeight): Pick<Writing, 'shape' | 'axes'> {
  if (kind === 'matrix') return { shape: [...dims].reverse(), axes: reversed(dims.length) };
  return { shape: kind === 'conv1d bias' ? [1, ...dims] : dims };
}

/** The scope that Keras gives to a model of a class: TFBertForMaskedLM's is tf_bert_for_masked_lm. */
export function scopeOf(className: string): string {
  return className
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
