/**
 * CamemBERT: RoBERTa over a French vocabulary; every module and name is RoBERTa's.
 * Paper: arXiv:1911.03894. Upstream: transformers models/camembert (4.35.2, 5.18.0).
 */
import type { PretrainedConfig } from '../../pretrained/config';
import {
  RobertaConfig,
  RobertaForMaskedLM,
  RobertaForMultipleChoice,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaModel,
  RobertaPreTrainedModel,
} from '../roberta/model';

export class CamembertConfig extends RobertaConfig {
  static override readonly model_type: string = 'camembert';
  static override readonly defaults: Record<string, unknown> = {
    ...RobertaConfig.defaults,
    vocab_size: 30522,
  };
}

const config_class: typeof PretrainedConfig = CamembertConfig;
const headless = (): typeof CamembertModel => CamembertModel;

/** What the family's classes have in common: they are RoBERTa's, with this config. */
export abstract class CamembertPreTrainedModel extends RobertaPreTrainedModel {
  static override readonly config_class = config_class;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof RobertaPreTrainedModel && value.config instanceof CamembertConfig;
  }
}

export class CamembertModel extends RobertaModel {
  static override readonly config_class = config_class;
}

export class CamembertForMaskedLM extends RobertaForMaskedLM {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}

export class CamembertForSequenceClassification extends RobertaForSequenceClassification {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}

export class CamembertForMultipleChoice extends RobertaForMultipleChoice {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}

export class CamembertForTokenClassification extends RobertaForTokenClassification {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}

export class CamembertForQuestionAnswering extends RobertaForQuestionAnswering {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}
