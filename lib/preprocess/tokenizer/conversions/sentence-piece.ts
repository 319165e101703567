import { ValueError } from '../../../errors';
import type { SentencePieceFiles } from '../../backend/vocabulary-files';
import { type Conversion, flag, headOf, PIECE_DECODERS, type Settings, STRIP_DECODER, textOf } from '../conversion';
import type { JsonObject } from '../folder';
import { templateOf, templateProcessing } from '../template';

/** Models of SentencePiece: `spiece.model`, `sentencepiece.bpe.model`, `tokenizer.model`. */

const kPlain: Omit<SentencePieceFiles, 'head' | 'model'> = {
  kind: 'sentence-piece',
  before: [],
  skipped: 0,
  after: [],
  named: [],
  unknown: null,
  byteFallback: false,
  splitsCommas: false,
};
/** The character map is put in where the file is read. */
const kCharacterMap = { type: 'Precompiled', precompiled_charsmap: null };
const kSpaces = [
  { type: 'Strip', strip_left: false, strip_right: true },
  { type: 'Replace', pattern: { Regex: ' {2,}' }, content: '▁' },
];

function head(normalizers: readonly JsonObject[], prepend_scheme = 'always') {
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme, split: true };
  return headOf({
    normalizer: { type: 'Sequence', normalizers },
    pre_tokenizer: metaspace,
    decoder: metaspace,
    model: {},
  });
}

/** Where a space is put before a text: `legacy` is the behaviour that null stands for. */
function prependScheme({ init }: Settings): 'always' | 'first' | 'never' {
  if (!flag(init, 'add_prefix_space')) return 'never';
  return isLegacy(init) ? 'always' : 'first';
}

function isLegacy(init: JsonObject): boolean {
  return flag(init, 'legacy') !== false;
}

/** Setting it asks for the conversion anew. */
function setsPrefixSpace(configured: JsonObject): boolean {
  return flag(configured, 'add_prefix_space') !== null;
}

export const t5Conversion: Conversion = {
  files: ['spiece.model'],
  vocabulary([model], settings) {
    const count = settings.init['extra_ids'] as number;
    const after = Array.from({ length: count }, (_, i): [string, number] => [`<extra_id_${count - 1 - i}>`, 0]);
    return {
      ...kPlain,
      model: model as string,
      after,
      head: head([kCharacterMap, ...kSpaces], prependScheme(settings)),
    };
  },
  postProcessor: (_, idOf, path) => templateProcessing(templateOf('$A </s>', '$A </s> $B </s>'), idOf, path),
  fixedTokens: ['</s>'],
  prefersFiles: setsPrefixSpace,
};

export const albertConversion: Conversion = {
  files: ['spiece.model'],
  vocabulary([model], { init }) {
    const quotes = ['``', "''"].map((String) => ({ type: 'Replace', pattern: { String }, content: '"' }));
    const normalizers: JsonObject[] = [...quotes];
    if (!flag(init, 'keep_accents')) normalizers.push({ type: 'NFKD' }, { type: 'StripAccents' });
    if (flag(init, 'do_lower_case')) normalizers.push({ type: 'Lowercase' });
    normalizers.push(kCharacterMap, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' });
    return { ...kPlain, model: model as string, splitsCommas: true, head: head(normalizers) };
  },
  postProcessor: (_, idOf, path) =>
    templateProcessing(templateOf('[CLS] $A [SEP]', '[CLS] $A [SEP] $B:1 [SEP]:1'), idOf, path),
  fixedTokens: ['[CLS]', '[SEP]'],
};

/** The models of fairseq, which have another order of ids than the file. */
function fairseq(order: Pick<SentencePieceFiles, 'before' | 'skipped'>): Conversion {
  return {
    files: ['sentencepiece.bpe.model'],
    vocabulary([model]) {
      const after: [string, number][] = [['<mask>', 0]];
      return {
        ...kPlain,
        ...order,
        model: model as string,
        after,
        unknown: 3,
        head: head([kCharacterMap, ...kSpaces]),
      };
    },
    postProcessor: (_, idOf, path) =>
      templateProcessing(templateOf('<s> $A </s>', '<s> $A </s> </s> $B </s>'), idOf, path),
    fixedTokens: ['<s>', '</s>'],
  };
}

export const xlmRobertaConversion = fairseq({
  before: ['<s>', '<pad>', '</s>', '<unk>'].map((text) => [text, 0]),
  skipped: 3,
});

export const camembertConversion = fairseq({
  before: [
    ...['<s>NOTUSED', '<pad>', '</s>NOTUSED', '<unk>'].map((text): [string, number] => [text, 0]),
    ['<unk>NOTUSED', -100],
  ],
  skipped: 1,
});

export const llamaConversion: Conversion = {
  files: ['tokenizer.model'],
  vocabulary([model], { init, addedTokens }) {
    const named = [0, 1, 2].map((id) => addedTokens.get(id)?.content ?? null);
    return { ...kPlain, model: model as string, named, unknown: 0, byteFallback: true, head: llamaHead(init) };
  },
  postProcessor(settings, idOf, path) {
    const [bos, eos] = (['bos', 'eos'] as const).map((name) => {
      if (!flag(settings.init, `add_${name}_token`)) return null;
      const token = textOf(settings, `${name}_token`);
      if (token === undefined) throw new ValueError(`add_${name}_token is on, and there is no ${name}_token`);
      return token;
    });
    const around = (text: string, type: number) =>
      [bos ? `{bos}:${type}` : '', `${text}:${type}`, eos ? `{eos}:${type}` : ''].join(' ');
    const tokens = { '{bos}': bos ?? '', '{eos}': eos ?? '' };
    return templateProcessing(templateOf(around('$A', 0), `${around('$A', 0)} ${around('$B', 1)}`, tokens), idOf, path);
  },
  alwaysPostProcesses: true,
  prefersFiles: setsPrefixSpace,
};

function llamaHead(init: JsonObject) {
  const prefixes = flag(init, 'add_prefix_space') === true;
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  return headOf({
    normalizer: isLegacy(init)
      ? { type: 'Sequence', normalizers: [...(prefixes ? [{ type: 'Prepend', prepend: '▁' }] : []), spaces] }
      : null,
    pre_tokenizer: isLegacy(init)
      ? null
      : { type: 'Metaspace', replacement: '▁', prepend_scheme: prefixes ? 'first' : 'never', split: false },
    decoder: {
      type: 'Sequence',
      decoders: [...PIECE_DECODERS, ...(prefixes ? [STRIP_DECODER] : [])],
    },
    model: {},
  });
}
