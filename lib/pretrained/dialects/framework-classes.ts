import type { WrittenFramework } from './writing';

/**
 * The classes that Transformers 4.35.2 had in other frameworks, by family; the heads that nearly all have are `heads`.
 */
const heads =
  'Model ForMaskedLM ForSequenceClassification ForMultipleChoice ForTokenClassification ForQuestionAnswering';
const bart = 'Model ForConditionalGeneration ForSequenceClassification';
const t5 = 'Model EncoderModel ForConditionalGeneration';

const CLASSES: Readonly<Record<Exclude<WrittenFramework, 'PyTorch'>, Readonly<Record<string, string>>>> = {
  TensorFlow: {
    Albert: `${heads} ForPreTraining`,
    Bart: bart,
    Bert: `${heads} ForPreTraining ForNextSentencePrediction LMHeadModel`,
    Camembert: `${heads} ForCausalLM`,
    DistilBert: heads,
    Electra: `${heads} ForPreTraining`,
    GPT2: 'Model LMHeadModel DoubleHeadsModel ForSequenceClassification',
    MPNet: heads,
    Roberta: `${heads} ForCausalLM`,
    T5: t5,
    XLMRoberta: `${heads} ForCausalLM`,
  },
  Flax: {
    Albert: `${heads} ForPreTraining`,
    Bart: `${bart} ForQuestionAnswering ForCausalLM`,
    Bert: `${heads} ForPreTraining ForNextSentencePrediction LMHeadModel`,
    DistilBert: heads,
    Electra: `${heads} ForPreTraining ForCausalLM`,
    GPT2: 'Model LMHeadModel',
    Roberta: `${heads} ForCausalLM`,
    T5: t5,
    XLMRoberta: `${heads} ForCausalLM`,
  },
};

/** Whether a framework has a class like PyTorch's `className`: that of BertLMHeadModel is FlaxBertForCausalLM. */
export function isWrittenBy(framework: Exclude<WrittenFramework, 'PyTorch'>, className: string): boolean {
  return Object.entries(CLASSES[framework]).some(([family, ends]) =>
    ends.split(' ').some((end) => className === family + end),
  );
}
