/** The names that Keras gives to the datasets of a file of weights. */
import type { Steps } from '../../turns';
import { quote } from '../fault';
import { textsOf } from './attributes';
import type { Dataset } from './dataset';
import type { Fail } from './hdf5-fault';
import type { Hdf5Tree } from './hdf5-tree';

/** A layer and the names of its weights, in Keras' order. */
export interface KerasLayer {
  name: string;
  weights: string[];
}

/** The tensors of a file by name. */
export interface NamedDatasets {
  datasets: Map<string, Dataset>;
  layers: KerasLayer[];
  /** Paths of datasets that Keras does not list, but for the optimizer's. */
  unlisted: string[];
}

/** A group beside the layers, for weights that belong to none. */
export const TOP_LEVEL = 'top_level_model_weights';
/** Where a whole model lies in one file (`model.save`): its weights as a file of weights has them, and its optimizer's slots. */
const MODEL_WEIGHTS = 'model_weights';
const OPTIMIZER_WEIGHTS = 'optimizer_weights';

/** Weights between two steps. */
const AT_ONCE = 64;

/**
 * Tensors are named as Keras does: by the `weight_names` of each layer. The shards of Transformers have no layers: there, and
 * in files that Keras did not write, a tensor's name is its path.
 */
export function* namedByKeras(tree: Hdf5Tree, fail: Fail): Steps<NamedDatasets> {
  const listedIn = (group: string) => textsOf(tree.groups.get(group) ?? new Map(), 'layer_names');
  const isWholeModel = listedIn('') === null && listedIn(MODEL_WEIGHTS) !== null;
  const root = isWholeModel ? `${MODEL_WEIGHTS}/` : '';
  const listed = listedIn(isWholeModel ? MODEL_WEIGHTS : '');
  if (listed === null || listed.some((name) => tree.datasets.has(name)))
    return { datasets: tree.datasets, layers: [], unlisted: [] };
  const named: NamedDatasets = { datasets: new Map(), layers: [], unlisted: [] };
  const used = new Set<Dataset>();
  let seen = 0;
  const names = tree.groups.has(root + TOP_LEVEL) && !listed.includes(TOP_LEVEL) ? [...listed, TOP_LEVEL] : listed;
  for (const layer of names) {
    const attributes = tree.groups.get(root + layer);
    if (attributes === undefined)
      throw fail('H5_INVALID', `layer_names lists ${quote(layer)}, and there is no such group`);
    const weights = textsOf(attributes, 'weight_names') ?? [];
    named.layers.push({ name: layer, weights });
    for (const weight of weights) {
      if (++seen % AT_ONCE === 0) yield;
      const path = `${root}${layer}/${weight}`;
      const dataset = tree.datasets.get(path);
      if (dataset === undefined) {
        if (tree.others.has(path)) continue;
        throw fail(
          'H5_INVALID',
          `weight_names of ${quote(layer)} lists ${quote(weight)}, which the group does not hold`,
        );
      }
      used.add(dataset);
      const other = named.datasets.get(weight);
      if (other === undefined) named.datasets.set(weight, dataset);
      // A weight of several layers stands in each of their groups.
      else if (other.dtype !== dataset.dtype || other.shape.join() !== dataset.shape.join())
        throw fail('DUPLICATE_NAME', `two layers have a weight ${quote(weight)}, of different shapes`);
    }
  }
  for (const [path, dataset] of tree.datasets) {
    if (++seen % AT_ONCE === 0) yield;
    if (!used.has(dataset) && !path.startsWith(`${OPTIMIZER_WEIGHTS}/`)) named.unlisted.push(path);
  }
  return named;
}
