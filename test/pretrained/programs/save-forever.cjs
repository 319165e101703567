// Saves two models over each other until it is killed. Every weight of model m is m, and so is `marker` in its config.
const { BertConfig, BertModel, no_init_weights, Tensor } = require('../../../dist/index.js');

const [mode, target] = process.argv.slice(2);

/** Options of each model's save, by mode. */
const layouts = {
  single: [{}, {}],
  sharded: [{ max_shard_size: '2MB' }, { max_shard_size: '1.5MB' }],
  'sharded to single': [{ max_shard_size: '2MB' }, {}],
  loaded: [{}, {}],
  bin: [{ safe_serialization: false }, { safe_serialization: false, max_shard_size: '2MB' }],
  foreign: [{}, { max_shard_size: '2MB' }],
  'in place': [{ max_shard_size: '2MB' }, {}],
};

const config = (marker) =>
  new BertConfig({
    hidden_size: 128,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    intermediate_size: 512,
    vocab_size: 3000,
    marker,
  });

async function makeModel(marker) {
  const shapes = no_init_weights(() => new BertModel(config(marker))).named_parameters();
  const state_dict = Object.fromEntries(
    Array.from(shapes, ([name, { dims, size }]) => [
      name,
      new Tensor('float32', new Float32Array(size).fill(marker), [...dims]),
    ]),
  );
  return BertModel.from_pretrained(null, { config: config(marker), state_dict });
}

async function main() {
  const models = [await makeModel(1), await makeModel(2)];
  if (mode === 'in place') process.chdir(target);
  process.stdout.write('ready\n');
  for (let i = 0; ; i = 1 - i) {
    const options = layouts[mode][i];
    await (mode === 'loaded' ? saveOverLoaded(models[i], options) : models[i].save_pretrained(target, options));
    process.stdout.write('saved\n');
  }
}

async function saveOverLoaded(other, options) {
  const model = await BertModel.from_pretrained(target);
  model.config.marker = other.config.marker;
  await model.save_pretrained(target, { ...options, state_dict: other.state_dict() });
  await model.dispose();
}

main();
