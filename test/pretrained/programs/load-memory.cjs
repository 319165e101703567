// `make FOLDER FORMAT` saves a model in shards; `load FOLDER` loads it and tells what memory that took at most.
const { existsSync, readFileSync } = require('node:fs');
const { BertConfig, BertModel, memoryStats, no_init_weights, Tensor } = require('../../../dist/index.js');

const sizes = {
  hidden_size: 512,
  num_hidden_layers: 8,
  num_attention_heads: 8,
  intermediate_size: 4096,
  vocab_size: 4000,
};

async function make(folder, format) {
  const config = new BertConfig(sizes);
  const state_dict = new Map();
  for (const [name, { dims, size }] of no_init_weights(() => new BertModel(config)).named_parameters())
    state_dict.set(name, new Tensor('float32', new Float32Array(size).fill(1), [...dims]));
  const model = await BertModel.from_pretrained(null, { config, state_dict });
  await model.save_pretrained(folder, { max_shard_size: '24MB', safe_serialization: format === 'safetensors' });
}

/** The most bytes that this process had in memory. Its `maxRSS` begins with those of whoever started it. */
function mostResident() {
  const status = '/proc/self/status';
  if (!existsSync(status)) return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(status, 'utf8'))[1]) * 1024;
}

async function load(folder) {
  const before = { resident: process.memoryUsage().rss, live: memoryStats().live };
  const model = await BertModel.from_pretrained(folder);
  const resident = mostResident() - before.resident;
  const weights = model.num_parameters() * 4;
  console.log(JSON.stringify({ weights, resident, tensors: memoryStats().peak - before.live }));
}

const [task, ...rest] = process.argv.slice(2);
(task === 'make' ? make : load)(...rest);
