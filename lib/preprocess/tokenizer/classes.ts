import { RuntimeError } from '../../errors';
import { addedToken } from './added-token';
import type { ClassDefaults } from './configuration';
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

export class RobertaTokenizer extends PreTrainedTokenizer {
  static override readonly defaults = defaults(
    kWithoutTypes,
    { ...kRobertaTokens, mask_token: addedToken('<mask>', { lstrip: true, special: true }) },
    { add_prefix_space: false, trim_offsets: true },
  );

  static override changesTo(file: JsonObject, init: JsonObject): JsonObject {
    const changes: JsonObject = {};
    for (const [component, names] of [
      ['pre_tokenizer', ['add_prefix_space']],
      ['post_processor', ['add_prefix_space', 'trim_offsets']],
    ] as const) {
      const state = file[component] as JsonObject | null;
      const changed = names.filter((name) => state && name in state && state[name] !== init[name]);
      if (changed.length > 0)
        changes[component] = { ...state, ...Object.fromEntries(changed.map((name) => [name, init[name]])) };
    }
    return changes;
  }

  override checkSplitWords(): void {
    if (!this.init_kwargs['add_prefix_space'])
      throw new RuntimeError(
        `${this.constructor.name} takes lists of words only with a space put before each: load it with { add_prefix_space: true }`,
        { code: 'ERR_ADD_PREFIX_SPACE' },
      );
  }
}

export class XLMRobertaTokenizer extends PreTrainedTokenizer {
  static override readonly defaults = defaults(kWithoutTypes, {
    ...kRobertaTokens,
    mask_token: addedToken('<mask>', { lstrip: true, special: true }),
  });
}

export class CamembertTokenizer extends PreTrainedTokenizer {
  static override readonly defaults = defaults(
    kWithoutTypes,
    { ...kRobertaTokens, mask_token: addedToken('<mask>', { lstrip: true, special: true }) },
    {},
    ['<s>NOTUSED', '</s>NOTUSED', '<unk>NOTUSED'],
  );
}

export class AlbertTokenizer extends PreTrainedTokenizer {
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
