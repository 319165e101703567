// Saves a model that is larger than files may be, over a small one and to a new folder; tells how that ended.
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { BertConfig, BertModel, no_init_weights, Tensor } = require('../../../dist/index.js');

const target = process.argv[2];

async function makeModel(vocab_size) {
  const config = new BertConfig({
    hidden_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    intermediate_size: 64,
    vocab_size,
  });
  const state_dict = {};
  for (const [name, { dims, size }] of no_init_weights(() => new BertModel(config)).named_parameters())
    state_dict[name] = new Tensor('float32', new Float32Array(size), [...dims]);
  return BertModel.from_pretrained(null, { config, state_dict });
}

const snapshot = () =>
  JSON.stringify(readdirSync(target).map((name) => [name, readFileSync(join(target, name), 'base64')]));

async function main() {
  await (await makeModel(100)).save_pretrained(target);
  const before = snapshot();
  const large = await makeModel(60_000);
  const errors = [];
  for (const folder of [target, `${target}-new`])
    await large.save_pretrained(folder).catch(({ name, code, message }) => errors.push({ name, code, message }));
  console.log(JSON.stringify({ errors, unchanged: snapshot() === before }));
}

main();
