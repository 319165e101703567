import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelTypes } from '../../lib/models';
import type { ModelClass } from '../../lib/pretrained/pretrained-model';
import { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import type { SavePretrainedOptions } from '../../lib/pretrained/save-options';
import { Tensor } from '../../lib/tensor/tensor';

/** The law of round trips: for every class, type and layout, what is saved is what is loaded. */

const goldens = join(__dirname, '..', 'goldens');

const classes = Object.entries(modelTypes).flatMap(([model_type, family]) =>
  Object.values(family)
    .filter((value): value is ModelClass => typeof value === 'function' && value.prototype instanceof PreTrainedModel)
    .filter((Type) => Type.config_class.model_type === model_type && !Type.name.endsWith('PreTrainedModel'))
    .map((Type): [string, string, ModelClass] => [Type.name, model_type, Type]),
);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'save-load-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The smallest config that the family's goldens have, as one of `Type`. */
function configFor(model_type: string, Type: ModelClass) {
  const checkpoint = readdirSync(join(goldens, model_type)).sort()[0] as string;
  return new Type.config_class(JSON.parse(readFileSync(join(goldens, model_type, checkpoint, 'config.json'), 'utf8')));
}

/** A model whose weights are all different numbers, those that are tied excepted. */
async function makeModel(Type: ModelClass, model_type: string, dtype: string): Promise<PreTrainedModel> {
  const config = configFor(model_type, Type);
  let next = 0;
  const made = new Map<unknown, Tensor>();
  const state_dict = new Map<string, Tensor>();
  for (const [name, value] of new Type(config as never).named_state()) {
    const count = value.dims.reduce((n, dim) => n * dim, 1);
    const tensor =
      made.get(value) ??
      new Tensor(
        'float32',
        Float32Array.from({ length: count }, () => Math.sin(next++)),
        [...value.dims],
      );
    made.set(value, tensor);
    state_dict.set(name, tensor);
  }
  return PreTrainedModel.from_pretrained.call(Type as never, null, {
    config,
    state_dict,
    dtype,
  }) as Promise<PreTrainedModel>;
}

async function bits(model: PreTrainedModel): Promise<[string, string, readonly number[], string][]> {
  const found: [string, string, readonly number[], string][] = [];
  for (const [name, tensor] of model.state_dict()) {
    const { buffer, byteOffset, byteLength } = await tensor.getData();
    found.push([name, tensor.type, tensor.dims, Buffer.from(buffer, byteOffset, byteLength).toString('base64')]);
  }
  return found;
}

it('finds the classes of every family', () => {
  expect(classes.length).toBeGreaterThan(50);
  expect(new Set(classes.map(([, model_type]) => model_type))).toEqual(new Set(Object.keys(modelTypes)));
});

describe.each(['float32', 'float16', 'bfloat16'])('saved and loaded as %s', (dtype) => {
  it.each(classes)('%s', async (_, model_type, Type) => {
    await using model = await makeModel(Type, model_type, dtype);
    const expected = await bits(model);
    const bytes = [...model.named_parameters()].reduce((n, [, parameter]) => n + parameter.nbytes, 0);
    const max_shard_size = Math.ceil(bytes / 3);
    const layouts: SavePretrainedOptions[] = [
      {},
      { max_shard_size, variant: 'small' },
      { safe_serialization: false },
      { safe_serialization: false, max_shard_size, variant: 'small' },
    ];
    for (const options of layouts) {
      await model.save_pretrained(folder, options);
      const variant = options.variant ?? null;
      const use_safetensors = options.safe_serialization ?? true;
      const loading = { dtype: 'auto', output_loading_info: true, variant, use_safetensors };
      const [again, info] = (await PreTrainedModel.from_pretrained.call(
        Type as never,
        folder,
        loading as never,
      )) as unknown as [PreTrainedModel, unknown];
      await using loaded = again;
      expect(info).toEqual({ missing_keys: [], unexpected_keys: [], mismatched_keys: [], error_msgs: [] });
      expect(loaded.config.to_dict()).toEqual(model.config.to_dict());
      expect(await bits(loaded)).toEqual(expected);
    }
    const indexes = ['model.safetensors.index.small.json', 'pytorch_model.bin.index.small.json'];
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(indexes));
  });
});
