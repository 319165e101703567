import { RuntimeError, ValueError } from '../../errors';
import { addedToken, contentOf, type SpecialToken } from './added-token';
import type { ClassDefaults } from './configuration';
import type { Conversion } from './conversion';
import { gpt2Conversion, qwen2Conversion, robertaConversion } from './conversions/byte-level';
import {
  albertConversion,
  camembertConversion,
  llamaConversion,
  t5Conversion,
  xlmRobertaConversion,
} from './conversions/sentence-piece';
import { bertConversion, mpnetConversion } from './conversions/word-piece';
import type { JsonObject } from './folder';
import { PreTrainedTokenizer } from './pretrained-tokenizer';

/**
 * The tokenizer classes of the model families: what each sets by default, and what it changes in tokenizer.json, as the
 * `*TokenizerFast` classes of Transformers 4.35.2 (models/<name>/tokenization_<name>_fast.py).
 */

const kBertTokens = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
};
const kRobertaTokens = {
  bos_token: '<s>',
  eos_token: '</s>',
  unk_token: '<unk>',
  sep_token: '</s>',
  pad_token: '<pad>',
  cls_token: '<s>',
};
const kEndOfText = '<|endoftext|>';
const kBertInit = { do_lower_case: true, tokenize_chinese_chars: true, strip_accents: null };
const kWithoutTypes = ['input_ids', 'attention_mask'];
const kWithTypes = ['input_ids', 'token_type_ids', 'attention_mask'];

function defaults(
  model_input_names: readonly string[],
  named: ClassDefaults['special']['named'],
  init: JsonObject = {},
  additional: string[] = [],
): ClassDefaults {
  return { model_input_names, init, special: { named, additional } };
}

/** A BertNormalizer takes the configuration's word on case, accents and Chinese characters. */
function changeNormalizer(file: JsonObject, init: JsonObject, members: Record<string, string>): JsonObject {
  const normalizer = file['normalizer'] as JsonObject | null;
  if (normalizer?.['type'] !== 'BertNormalizer') return {};
  const wanted = Object.fromEntries(Object.entries(members).map(([member, name]) => [member, init[name]]));
  return { normalizer: { ...normalizer, ...wanted } };
}

export class BertTokenizer extends PreTrainedTokenizer {
  static override readonly conversion: Conversion | null = bertConversion;
  static override readonly defaults = defaults(kWithTypes, kBertTokens, kBertInit);

  static override changesTo(file: JsonObject, init: JsonObject): JsonObject {
    return changeNormalizer(file, init, {
      lowercase: 'do_lower_case',
      strip_accents: 'strip_accents',
      handle_chinese_chars: 'tokenize_chinese_chars',
    });
  }
}

export class DistilBertTokenizer extends BertTokenizer {
  static override readonly defaults = defaults(kWithoutTypes, kBertTokens, kBertInit);
}

export class ElectraTokenizer extends BertTokenizer {}

export class MPNetTokenizer extends PreTrainedTokenizer {
  static override readonly conversion: Conversion | null = mpnetConversion;
  static override readonly defaults = defaults(
    kWithoutTypes,
    {
      bos_token: addedToken('<s>', { special: true }),
      eos_token: addedToken('</s>', { special: true }),
      unk_token: addedToken('[UNK]', { special: true }),
      sep_token: addedToken('</s>', { special: true }),
      pad_token: addedToken('<pad>', { special: true }),
      cls_token: addedToken('<s>', { special: true }),
      mask_token: addedToken('<mask>', { lstrip: true, special: true }),
    },
    kBertInit,
  );

  static override changesTo(file: JsonObject, init: JsonObject): JsonObject {
    return changeNormalizer(file, init, { lowercase: 'do_lower_case', strip_accents: 'strip_accents' });
  }
}

/** Byte-level BPE: whether a space is put before a text is decided by the configuration, else it is not. */
class ByteLevelTokenizer extends PreTrainedTokenizer {
  static override changesTo(file: JsonObject, init: JsonObject): JsonObject {
    return changeMembers(file, init, { pre_tokenizer: ['add_prefix_space'] });
  }

  override checkSplitWords(): void {
    if (!this.init_kwargs['add_prefix_space'])
      throw new RuntimeError(
        `${this.constructor.name} takes lists of words only with a space put before each: load it with { add_prefix_space: true }`,
        { code: 'ERR_ADD_PREFIX_SPACE' },
      );
  }
}

function changeMembers(file: JsonObject, init: JsonObject, members: Record<string, readonly string[]>): JsonObject {
  const changes: JsonObject = {};
  for (const [component, names] of Object.entries(members)) {
    const state = file[component] as JsonObject | null;
    const changed = names.filter((name) => state && name in state && state[name] !== init[name]);
    if (changed.length > 0)
      changes[component] = { ...state, ...Object.fromEntries(changed.map((name) => [name, init[name]])) };
  }
  return changes;
}

export class RobertaTokenizer extends ByteLevelTokenizer {
  static override readonly conversion: Conversion | null = robertaConversion;
  static override readonly defaults: ClassDefaults = {
    ...defaults(
      kWithoutTypes,
      { ...kRobertaTokens, mask_token: addedToken('<mask>', { lstrip: true, special: true }) },
      { add_prefix_space: false, trim_offsets: true },
    ),
    normalizesSpecial: true,
  };

  static override changesTo(file: JsonObject, init: JsonObject): JsonObject {
    return changeMembers(file, init, {
      pre_tokenizer: ['add_prefix_space'],
      post_processor: ['add_prefix_space', 'trim_offsets'],
    });
  }
}

export class BartTokenizer extends RobertaTokenizer {
  static override readonly defaults: ClassDefaults = {
    ...RobertaTokenizer.defaults,
    special: {
      named: { ...kRobertaTokens, mask_token: addedToken('<mask>', { lstrip: true, normalized: true, special: true }) },
      additional: [],
    },
  };
}

export class GPT2Tokenizer extends ByteLevelTokenizer {
  static override readonly conversion: Conversion | null = gpt2Conversion;
  static override readonly defaults: ClassDefaults = {
    ...defaults(
      kWithoutTypes,
      { bos_token: kEndOfText, eos_token: kEndOfText, unk_token: kEndOfText },
      { add_prefix_space: false, add_bos_token: false },
    ),
    normalizesSpecial: true,
  };
}

export class Qwen2Tokenizer extends PreTrainedTokenizer {
  static override readonly conversion: Conversion | null = qwen2Conversion;
  static override readonly defaults = defaults(
    kWithoutTypes,
    { eos_token: kEndOfText, unk_token: kEndOfText, pad_token: kEndOfText },
    { clean_up_tokenization_spaces: false },
  );
}

/** Begins with `bos_token` and ends with `eos_token` as `add_bos_token` and `add_eos_token` say. */
export class LlamaTokenizer extends PreTrainedTokenizer {
  static override readonly conversion: Conversion | null = llamaConversion;
  static override readonly defaults = defaults(
    kWithoutTypes,
    { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
    {
      add_bos_token: true,
      add_eos_token: false,
      add_prefix_space: true,
      legacy: null,
      padding_side: 'left',
      clean_up_tokenization_spaces: false,
    },
  );
}

const kMostExtraIds = 100_000;

export class T5Tokenizer extends PreTrainedTokenizer {
  static override readonly conversion: Conversion | null = t5Conversion;
  static override readonly defaults: ClassDefaults = {
    ...defaults(
      kWithoutTypes,
      { eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' },
      { extra_ids: 100, add_prefix_space: true, legacy: null },
    ),
    additional: withExtraIds,
  };
}

/** T5's sentinels, unless they are among the tokens given. @throws ValueError where their number is another one */
function withExtraIds(given: readonly SpecialToken[] | null, { extra_ids: count }: JsonObject): SpecialToken[] {
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > kMostExtraIds)
    throw new ValueError(`extra_ids must be a whole number up to ${kMostExtraIds}, got ${JSON.stringify(count)}`);
  const found = (given ?? []).filter((token) => contentOf(token).includes('<extra_id_')).length;
  if (found === 0) return [...(given ?? []), ...Array.from({ length: count }, (_, i) => `<extra_id_${i}>`)];
  if (count > 0 && count !== found)
    throw new ValueError(
      `extra_ids is ${count}, and additional_special_tokens have ${found} of <extra_id_0>, <extra_id_1> …; give all or none`,
    );
  return [...(given ?? [])];
}

export class XLMRobertaTokenizer extends PreTrainedTokenizer {
  static override readonly conversion: Conversion | null = xlmRobertaConversion;
  static override readonly defaults = defaults(kWithoutTypes, {
    ...kRobertaTokens,
    mask_token: addedToken('<mask>', { lstrip: true, special: true }),
  });
}

export class CamembertTokenizer extends PreTrainedTokenizer {
  static override readonly conversion: Conversion | null = camembertConversion;
  static override readonly defaults = defaults(
    kWithoutTypes,
    { ...kRobertaTokens, mask_token: addedToken('<mask>', { lstrip: true, special: true }) },
    {},
    ['<s>NOTUSED', '</s>NOTUSED', '<unk>NOTUSED'],
  );
}

export class AlbertTokenizer extends PreTrainedTokenizer {
  static override readonly conversion: Conversion | null = albertConversion;
  static override readonly defaults = defaults(
    kWithTypes,
    {
      bos_token: '[CLS]',
      eos_token: '[SEP]',
      unk_token: '<unk>',
      sep_token: '[SEP]',
      pad_token: '<pad>',
      cls_token: '[CLS]',
      mask_token: addedToken('[MASK]', { lstrip: true, special: true }),
    },
    { do_lower_case: true, remove_space: true, keep_accents: false },
  );
}

/** The name under which Transformers 5 saves tokenizers that have no class of their own. */
export class TokenizersBackend extends PreTrainedTokenizer {
  static override readonly defaults = defaults(kWithoutTypes, {});
}
