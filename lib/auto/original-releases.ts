/** What the original releases of models were, which came with TensorFlow 1 and name neither family nor class. */

/** The class whose weights an original checkpoint holds, by model_type. */
export const releasedClasses: Readonly<Record<string, string>> = {
  bert: 'BertForPreTraining',
  gpt2: 'GPT2LMHeadModel',
  t5: 'T5ForConditionalGeneration',
};

/** A config under the name that a release gave it. */
export interface OriginalConfig {
  model_type: string;
  /** Fields that have other names here. */
  names: Readonly<Record<string, string>>;
  /** Files of the tokenizer that have other names here. */
  files: Readonly<Record<string, string>>;
}

export const originalConfigs: ReadonlyMap<string, OriginalConfig> = new Map<string, OriginalConfig>([
  ['bert_config.json', { model_type: 'bert', names: {}, files: {} }],
  [
    'hparams.json',
    {
      model_type: 'gpt2',
      names: { n_vocab: 'vocab_size', n_ctx: 'n_positions' },
      files: { 'encoder.json': 'vocab.json', 'vocab.bpe': 'merges.txt' },
    },
  ],
]);
