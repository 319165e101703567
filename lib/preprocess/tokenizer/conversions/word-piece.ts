import { ValueError } from '../../../errors';
import { type Conversion, flag, headOf, type Settings, textOf } from '../conversion';
import { type Template, templateOf, templateProcessing } from '../template';

/** The family of BERT: `vocab.txt`. `never_split` and `do_basic_tokenize` change nothing, as in every fast tokenizer. */
function wordPiece(pair: string): Conversion {
  return {
    files: ['vocab.txt'],
    vocabulary: ([vocab], settings) => ({ kind: 'word-piece', vocab: vocab as string, head: head(settings) }),
    postProcessor: (settings, idOf, path) => templateProcessing(template(settings, pair), idOf, path),
  };
}

export const bertConversion = wordPiece('{cls} $A {sep} $B:1 {sep}:1');
export const mpnetConversion = wordPiece('{cls} $A {sep} {sep} $B:1 {sep}:1');

function head(settings: Settings) {
  const { init } = settings;
  return headOf({
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: flag(init, 'tokenize_chinese_chars'),
      strip_accents: flag(init, 'strip_accents'),
      lowercase: flag(init, 'do_lower_case'),
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: required(settings, 'unk_token'),
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
    },
  });
}

function template(settings: Settings, pair: string): Template {
  const tokens = { '{cls}': required(settings, 'cls_token'), '{sep}': required(settings, 'sep_token') };
  return templateOf('{cls} $A {sep}', pair, tokens);
}

function required(settings: Settings, name: 'unk_token' | 'cls_token' | 'sep_token'): string {
  const text = textOf(settings, name);
  if (text !== undefined) return text;
  throw new ValueError(`a tokenizer of vocab.txt needs a ${name}, and the configuration has none`);
}
