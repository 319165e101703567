// One save of a model whose every weight is 1.
const { BertConfig, BertModel, no_init_weights, Tensor } = require('../../../dist/index.js');

async function main() {
  const fields = {
    hidden_size: 128,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    intermediate_size: 512,
    vocab_size: 3000,
  };
  const config = new BertConfig({ ...fields, marker: 1 });
  const state_dict = {};
  for (const [name, { dims, size }] of no_init_weights(() => new BertModel(config)).named_parameters())
    state_dict[name] = new Tensor('float32', new Float32Array(size).fill(1), [...dims]);
  const model = await BertModel.from_pretrained(null, { config, state_dict });
  await model.save_pretrained(process.argv[2]);
}

main();
