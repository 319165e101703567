// `make FOLDER` saves a model; `save FOLDER` loads it, saves it again and tells what tensor memory that took.
const { BertConfig, BertModel, memoryStats, no_init_weights, Tensor } = require('../../../dist/index.js');

const sizes = {
  hidden_size: 256,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  intermediate_size: 4096,
  vocab_size: 100,
};

async function make(folder) {
  const config = new BertConfig(sizes);
  const state_dict = new Map();
  for (const [name, { dims, size }] of no_init_weights(() => new BertModel(config)).named_parameters())
    state_dict.set(name, new Tensor('float32', new Float32Array(size), [...dims]));
  const model = await BertModel.from_pretrained(null, { config, state_dict });
  await model.save_pretrained(folder);
}

async function save(folder) {
  const model = await BertModel.from_pretrained(folder);
  const { live } = memoryStats();
  await model.save_pretrained(folder);
  const largest = Math.max(...Array.from(model.named_parameters(), ([, parameter]) => parameter.nbytes));
  console.log(JSON.stringify({ beyond: memoryStats().peak - live, largest }));
}

const [task, folder] = process.argv.slice(2);
(task === 'make' ? make : save)(folder);
