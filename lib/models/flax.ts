// Made by scripts/make-models-index.cjs from the folders beside this file; run it after adding one.
import { flaxView } from '../pretrained/views/flax';
import * as albert from './albert/model';
import * as bart from './bart/model';
import * as bert from './bert/model';
import * as distilbert from './distilbert/model';
import * as electra from './electra/model';
import * as gpt2 from './gpt2/model';
import * as roberta from './roberta/model';
import * as t5 from './t5/model';
import * as xlmRoberta from './xlm-roberta/model';

export abstract class FlaxAlbertPreTrainedModel extends flaxView(albert.AlbertPreTrainedModel) {}
export class FlaxAlbertModel extends flaxView(albert.AlbertModel) {}
export class FlaxAlbertForMaskedLM extends flaxView(albert.AlbertForMaskedLM) {}
export class FlaxAlbertForSequenceClassification extends flaxView(albert.AlbertForSequenceClassification) {}
export class FlaxAlbertForMultipleChoice extends flaxView(albert.AlbertForMultipleChoice) {}
export class FlaxAlbertForTokenClassification extends flaxView(albert.AlbertForTokenClassification) {}
export class FlaxAlbertForQuestionAnswering extends flaxView(albert.AlbertForQuestionAnswering) {}
export class FlaxAlbertForPreTraining extends flaxView(albert.AlbertForPreTraining) {}
export abstract class FlaxBartPreTrainedModel extends flaxView(bart.BartPreTrainedModel) {}
export class FlaxBartModel extends flaxView(bart.BartModel) {}
export class FlaxBartForConditionalGeneration extends flaxView(bart.BartForConditionalGeneration) {}
export class FlaxBartForSequenceClassification extends flaxView(bart.BartForSequenceClassification) {}
export class FlaxBartForQuestionAnswering extends flaxView(bart.BartForQuestionAnswering) {}
export class FlaxBartForCausalLM extends flaxView(bart.BartForCausalLM) {}
export abstract class FlaxBertPreTrainedModel extends flaxView(bert.BertPreTrainedModel) {}
export class FlaxBertModel extends flaxView(bert.BertModel) {}
export class FlaxBertForMaskedLM extends flaxView(bert.BertForMaskedLM) {}
export class FlaxBertForSequenceClassification extends flaxView(bert.BertForSequenceClassification) {}
export class FlaxBertForMultipleChoice extends flaxView(bert.BertForMultipleChoice) {}
export class FlaxBertForTokenClassification extends flaxView(bert.BertForTokenClassification) {}
export class FlaxBertForQuestionAnswering extends flaxView(bert.BertForQuestionAnswering) {}
export class FlaxBertForPreTraining extends flaxView(bert.BertForPreTraining) {}
export class FlaxBertForNextSentencePrediction extends flaxView(bert.BertForNextSentencePrediction) {}
export abstract class FlaxDistilBertPreTrainedModel extends flaxView(distilbert.DistilBertPreTrainedModel) {}
export class FlaxDistilBertModel extends flaxView(distilbert.DistilBertModel) {}
export class FlaxDistilBertForMaskedLM extends flaxView(distilbert.DistilBertForMaskedLM) {}
export class FlaxDistilBertForSequenceClassification extends flaxView(distilbert.DistilBertForSequenceClassification) {}
export class FlaxDistilBertForMultipleChoice extends flaxView(distilbert.DistilBertForMultipleChoice) {}
export class FlaxDistilBertForTokenClassification extends flaxView(distilbert.DistilBertForTokenClassification) {}
export class FlaxDistilBertForQuestionAnswering extends flaxView(distilbert.DistilBertForQuestionAnswering) {}
export abstract class FlaxElectraPreTrainedModel extends flaxView(electra.ElectraPreTrainedModel) {}
export class FlaxElectraModel extends flaxView(electra.ElectraModel) {}
export class FlaxElectraForMaskedLM extends flaxView(electra.ElectraForMaskedLM) {}
export class FlaxElectraForSequenceClassification extends flaxView(electra.ElectraForSequenceClassification) {}
export class FlaxElectraForMultipleChoice extends flaxView(electra.ElectraForMultipleChoice) {}
export class FlaxElectraForTokenClassification extends flaxView(electra.ElectraForTokenClassification) {}
export class FlaxElectraForQuestionAnswering extends flaxView(electra.ElectraForQuestionAnswering) {}
export class FlaxElectraForPreTraining extends flaxView(electra.ElectraForPreTraining) {}
export abstract class FlaxGPT2PreTrainedModel extends flaxView(gpt2.GPT2PreTrainedModel) {}
export class FlaxGPT2Model extends flaxView(gpt2.GPT2Model) {}
export class FlaxGPT2LMHeadModel extends flaxView(gpt2.GPT2LMHeadModel) {}
export abstract class FlaxRobertaPreTrainedModel extends flaxView(roberta.RobertaPreTrainedModel) {}
export class FlaxRobertaModel extends flaxView(roberta.RobertaModel) {}
export class FlaxRobertaForMaskedLM extends flaxView(roberta.RobertaForMaskedLM) {}
export class FlaxRobertaForSequenceClassification extends flaxView(roberta.RobertaForSequenceClassification) {}
export class FlaxRobertaForMultipleChoice extends flaxView(roberta.RobertaForMultipleChoice) {}
export class FlaxRobertaForTokenClassification extends flaxView(roberta.RobertaForTokenClassification) {}
export class FlaxRobertaForQuestionAnswering extends flaxView(roberta.RobertaForQuestionAnswering) {}
export abstract class FlaxT5PreTrainedModel extends flaxView(t5.T5PreTrainedModel) {}
export class FlaxT5Model extends flaxView(t5.T5Model) {}
export class FlaxT5ForConditionalGeneration extends flaxView(t5.T5ForConditionalGeneration) {}
export class FlaxT5EncoderModel extends flaxView(t5.T5EncoderModel) {}
export abstract class FlaxXLMRobertaPreTrainedModel extends flaxView(xlmRoberta.XLMRobertaPreTrainedModel) {}
export class FlaxXLMRobertaModel extends flaxView(xlmRoberta.XLMRobertaModel) {}
export class FlaxXLMRobertaForMaskedLM extends flaxView(xlmRoberta.XLMRobertaForMaskedLM) {}
export class FlaxXLMRobertaForSequenceClassification extends flaxView(xlmRoberta.XLMRobertaForSequenceClassification) {}
export class FlaxXLMRobertaForMultipleChoice extends flaxView(xlmRoberta.XLMRobertaForMultipleChoice) {}
export class FlaxXLMRobertaForTokenClassification extends flaxView(xlmRoberta.XLMRobertaForTokenClassification) {}
export class FlaxXLMRobertaForQuestionAnswering extends flaxView(xlmRoberta.XLMRobertaForQuestionAnswering) {}
