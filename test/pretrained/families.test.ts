import * as library from '../../lib';
import { supportedModelTypes } from '../../lib/auto/families';
import type { ModelClass } from '../../lib/pretrained/pretrained-model';
import { PreTrainedModel } from '../../lib/pretrained/pretrained-model';

type Statics = typeof PreTrainedModel;

/** Every class of models that the package exports, by name; those of TensorFlow and Flax are views of these. */
const classes = Object.entries(library).filter(
  ([, value]) =>
    typeof value === 'function' && value.prototype instanceof PreTrainedModel && value.prototype.framework === 'pt',
) as unknown as [string, Statics][];

/** Checks what a class says of itself; matchers of objects take no functions. */
function expectAttributes(type: Statics, wanted: Partial<Record<keyof Statics, unknown>>): void {
  const names = Object.keys(wanted) as (keyof Statics)[];
  expect(Object.fromEntries(names.map((name) => [name, type[name]]))).toEqual(wanted);
}

const ofClass = (name: string) => new Map(classes).get(name) as Statics;

/** What Transformers 4.57.6 has of each family: prefix, blocks of no split, keys of no move, flags. */
const upstream: Record<string, [prefix: string, split: string[] | null, keys: unknown, checkpointing: boolean]> = {
  AlbertPreTrainedModel: ['albert', null, null, false],
  BartPreTrainedModel: ['model', ['BartEncoderLayer', 'BartDecoderLayer'], 'past_key_values', true],
  BertPreTrainedModel: ['bert', null, null, true],
  CamembertPreTrainedModel: ['roberta', ['RobertaEmbeddings', 'RobertaSelfAttention'], null, true],
  DistilBertPreTrainedModel: ['distilbert', null, null, true],
  ElectraPreTrainedModel: ['electra', null, null, true],
  GPT2PreTrainedModel: ['transformer', ['GPT2Block'], 'past_key_values', true],
  LlamaPreTrainedModel: ['model', ['LlamaDecoderLayer'], ['past_key_values'], true],
  MPNetPreTrainedModel: ['mpnet', null, null, false],
  ModernBertPreTrainedModel: ['model', ['ModernBertEmbeddings', 'ModernBertEncoderLayer'], null, true],
  Qwen2PreTrainedModel: ['model', ['Qwen2DecoderLayer'], ['past_key_values'], true],
  RobertaPreTrainedModel: ['roberta', ['RobertaEmbeddings', 'RobertaSelfAttention'], null, true],
  T5PreTrainedModel: ['transformer', ['T5Block'], null, true],
  XLMRobertaPreTrainedModel: ['roberta', ['RobertaEmbeddings', 'RobertaSelfAttention'], null, true],
};

const tiedNames: Record<string, readonly string[]> = {
  AlbertForMaskedLM: ['predictions.decoder.bias', 'predictions.decoder.weight'],
  AlbertForPreTraining: ['predictions.decoder.bias', 'predictions.decoder.weight'],
  BartForCausalLM: ['lm_head.weight'],
  BartForConditionalGeneration: ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight', 'lm_head.weight'],
  BartForQuestionAnswering: ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'],
  BartForSequenceClassification: ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'],
  BartModel: ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'],
  BertForMaskedLM: ['predictions.decoder.bias', 'cls.predictions.decoder.weight'],
  BertForPreTraining: ['predictions.decoder.bias', 'cls.predictions.decoder.weight'],
  CamembertForMaskedLM: ['lm_head.decoder.weight', 'lm_head.decoder.bias'],
  DistilBertForMaskedLM: ['vocab_projector.weight'],
  ElectraForMaskedLM: ['generator_lm_head.weight'],
  GPT2DoubleHeadsModel: ['lm_head.weight'],
  GPT2LMHeadModel: ['lm_head.weight'],
  LlamaForCausalLM: ['lm_head.weight'],
  // Upstream says 'lm_head.decoder', which matches both as a search does.
  MPNetForMaskedLM: ['lm_head.decoder.weight', 'lm_head.decoder.bias'],
  ModernBertForMaskedLM: ['decoder.weight'],
  Qwen2ForCausalLM: ['lm_head.weight'],
  RobertaForMaskedLM: ['lm_head.decoder.weight', 'lm_head.decoder.bias'],
  XLMRobertaForMaskedLM: ['lm_head.decoder.weight', 'lm_head.decoder.bias'],
};

describe('class attributes', () => {
  it('are the defaults of Transformers on PreTrainedModel itself (rows 4, 6, 7, 9)', () => {
    expectAttributes(PreTrainedModel, {
      base_model_prefix: '',
      main_input_name: 'input_ids',
      _auto_class: null,
      _no_split_modules: null,
      _skip_keys_device_placement: null,
      _keep_in_fp32_modules: [],
      _keys_to_ignore_on_load_missing: [],
      _keys_to_ignore_on_load_unexpected: [],
      _keys_to_ignore_on_save: [],
      _tied_weights_keys: [],
      is_parallelizable: false,
      supports_gradient_checkpointing: false,
      _supports_flash_attn_2: false,
      _supports_sdpa: false,
    });
  });

  it('has a class for what is common to each family', () => {
    expect(Object.keys(upstream).filter((name) => !ofClass(name))).toEqual([]);
    expect(Object.keys(upstream)).toHaveLength(supportedModelTypes().length);
  });

  it.each(Object.entries(upstream))(
    "of %s are its family's (rows 9, 13)",
    (name, [prefix, split, keys, recomputes]) => {
      expectAttributes(ofClass(name), {
        base_model_prefix: prefix,
        main_input_name: 'input_ids',
        _no_split_modules: split,
        _skip_keys_device_placement: keys,
        supports_gradient_checkpointing: recomputes,
        is_parallelizable: /^(GPT2|T5)Pre/.test(name),
        _supports_flash_attn_2: true,
        _supports_sdpa: true,
        _keep_in_fp32_modules: name === 'T5PreTrainedModel' ? ['wo'] : [],
        _keys_to_ignore_on_save: [],
      });
    },
  );

  it('name the blocks of BertModel, which its heads do not (rows 4, 13)', () => {
    expect(ofClass('BertModel')._no_split_modules).toEqual(['BertEmbeddings', 'BertLayer']);
    expect(ofClass('BertForMaskedLM')._no_split_modules).toBeNull();
  });

  it("put the network of llama's question answering where upstream has it (row 13)", () => {
    expect(ofClass('LlamaForQuestionAnswering').base_model_prefix).toBe('transformer');
  });

  it('name what duplicates another tensor, and nothing elsewhere (rows 8, 13)', () => {
    const found = classes.filter(([name, type]) => type._tied_weights_keys.length > 0 && !name.startsWith('T5'));
    expect(Object.fromEntries(found.map(([name, type]) => [name, type._tied_weights_keys]))).toEqual(tiedNames);
  });

  it('put the base model of their own family inside heads, by whose name its parts are saved (row 2)', () => {
    const heads = { num_attention_heads: 2, num_key_value_heads: 2 };
    const sizes = { hidden_size: 8, num_hidden_layers: 1, intermediate_size: 4, vocab_size: 9, ...heads };
    for (const [name, type] of classes) {
      const [family] = /^[A-Z][A-Za-z0-9]*?(?=For|LMHead|DoubleHeads)/.exec(name) ?? [];
      if (!family || /^(T5|Bart)/.test(name)) continue; // their bases are halves, or absent
      const model = library.no_init_weights(
        () => new (type as unknown as ModelClass)(new type.config_class(sizes) as never),
      );
      expect([name, model.base_model.constructor.name]).toEqual([name, `${family}Model`]);
    }
  });

  it('leave out of the report only what files of BART, llama, Qwen2 and T5 hold beside weights (rows 6, 13)', () => {
    const found = classes.filter(([, type]) => type._keys_to_ignore_on_load_unexpected.length > 0);
    expect(found.every(([name]) => /^(Bart|Llama|Qwen2|T5)/.test(name))).toBe(true);
  });

  it("miss without a word only BART's bias of the logits, which begins as zeros (rows 6, 13)", () => {
    const found = classes.filter(([, type]) => type._keys_to_ignore_on_load_missing.length > 0);
    expect(found.map(([name, type]) => [name, type._keys_to_ignore_on_load_missing])).toEqual([
      ['BartForConditionalGeneration', ['final_logits_bias']],
    ]);
  });
});

describe('CamembertPreTrainedModel and XLMRobertaPreTrainedModel', () => {
  const tiny = { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 16, vocab_size: 9 };

  it('are what models with their configs are instances of', () => {
    const { CamembertConfig, CamembertForMaskedLM, CamembertPreTrainedModel, RobertaConfig, RobertaModel } = library;
    const { XLMRobertaModel, XLMRobertaConfig, XLMRobertaPreTrainedModel, no_init_weights } = library;
    const make = <M>(of: () => M) => no_init_weights(of);
    const camembert = make(() => new CamembertForMaskedLM(new CamembertConfig(tiny)));
    const xlm = make(() => new XLMRobertaModel(new XLMRobertaConfig(tiny)));
    const roberta = make(() => new RobertaModel(new RobertaConfig(tiny)));
    const kinds = (model: unknown) => [
      model instanceof CamembertPreTrainedModel,
      model instanceof XLMRobertaPreTrainedModel,
    ];
    expect([camembert, camembert.roberta, xlm, roberta].map(kinds)).toEqual([
      [true, false],
      [true, false],
      [false, true],
      [false, false],
    ]);
    const types: ModelClass[] = [CamembertPreTrainedModel, XLMRobertaPreTrainedModel] as never;
    expect(types.map((type) => type.config_class)).toEqual([CamembertConfig, XLMRobertaConfig]);
  });
});
