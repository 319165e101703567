import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoTokenizer, type PreTrainedTokenizer } from '../../../lib';
import {
  bytes,
  characterMap,
  float,
  number,
  piece,
  sentencePieceBytes,
  specialPieces,
  varint,
} from '../../preprocess/sentence-piece-bytes';
import { Dice } from '../dice';
import { mutateBytes, spliced } from '../mutate-bytes';
import { mutateJson } from '../mutate-json';
import { claim, type Target } from '../target';

/** Vocabularies in the files of older libraries, through AutoTokenizer and a few texts. */

const goldens = join(__dirname, '..', '..', 'goldens', 'vocabularies');
const kTexts = ['The old engineer rewrites 3 numbers.', ' naïve  ﬁ ½\u0301 👩‍👩 日本 ', '<s> a</s> <mask>', ''];
const kFiles: Record<string, readonly string[]> = {
  t5: ['spiece.model'],
  albert: ['spiece.model'],
  'xlm-roberta': ['sentencepiece.bpe.model'],
  camembert: ['sentencepiece.bpe.model'],
  llama: ['tokenizer.model'],
  bert: ['vocab.txt'],
  gpt2: ['vocab.json', 'merges.txt'],
  qwen2: ['vocab.json', 'merges.txt'],
};
const kModels = ['t5', 'albert', 'fairseq', 'fairseq-bpe', 'llama', 'llama-unigram'];
const kWords = ['▁', 'a', 'b', 'ab', '▁a', '<s>', '</s>', '<unk>', '<mask>', '<0x41>', 'e\u0301', '日', '[CLS]', '1,'];

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', '##e', 'a', '3'];
const small = { a: 0, b: 1, ab: 2, Ġ: 3, Ġa: 4, '<|endoftext|>': 5, Ã: 6 };
const merges = '#version: 0.2\na b\nĠ a\n';

let corpus: Map<string, Buffer>;
let first: PreTrainedTokenizer;

/** A model of SentencePiece that is almost right. */
function model(dice: Dice): Buffer {
  const whole = corpus.get(dice.pick(kModels)) as Buffer;
  if (dice.once(2)) return mutateBytes(dice, whole, corpus.get(dice.pick(kModels)));
  const pieces = Array.from({ length: dice.below(40) }, (_, i) => {
    const text = dice.once(3) ? dice.pick(kWords) : `${dice.pick(kWords)}${i}`;
    return piece(text, dice.once(9) ? dice.pick([NaN, Infinity, -3e38, 1e-45]) : -dice.below(20), 1 + dice.below(6));
  });
  const map = dice.once(2)
    ? characterMap({
        [dice.below(256)]: Number(BigInt.asUintN(32, dice.number(1n << 10n))),
        [dice.below(256)]: dice.below(2 ** 31),
      })
    : undefined;
  const made = sentencePieceBytes({
    pieces,
    type: 1 + dice.below(4),
    unknown: dice.once(4) ? dice.number() : 0,
    ...(map && { characterMap: map }),
  });
  const at = dice.below(made.length);
  switch (dice.below(6)) {
    case 0:
      return mutateBytes(dice, made, whole);
    case 1:
      return spliced(made, at, dice.below(8), dice.pick(specialPieces));
    case 2:
      return Buffer.concat([
        made,
        dice.pick([number(dice.below(99), 5), float(91, 1), bytes(1 + dice.below(9), '\n\0')]),
      ]);
    case 3:
      return spliced(made, at, 1, varint(dice.number()));
    default:
      return made;
  }
}

function vocabularyJson(dice: Dice): Buffer {
  return dice.once(2)
    ? Buffer.from(mutateJson(dice, small, { keys: Object.keys(small) }))
    : mutateBytes(dice, Buffer.from(JSON.stringify(small)));
}

function content(dice: Dice, name: string): Buffer {
  if (name === 'vocab.txt') return mutateBytes(dice, Buffer.from(`${words.join('\n')}\n`));
  if (name === 'vocab.json') return dice.once(2) ? vocabularyJson(dice) : Buffer.from(JSON.stringify(small));
  if (name === 'merges.txt') return dice.once(2) ? mutateBytes(dice, Buffer.from(merges)) : Buffer.from(merges);
  return model(dice);
}

const kConfig = {
  legacy: false,
  add_prefix_space: true,
  extra_ids: 2,
  add_eos_token: true,
  do_lower_case: false,
  unk_token: '<unk>',
};

export const vocabulary: Target = {
  name: 'vocabulary',
  about: 'vocab.txt, vocab.json with merges.txt, and models of SentencePiece, through AutoTokenizer',

  async prepare(folder) {
    corpus = new Map(kModels.map((name) => [name, readFileSync(join(goldens, `${name}.model`))]));
    // The tokenizer thread ends with the last tokenizer: this one keeps it.
    first = await AutoTokenizer.from_pretrained(join(goldens, '..', 'tokenizers', 'bert'));
    claim(first.length > 0 && folder !== '', 'a tokenizer is open');
  },

  make(seed) {
    const dice = new Dice(seed);
    const family = dice.pick(Object.keys(kFiles));
    const files = new Map<string, Buffer>([['config.json', Buffer.from(JSON.stringify({ model_type: family }))]]);
    for (const name of kFiles[family] as readonly string[]) files.set(name, content(dice, name));
    if (dice.once(3))
      files.set(
        'tokenizer_config.json',
        Buffer.from(mutateJson(dice, kConfig, { strings: kWords, keys: Object.keys(kConfig) })),
      );
    return files;
  },

  async open(folder) {
    const tokenizer = await AutoTokenizer.from_pretrained(folder);
    try {
      const { input_ids } = await tokenizer(kTexts, { return_tensor: false });
      for (const ids of input_ids) for (const id of ids) claim(id >= 0 && id < 2 ** 24, `a text has the id ${id}`);
      await tokenizer.batch_decode(input_ids);
    } finally {
      tokenizer.dispose();
    }
  },
};
