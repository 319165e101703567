/**
 * Qwen2: Llama with biases on queries, keys and values, and layers that may see a window of positions only.
 * Papers: arXiv:2407.10671, arXiv:2412.15115. Upstream: transformers models/qwen2 (4.57.6, 5.18.0).
 */
import type { PretrainedConfig } from '../../pretrained/config';
import {
  LlamaForCausalLM,
  LlamaForQuestionAnswering,
  LlamaForSequenceClassification,
  LlamaForTokenClassification,
  LlamaModel,
  LlamaPreTrainedModel,
} from '../llama/model';
import { Qwen2Config } from './config';

export { Qwen2Config };

const config_class: typeof PretrainedConfig = Qwen2Config;
const _no_split_modules = ['Qwen2DecoderLayer'];
const headless = (): typeof Qwen2Model => Qwen2Model;

/** What the family's classes have in common: they are Llama's, with this config. */
export abstract class Qwen2PreTrainedModel extends LlamaPreTrainedModel {
  static override readonly config_class = config_class;
  static override readonly _no_split_modules = _no_split_modules;
  // Its files never held each layer's frequencies.
  static override readonly _keys_to_ignore_on_load_unexpected = [];

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof LlamaPreTrainedModel && (value.config as PretrainedConfig) instanceof Qwen2Config;
  }
}

/** The decoder alone. */
export class Qwen2Model extends LlamaModel {
  static override readonly config_class = config_class;
  static override readonly _no_split_modules = _no_split_modules;
  static override readonly _keys_to_ignore_on_load_unexpected = [];
}

/** Language modelling: `logits` [B, T, V], or for `logits_to_keep` positions of each row. */
export class Qwen2ForCausalLM extends LlamaForCausalLM {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
  static override readonly _no_split_modules = _no_split_modules;
  static override readonly _keys_to_ignore_on_load_unexpected = [];
}

/** One label a text, by its last token that is not padding: `logits` [B, num_labels]. */
export class Qwen2ForSequenceClassification extends LlamaForSequenceClassification {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
  static override readonly _no_split_modules = _no_split_modules;
  static override readonly _keys_to_ignore_on_load_unexpected = [];
}

/** One label a token: `logits` [B, T, num_labels]. */
export class Qwen2ForTokenClassification extends LlamaForTokenClassification {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
  static override readonly _no_split_modules = _no_split_modules;
  static override readonly _keys_to_ignore_on_load_unexpected = [];
}

/** A span of the text as the answer: `start_logits`, `end_logits` [B, T]. */
export class Qwen2ForQuestionAnswering extends LlamaForQuestionAnswering {
  static override readonly config_class = config_class;
  static override readonly headless = headless;
  static override readonly _no_split_modules = _no_split_modules;
  static override readonly _keys_to_ignore_on_load_unexpected = [];
}
