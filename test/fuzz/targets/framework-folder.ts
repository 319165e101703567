import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoConfig, AutoModel, AutoTokenizer } from '../../../lib';
import { lookup3 } from '../../../lib/checkpoint/hdf5/lookup3';
import { Dice } from '../dice';
import { type MappedFile, mutateMapped } from '../mapped-file';
import type { Target } from '../target';
import { type Bundle, bundleOf, mutateBundle } from './bundle';
import { mapMsgpack } from './flax';
import { mapGguf, nestGguf } from './gguf';
import { mapHdf5 } from './hdf5';

const kGoldens = join(__dirname, '../../goldens');
const kConfig = 'config.json';
const kFlax = 'flax_model.msgpack';
const kKeras = 'tf_model.h5';

const golden = (folder: string, name: string) => readFileSync(join(kGoldens, 'frameworks', folder, name));

interface Corpus {
  flax: MappedFile;
  keras: MappedFile;
  bundle: Bundle;
}
let corpus: Corpus;

export const frameworkFolder: Target = {
  name: 'framework-folder',
  about: 'weights of tiny models that Flax, Keras and TensorFlow 1 saved, through AutoModel.from_pretrained',

  async prepare(folder) {
    const files = ['model.ckpt.index', 'model.ckpt.data-00000-of-00001'];
    corpus = {
      flax: mapMsgpack(golden('bert-flax', kFlax)),
      keras: await mapHdf5(golden('distilbert-tf-h5', kKeras), folder),
      bundle: await bundleOf(new Map(files.map((name) => [name, golden('gpt2-tf1', name)]))),
    };
  },

  make(seed) {
    const dice = new Dice(seed);
    const { flax, keras, bundle } = corpus;
    switch (seed % 3) {
      case 0:
        return new Map([
          [kConfig, golden('bert-flax', kConfig)],
          [kFlax, mutateMapped(dice, flax, [flax], { bigEndian: true })],
        ]);
      case 1:
        return new Map([
          [kConfig, golden('distilbert-tf-h5', kConfig)],
          [kKeras, mutateMapped(dice, keras, [keras], { sum: lookup3 })],
        ]);
      default:
        return new Map([[kConfig, golden('gpt2-tf1', kConfig)], ...mutateBundle(dice, bundle, [bundle])]);
    }
  },

  async open(folder, seed) {
    const loaded = await AutoModel.from_pretrained(folder, seed % 3 === 0 ? { from_flax: true } : { from_tf: true });
    await loaded.dispose();
  },
};

const kVocabularies = ['llama', 'gpt2', 'qwen2'];
const kGguf = 'model.gguf';
const vocabularies = kVocabularies.map((name) =>
  mapGguf(readFileSync(join(kGoldens, 'gguf', `${name}-vocabulary.gguf`))),
);

export const ggufWords: Target = {
  name: 'gguf-words',
  about: 'metadata of GGUF files, as a tokenizer and as a config',

  make(seed) {
    const dice = new Dice(seed);
    return new Map([[kGguf, mutateMapped(dice, dice.pick(vocabularies), vocabularies, { nest: nestGguf })]]);
  },

  async open(folder, seed) {
    const path = join(folder, kGguf);
    if (seed % 4 === 0) {
      await AutoConfig.from_pretrained(path);
      return;
    }
    const tokenizer = await AutoTokenizer.from_pretrained(path);
    try {
      const ids = await tokenizer.encode('Hello, 日本 🙂 <s>');
      await tokenizer.decode(ids);
    } finally {
      tokenizer.dispose();
    }
  },
};
