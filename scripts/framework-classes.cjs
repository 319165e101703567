/**
 * The classes of TensorFlow and Flax that Transformers 4.35.2 had of each family, as the PyTorch class' name behind the
 * family's: `TF` or `Flax`, the family and this make the class' name. `theirs=ours` where the two differ. Classes that
 * generate with an encoder are in lib/auto/causal-heads.ts.
 */
const heads =
  'PreTrainedModel Model ForMaskedLM ForSequenceClassification ForMultipleChoice ForTokenClassification ForQuestionAnswering';
const t5 = 'PreTrainedModel Model ForConditionalGeneration EncoderModel';
const gpt2 = 'PreTrainedModel Model LMHeadModel';
const bart = 'Model ForConditionalGeneration ForSequenceClassification';

const classes = {
  albert: { family: 'Albert', TF: `${heads} ForPreTraining`, Flax: `${heads} ForPreTraining` },
  bart: {
    family: 'Bart',
    TF: `PretrainedModel=PreTrainedModel ${bart}`,
    Flax: `PreTrainedModel ${bart} ForQuestionAnswering ForCausalLM`,
  },
  bert: {
    family: 'Bert',
    TF: `${heads} ForPreTraining ForNextSentencePrediction`,
    Flax: `${heads} ForPreTraining ForNextSentencePrediction`,
  },
  camembert: { family: 'Camembert', TF: heads, Flax: '' },
  distilbert: { family: 'DistilBert', TF: heads, Flax: heads },
  electra: { family: 'Electra', TF: `${heads} ForPreTraining`, Flax: `${heads} ForPreTraining` },
  gpt2: { family: 'GPT2', TF: `${gpt2} DoubleHeadsModel ForSequenceClassification`, Flax: gpt2 },
  mpnet: { family: 'MPNet', TF: heads, Flax: '' },
  roberta: { family: 'Roberta', TF: heads, Flax: heads },
  t5: { family: 'T5', TF: t5, Flax: t5 },
  'xlm-roberta': { family: 'XLMRoberta', TF: heads, Flax: heads },
};

/** `[name of the view, name of the PyTorch class]` of a family. */
function viewsOf(model_type, framework) {
  const { family, [framework]: list } = classes[model_type];
  return list
    .split(' ')
    .filter((name) => name !== '')
    .map((name) => name.split('='))
    .map(([theirs, ours]) => [`${framework}${family}${theirs}`, `${family}${ours ?? theirs}`]);
}

module.exports = { modelTypes: Object.keys(classes), viewsOf };
