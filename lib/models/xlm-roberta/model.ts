/**
 * XLM-RoBERTa: RoBERTa over a multilingual vocabulary; every module and name is RoBERTa's.
 * Paper: arXiv:1911.02116. Upstream: transformers models/xlm_roberta (4.35.2, 5.18.0).
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

export class XLMRobertaConfig extends RobertaConfig {
  static override readonly model_type: string = 'xlm-roberta';
  static override readonly defaults: Record<string, unknown> = {
    ...RobertaConfig.defaults,
    vocab_size: 30522,
  };
}

const config_class: typeof PretrainedConfig = XLMRobertaConfig;
const headless = (): typeof XLMRobertaModel => XLMRobertaModel;

/** What the family's classes have in common: they are RoBERTa's, with this config. */
export abstract class XLMRobertaPreTrainedModel extends RobertaPreTrainedModel {
  static override readonly config_class = config_class;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof RobertaPreTrainedModel && value.config instanceof XLMRobertaConfig;
  }
}

export class XLMRobertaModel extends RobertaModel {
  static override readonly config_class = config_class;
}

export class XLMRobertaForMaskedLM extends RobertaForMaskedLM {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}

export class XLMRobertaForSequenceClassification extends RobertaForSequenceClassification {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}

export class XLMRobertaForMultipleChoice extends RobertaForMultipleChoice {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}

export class XLMRobertaForTokenClassification extends RobertaForTokenClassification {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}

export class XLMRobertaForQuestionAnswering extends RobertaForQuestionAnswering {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
}
