import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BertConfig, BertModel, get_checkpoint_shard_files, load_sharded_checkpoint, set_seed } from '../../../lib';
import { Dice } from '../dice';
import { mutateBytes } from '../mutate-bytes';
import { mutateJson } from '../mutate-json';
import { claim, type Target } from '../target';

const kIndex = 'model.safetensors.index.json';
const kTiny = {
  vocab_size: 8,
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 4,
  max_position_embeddings: 4,
};

let model: BertModel;
let corpus: Map<string, Buffer>;

export const indexMap: Target = {
  name: 'index',
  about: 'indexes of shards, and shards, through load_sharded_checkpoint and get_checkpoint_shard_files',

  async prepare(folder) {
    set_seed(1);
    model = new BertModel(new BertConfig(kTiny));
    await model.save_pretrained(folder, { max_shard_size: 400 });
    const names = readdirSync(folder).filter((name) => name.endsWith('.safetensors') || name === kIndex);
    corpus = new Map(names.sort().map((name) => [name, readFileSync(join(folder, name))]));
  },

  make(seed) {
    const dice = new Dice(seed);
    const files = new Map(corpus);
    const shards = [...files.keys()].filter((name) => name !== kIndex);
    const index = JSON.parse(String(corpus.get(kIndex))) as { weight_map: Record<string, string> };
    const words = {
      strings: [...shards, kIndex, 'sub/model.safetensors'],
      keys: ['metadata', 'weight_map', 'total_size', ...Object.keys(index.weight_map).slice(0, 4)],
    };
    if (!dice.once(8)) files.set(kIndex, Buffer.from(mutateJson(dice, index, words)));
    else files.set(kIndex, mutateBytes(dice, corpus.get(kIndex) as Buffer));
    const shard = dice.pick(shards);
    if (dice.once(4)) files.set(shard, mutateBytes(dice, files.get(shard) as Buffer, files.get(dice.pick(shards))));
    if (dice.once(8)) files.delete(dice.pick(shards));
    return files;
  },

  async open(folder, seed) {
    if (seed % 2 === 0) {
      await load_sharded_checkpoint(model, folder, { strict: seed % 4 === 0 });
      return;
    }
    const [files] = await get_checkpoint_shard_files(join(folder, kIndex));
    for (const file of files) claim(file.startsWith(`${folder}/`) && !file.includes('..'), `${file} leaves the folder`);
  },
};
