import { ValueError } from '../../../errors';
import { BYTE_LEVEL_MODEL, type Conversion, flag, headOf, type Settings, textOf } from '../conversion';
import type { JsonObject } from '../folder';
import { idIn, templateOf, templateProcessing } from '../template';

/** Byte-level BPE: `vocab.json` with `merges.txt`. */

const kFiles = ['vocab.json', 'merges.txt'];
const kBytes = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };

function head(pre_tokenizer: JsonObject, normalizer: JsonObject | null = null) {
  return headOf({
    normalizer,
    pre_tokenizer,
    decoder: kBytes,
    model: BYTE_LEVEL_MODEL,
  });
}

function withPrefix({ init }: Settings): JsonObject {
  return { ...kBytes, add_prefix_space: flag(init, 'add_prefix_space') === true };
}

function filesOf(paths: readonly string[], headless: boolean) {
  return { kind: 'byte-level', vocab: paths[0] as string, merges: paths[1] as string, headless } as const;
}

export const gpt2Conversion: Conversion = {
  files: kFiles,
  vocabulary: (paths, settings) => ({ ...filesOf(paths, false), head: head(withPrefix(settings)) }),
  postProcessor(settings, idOf, path) {
    if (!flag(settings.init, 'add_bos_token')) return { ...kBytes, trim_offsets: false };
    const bos = textOf(settings, 'bos_token');
    if (bos === undefined) throw new ValueError('add_bos_token is on, and there is no bos_token');
    return templateProcessing(templateOf('{bos} $A', '{bos} $A $B:1', { '{bos}': bos }), idOf, path);
  },
};

/** RoBERTa and BART. */
export const robertaConversion: Conversion = {
  files: kFiles,
  vocabulary: (paths, settings) => ({ ...filesOf(paths, false), head: head(withPrefix(settings)) }),
  postProcessor(settings, idOf, path) {
    const [sep, cls] = (['sep_token', 'cls_token'] as const).map((name) => {
      const token = textOf(settings, name);
      if (token === undefined) throw new ValueError(`the tokenizer needs a ${name}, and the configuration has none`);
      return [token, idIn(idOf, token, path)];
    });
    return {
      type: 'RobertaProcessing',
      sep,
      cls,
      trim_offsets: flag(settings.init, 'trim_offsets') === true,
      add_prefix_space: flag(settings.init, 'add_prefix_space') === true,
    };
  },
};

/** Qwen2 splits digits one by one. Source: Qwen2Tokenizer of Transformers. */
const kQwen2Pattern =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Qwen2: `add_prefix_space` changes nothing. */
export const qwen2Conversion: Conversion = {
  files: kFiles,
  vocabulary(paths) {
    const split = { type: 'Split', pattern: { Regex: kQwen2Pattern }, behavior: 'Isolated', invert: false };
    const bytes = { ...kBytes, add_prefix_space: false, use_regex: false };
    return {
      ...filesOf(paths, true),
      head: head({ type: 'Sequence', pretokenizers: [split, bytes] }, { type: 'NFC' }),
    };
  },
  postProcessor: () => ({ ...kBytes, trim_offsets: false }),
};
