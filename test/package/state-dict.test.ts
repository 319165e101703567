import { join } from 'node:path';
import { no_init_weights } from '../../lib';
import * as source from '../../lib/models';
import { root } from './run-command';

/** What a model class of either build is used for here. */
interface ModelClass {
  config_class: new (fields: Record<string, unknown>) => never;
  new (config: never): { named_state(): Iterable<[string, unknown]> };
}

const compiled = require(join(root, 'dist', 'models')) as Record<string, unknown>;
const entrance = require(join(root, 'dist')) as { no_init_weights: typeof no_init_weights };

const isModel = (name: string) => /(Model|For[A-Z]\w+)$/.test(name) && !name.endsWith('PreTrainedModel');
const modelsOf = (exported: object) => Object.keys(exported).filter(isModel).sort();
const names = modelsOf(source);

/** Names in `state_dict` order, as the class fields were assigned. */
function keys(exported: Record<string, unknown>, name: string, withoutWeights: typeof no_init_weights): string[] {
  const Model = exported[name] as ModelClass;
  const config = new Model.config_class({ num_hidden_layers: 2, n_layers: 2 });
  return [...withoutWeights(() => new Model(config)).named_state()].map(([key]) => key);
}

describe('the order of state_dict', () => {
  it('is asked of every model', () => {
    expect(names.length).toBeGreaterThan(40);
    expect(modelsOf(compiled)).toEqual(names);
  });

  it.each(names)('is the same from dist as from source: %s', (name) => {
    const order = keys(source, name, no_init_weights);
    expect(order.length).toBeGreaterThan(10);
    expect(keys(compiled, name, entrance.no_init_weights)).toEqual(order);
  });
});
