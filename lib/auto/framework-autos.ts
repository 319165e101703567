import * as flaxClasses from '../models/flax';
import * as tensorflowClasses from '../models/tensorflow';
import { autoClassNames } from '../pretrained/auto-class-names';
import type { PretrainedConfig } from '../pretrained/config';
import type { FromConfigOptions } from '../pretrained/from-config';
import type { FromPretrainedOptions, LoadingInfo } from '../pretrained/from-pretrained';
import type { ModelLocation } from '../pretrained/location';
import type { FlaxMethods } from '../pretrained/views/flax';
import type { TensorFlowMethods } from '../pretrained/views/tensorflow';
import * as auto from './auto-model';

/** The Auto classes of TensorFlow and Flax: each picks what PyTorch's picks, and of that the framework's own class. */

/** An Auto class whose models have `Methods` too. */
type AutoView<T extends typeof auto.AutoModel, Methods, M = ReturnType<T['from_config']> & Methods> = Omit<
  T,
  'prototype' | 'from_pretrained' | 'from_config'
> & {
  new (): object;
  /** @throws as every Auto class; what loading throws */
  from_pretrained(
    path: ModelLocation | null,
    options: FromPretrainedOptions & { output_loading_info: true },
  ): Promise<[M, LoadingInfo]>;
  from_pretrained(path: ModelLocation | null, options?: FromPretrainedOptions | null): Promise<M>;
  /** @throws as every Auto class */
  from_config(config: PretrainedConfig, options?: FromConfigOptions | null): M;
};

function autoView<T extends typeof auto.AutoModel>(
  Auto: T,
  prefix: 'TF' | 'Flax',
  classes: Readonly<Record<string, unknown>>,
): T {
  const Viewed: typeof auto.AutoModel = Auto;
  autoClassNames.add(prefix + Auto.name);
  return class extends Viewed {
    static override classFor(config: PretrainedConfig): auto.LoadableClass {
      return this.registeredFor(config) ?? auto.viewFor(this.name, prefix, classes, Viewed.classFor(config));
    }
  } as unknown as T;
}

function tensorflow<T extends typeof auto.AutoModel>(Auto: T): AutoView<T, TensorFlowMethods> {
  return autoView(Auto, 'TF', tensorflowClasses) as never;
}

function flax<T extends typeof auto.AutoModel>(Auto: T): AutoView<T, FlaxMethods> {
  return autoView(Auto, 'Flax', flaxClasses) as never;
}

export class TFAutoModel extends tensorflow(auto.AutoModel) {}
export class TFAutoModelForPreTraining extends tensorflow(auto.AutoModelForPreTraining) {}
export class TFAutoModelForMaskedLM extends tensorflow(auto.AutoModelForMaskedLM) {}
export class TFAutoModelForSequenceClassification extends tensorflow(auto.AutoModelForSequenceClassification) {}
export class TFAutoModelForTokenClassification extends tensorflow(auto.AutoModelForTokenClassification) {}
export class TFAutoModelForQuestionAnswering extends tensorflow(auto.AutoModelForQuestionAnswering) {}
export class TFAutoModelForMultipleChoice extends tensorflow(auto.AutoModelForMultipleChoice) {}
export class TFAutoModelForNextSentencePrediction extends tensorflow(auto.AutoModelForNextSentencePrediction) {}
export class TFAutoModelForCausalLM extends tensorflow(auto.AutoModelForCausalLM) {}
export class TFAutoModelForSeq2SeqLM extends tensorflow(auto.AutoModelForSeq2SeqLM) {}

export class FlaxAutoModel extends flax(auto.AutoModel) {}
export class FlaxAutoModelForPreTraining extends flax(auto.AutoModelForPreTraining) {}
export class FlaxAutoModelForMaskedLM extends flax(auto.AutoModelForMaskedLM) {}
export class FlaxAutoModelForSequenceClassification extends flax(auto.AutoModelForSequenceClassification) {}
export class FlaxAutoModelForTokenClassification extends flax(auto.AutoModelForTokenClassification) {}
export class FlaxAutoModelForQuestionAnswering extends flax(auto.AutoModelForQuestionAnswering) {}
export class FlaxAutoModelForMultipleChoice extends flax(auto.AutoModelForMultipleChoice) {}
export class FlaxAutoModelForNextSentencePrediction extends flax(auto.AutoModelForNextSentencePrediction) {}
export class FlaxAutoModelForCausalLM extends flax(auto.AutoModelForCausalLM) {}
export class FlaxAutoModelForSeq2SeqLM extends flax(auto.AutoModelForSeq2SeqLM) {}
