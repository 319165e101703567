// Made by scripts/make-models-index.cjs from the folders beside this file; run it after adding one.
import { tfView } from '../pretrained/views/tensorflow';
import * as albert from './albert/model';
import * as bart from './bart/model';
import * as bert from './bert/model';
import * as camembert from './camembert/model';
import * as distilbert from './distilbert/model';
import * as electra from './electra/model';
import * as gpt2 from './gpt2/model';
import * as mpnet from './mpnet/model';
import * as roberta from './roberta/model';
import * as t5 from './t5/model';
import * as xlmRoberta from './xlm-roberta/model';

export abstract class TFAlbertPreTrainedModel extends tfView(albert.AlbertPreTrainedModel) {}
export class TFAlbertModel extends tfView(albert.AlbertModel) {}
export class TFAlbertForMaskedLM extends tfView(albert.AlbertForMaskedLM) {}
export class TFAlbertForSequenceClassification extends tfView(albert.AlbertForSequenceClassification) {}
export class TFAlbertForMultipleChoice extends tfView(albert.AlbertForMultipleChoice) {}
export class TFAlbertForTokenClassification extends tfView(albert.AlbertForTokenClassification) {}
export class TFAlbertForQuestionAnswering extends tfView(albert.AlbertForQuestionAnswering) {}
export class TFAlbertForPreTraining extends tfView(albert.AlbertForPreTraining) {}
export abstract class TFBartPretrainedModel extends tfView(bart.BartPreTrainedModel) {}
export class TFBartModel extends tfView(bart.BartModel) {}
export class TFBartForConditionalGeneration extends tfView(bart.BartForConditionalGeneration) {}
export class TFBartForSequenceClassification extends tfView(bart.BartForSequenceClassification) {}
export abstract class TFBertPreTrainedModel extends tfView(bert.BertPreTrainedModel) {}
export class TFBertModel extends tfView(bert.BertModel) {}
export class TFBertForMaskedLM extends tfView(bert.BertForMaskedLM) {}
export class TFBertForSequenceClassification extends tfView(bert.BertForSequenceClassification) {}
export class TFBertForMultipleChoice extends tfView(bert.BertForMultipleChoice) {}
export class TFBertForTokenClassification extends tfView(bert.BertForTokenClassification) {}
export class TFBertForQuestionAnswering extends tfView(bert.BertForQuestionAnswering) {}
export class TFBertForPreTraining extends tfView(bert.BertForPreTraining) {}
export class TFBertForNextSentencePrediction extends tfView(bert.BertForNextSentencePrediction) {}
export abstract class TFCamembertPreTrainedModel extends tfView(camembert.CamembertPreTrainedModel) {}
export class TFCamembertModel extends tfView(camembert.CamembertModel) {}
export class TFCamembertForMaskedLM extends tfView(camembert.CamembertForMaskedLM) {}
export class TFCamembertForSequenceClassification extends tfView(camembert.CamembertForSequenceClassification) {}
export class TFCamembertForMultipleChoice extends tfView(camembert.CamembertForMultipleChoice) {}
export class TFCamembertForTokenClassification extends tfView(camembert.CamembertForTokenClassification) {}
export class TFCamembertForQuestionAnswering extends tfView(camembert.CamembertForQuestionAnswering) {}
export abstract class TFDistilBertPreTrainedModel extends tfView(distilbert.DistilBertPreTrainedModel) {}
export class TFDistilBertModel extends tfView(distilbert.DistilBertModel) {}
export class TFDistilBertForMaskedLM extends tfView(distilbert.DistilBertForMaskedLM) {}
export class TFDistilBertForSequenceClassification extends tfView(distilbert.DistilBertForSequenceClassification) {}
export class TFDistilBertForMultipleChoice extends tfView(distilbert.DistilBertForMultipleChoice) {}
export class TFDistilBertForTokenClassification extends tfView(distilbert.DistilBertForTokenClassification) {}
export class TFDistilBertForQuestionAnswering extends tfView(distilbert.DistilBertForQuestionAnswering) {}
export abstract class TFElectraPreTrainedModel extends tfView(electra.ElectraPreTrainedModel) {}
export class TFElectraModel extends tfView(electra.ElectraModel) {}
export class TFElectraForMaskedLM extends tfView(electra.ElectraForMaskedLM) {}
export class TFElectraForSequenceClassification extends tfView(electra.ElectraForSequenceClassification) {}
export class TFElectraForMultipleChoice extends tfView(electra.ElectraForMultipleChoice) {}
export class TFElectraForTokenClassification extends tfView(electra.ElectraForTokenClassification) {}
export class TFElectraForQuestionAnswering extends tfView(electra.ElectraForQuestionAnswering) {}
export class TFElectraForPreTraining extends tfView(electra.ElectraForPreTraining) {}
export abstract class TFGPT2PreTrainedModel extends tfView(gpt2.GPT2PreTrainedModel) {}
export class TFGPT2Model extends tfView(gpt2.GPT2Model) {}
export class TFGPT2LMHeadModel extends tfView(gpt2.GPT2LMHeadModel) {}
export class TFGPT2DoubleHeadsModel extends tfView(gpt2.GPT2DoubleHeadsModel) {}
export class TFGPT2ForSequenceClassification extends tfView(gpt2.GPT2ForSequenceClassification) {}
export abstract class TFMPNetPreTrainedModel extends tfView(mpnet.MPNetPreTrainedModel) {}
export class TFMPNetModel extends tfView(mpnet.MPNetModel) {}
export class TFMPNetForMaskedLM extends tfView(mpnet.MPNetForMaskedLM) {}
export class TFMPNetForSequenceClassification extends tfView(mpnet.MPNetForSequenceClassification) {}
export class TFMPNetForMultipleChoice extends tfView(mpnet.MPNetForMultipleChoice) {}
export class TFMPNetForTokenClassification extends tfView(mpnet.MPNetForTokenClassification) {}
export class TFMPNetForQuestionAnswering extends tfView(mpnet.MPNetForQuestionAnswering) {}
export abstract class TFRobertaPreTrainedModel extends tfView(roberta.RobertaPreTrainedModel) {}
export class TFRobertaModel extends tfView(roberta.RobertaModel) {}
export class TFRobertaForMaskedLM extends tfView(roberta.RobertaForMaskedLM) {}
export class TFRobertaForSequenceClassification extends tfView(roberta.RobertaForSequenceClassification) {}
export class TFRobertaForMultipleChoice extends tfView(roberta.RobertaForMultipleChoice) {}
export class TFRobertaForTokenClassification extends tfView(roberta.RobertaForTokenClassification) {}
export class TFRobertaForQuestionAnswering extends tfView(roberta.RobertaForQuestionAnswering) {}
export abstract class TFT5PreTrainedModel extends tfView(t5.T5PreTrainedModel) {}
export class TFT5Model extends tfView(t5.T5Model) {}
export class TFT5ForConditionalGeneration extends tfView(t5.T5ForConditionalGeneration) {}
export class TFT5EncoderModel extends tfView(t5.T5EncoderModel) {}
export abstract class TFXLMRobertaPreTrainedModel extends tfView(xlmRoberta.XLMRobertaPreTrainedModel) {}
export class TFXLMRobertaModel extends tfView(xlmRoberta.XLMRobertaModel) {}
export class TFXLMRobertaForMaskedLM extends tfView(xlmRoberta.XLMRobertaForMaskedLM) {}
export class TFXLMRobertaForSequenceClassification extends tfView(xlmRoberta.XLMRobertaForSequenceClassification) {}
export class TFXLMRobertaForMultipleChoice extends tfView(xlmRoberta.XLMRobertaForMultipleChoice) {}
export class TFXLMRobertaForTokenClassification extends tfView(xlmRoberta.XLMRobertaForTokenClassification) {}
export class TFXLMRobertaForQuestionAnswering extends tfView(xlmRoberta.XLMRobertaForQuestionAnswering) {}
