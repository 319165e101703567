import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AutoModel,
  AutoModelForCausalLM,
  BertConfig,
  BertModel,
  GPT2Config,
  GPT2LMHeadModel,
  set_seed,
} from '../../../lib';
import { Dice } from '../dice';
import { mutateBytes } from '../mutate-bytes';
import { mutateJson } from '../mutate-json';
import type { Target } from '../target';

/** Folders of tiny models, one file of each mutated, through `from_pretrained`. */

const kBert = {
  vocab_size: 8,
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 4,
  max_position_embeddings: 4,
};
const kGpt2 = { vocab_size: 8, n_embd: 4, n_layer: 1, n_head: 2, n_positions: 4, bos_token_id: 1, eos_token_id: 2 };

async function filesOf(folder: string, names: readonly string[]): Promise<Map<string, Buffer>> {
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
}

const kConfigWords = {
  strings: ['bert', 'gpt2', 'llama', 'roberta', 'gelu', 'relu', 'float32', 'bfloat16', 'absolute', 'BertModel', 'x'],
  keys: [
    'model_type',
    'architectures',
    'torch_dtype',
    'dtype',
    'pruned_heads',
    'id2label',
    'label2id',
    'num_labels',
    'hidden_act',
    'rope_scaling',
    'auto_map',
    'quantization_config',
    'configuration_files',
    'is_decoder',
    'tie_word_embeddings',
  ],
};

let bert: Map<string, Buffer>;

export const model: Target = {
  name: 'model',
  about: 'config.json and weights of a tiny bert, through AutoModel.from_pretrained',

  async prepare(folder) {
    set_seed(1);
    await using made = new BertModel(new BertConfig(kBert));
    await made.save_pretrained(folder);
    bert = await filesOf(folder, ['config.json', 'model.safetensors']);
  },

  make(seed) {
    const dice = new Dice(seed);
    const files = new Map(bert);
    const config = JSON.parse(String(bert.get('config.json'))) as object;
    if (dice.below(4) > 0) files.set('config.json', Buffer.from(mutateJson(dice, config, kConfigWords)));
    else files.set('model.safetensors', mutateBytes(dice, bert.get('model.safetensors') as Buffer));
    return files;
  },

  async open(folder) {
    const loaded = await AutoModel.from_pretrained(folder);
    await loaded.dispose();
  },
};

let gpt2: Map<string, Buffer>;
let generation: object;

export const generationConfig: Target = {
  name: 'generation-config',
  about: 'generation_config.json of a tiny gpt2, through AutoModelForCausalLM.from_pretrained',

  async prepare(folder) {
    set_seed(1);
    await using made = new GPT2LMHeadModel(new GPT2Config(kGpt2));
    await made.save_pretrained(folder);
    gpt2 = await filesOf(folder, ['config.json', 'model.safetensors', 'generation_config.json']);
    generation = {
      ...JSON.parse(String(gpt2.get('generation_config.json'))),
      max_length: 4,
      do_sample: false,
      num_beams: 1,
    };
  },

  make(seed) {
    const words = {
      keys: [
        'max_length',
        'max_new_tokens',
        'min_length',
        'eos_token_id',
        'pad_token_id',
        'bad_words_ids',
        'temperature',
        'cache_implementation',
        'forced_eos_token_id',
      ],
    };
    const text = mutateJson(new Dice(seed), generation, words);
    return new Map([...gpt2, ['generation_config.json', Buffer.from(text)]]);
  },

  async open(folder) {
    const loaded = await AutoModelForCausalLM.from_pretrained(folder);
    await loaded.dispose();
  },
};
