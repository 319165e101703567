import { join } from 'node:path';
import { AutoConfig } from '../../lib/auto/auto-config';
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForMaskedLM,
  AutoModelForMultipleChoice,
  AutoModelForNextSentencePrediction,
  AutoModelForPreTraining,
  AutoModelForQuestionAnswering,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from '../../lib/auto/auto-model';
import { supportedModelTypes } from '../../lib/auto/families';
import { BertConfig, BertModel } from '../../lib/models/bert/model';
import { DistilBertConfig } from '../../lib/models/distilbert/model';
import { T5Config, T5ForConditionalGeneration, T5Model } from '../../lib/models/t5/model';
import { PretrainedConfig } from '../../lib/pretrained/config';

const golden = (family: string) => join(__dirname, '..', 'goldens', family, 'base');

describe('Auto models (row 201)', () => {
  it.each([
    [AutoModel, 'bert', 'BertModel'],
    [AutoModel, 'xlm-roberta', 'XLMRobertaModel'],
    [AutoModelForMaskedLM, 'camembert', 'CamembertForMaskedLM'],
    [AutoModelForSequenceClassification, 'mpnet', 'MPNetForSequenceClassification'],
    [AutoModelForTokenClassification, 'distilbert', 'DistilBertForTokenClassification'],
    [AutoModelForQuestionAnswering, 'albert', 'AlbertForQuestionAnswering'],
    [AutoModelForMultipleChoice, 'roberta', 'RobertaForMultipleChoice'],
    [AutoModelForNextSentencePrediction, 'bert', 'BertForNextSentencePrediction'],
    [AutoModelForPreTraining, 'electra', 'ElectraForPreTraining'],
    [AutoModelForPreTraining, 'distilbert', 'DistilBertForMaskedLM'],
    [AutoModelForPreTraining, 'gpt2', 'GPT2LMHeadModel'],
    [AutoModelForPreTraining, 'llama', 'LlamaForCausalLM'],
    [AutoModelForPreTraining, 'bart', 'BartForConditionalGeneration'],
    [AutoModelForPreTraining, 't5', 'T5ForConditionalGeneration'],
    [AutoModel, 'gpt2', 'GPT2Model'],
    [AutoModelForCausalLM, 'gpt2', 'GPT2LMHeadModel'],
    [AutoModelForCausalLM, 'llama', 'LlamaForCausalLM'],
    [AutoModelForSequenceClassification, 'gpt2', 'GPT2ForSequenceClassification'],
  ])('%p of %s is %s', async (Auto, family, expected) => {
    const config = await AutoConfig.from_pretrained(golden(family));
    expect(Auto.classFor(config).name).toBe(expected);
  });

  it('find every family by its folder', () => {
    for (const type of supportedModelTypes())
      expect(AutoModel.classFor(AutoConfig.for_model(type)).name).toMatch(/Model$/);
  });

  it('load the model that they find', async () => {
    const [model, info] = await AutoModel.from_pretrained(golden('bert'), { output_loading_info: true });
    expect(model).toBeInstanceOf(BertModel);
    expect(info.missing_keys).toEqual([]);
    await model.dispose();
  });

  it('do not take an empty path for the working directory', async () => {
    const fault = { name: 'OSError', code: 'ERR_NO_FOLDER', message: expect.stringContaining('is empty') };
    await expect(AutoModel.from_pretrained('')).rejects.toMatchObject(fault);
    await expect(BertModel.from_pretrained('')).rejects.toMatchObject(fault);
    await expect(BertModel.from_pretrained('', { config: new BertConfig() })).rejects.toMatchObject(fault);
    for (const path of [undefined, null])
      await expect(AutoModel.from_pretrained(path as never)).rejects.toMatchObject({
        code: 'ERR_NO_FOLDER',
        message: expect.stringMatching(/^None /),
      });
  });

  it('name configs without such a head, and what can be had', async () => {
    expect(() => AutoModelForNextSentencePrediction.classFor(new DistilBertConfig())).toThrow(
      expect.objectContaining({
        name: 'ValueError',
        message: expect.stringMatching(
          /Unrecognized configuration class DistilBertConfig.*AutoModelForNextSentencePrediction/,
        ),
      }),
    );
    expect(() => AutoModel.classFor(new PretrainedConfig())).toThrow(
      /Unrecognized configuration class PretrainedConfig.*load it with AutoConfig/,
    );
    expect(() => AutoModelForSeq2SeqLM.classFor(new BertConfig())).toThrow(
      expect.objectContaining({ name: 'ValueError', code: 'ERR_NO_SUCH_HEAD' }),
    );
    expect(() => AutoModelForCausalLM.classFor(new BertConfig())).toThrow(
      expect.objectContaining({ name: 'NotImplementedError', message: expect.stringMatching(/bert/) }),
    );
    expect(() => AutoModelForCausalLM.classFor(new DistilBertConfig())).toThrow(
      expect.objectContaining({ name: 'ValueError', code: 'ERR_NO_SUCH_HEAD' }),
    );
  });

  it('finds both halves of T5, and the head that generates', () => {
    const config = new T5Config({ architectures: ['T5EncoderModel'] });
    expect(AutoModel.classFor(config)).toBe(T5Model);
    expect(AutoModelForSeq2SeqLM.classFor(config)).toBe(T5ForConditionalGeneration);
    expect(AutoModelForPreTraining.classFor(config)).toBe(T5ForConditionalGeneration);
  });

  it('cannot be constructed', () => {
    expect(() => new AutoModel()).toThrow(
      expect.objectContaining({ message: expect.stringContaining('from_pretrained') }),
    );
  });

  it('take registered classes, once, for their own config class only', () => {
    class OwnConfig extends BertConfig {
      static override readonly model_type = 'own';
    }
    class OwnModel extends BertModel {
      static override readonly config_class = OwnConfig;
    }
    AutoModel.register(OwnConfig, OwnModel);
    expect(AutoModel.classFor(new OwnConfig())).toBe(OwnModel);
    expect(() => AutoModel.register(OwnConfig, OwnModel)).toThrow(/already used/);
    AutoModel.register(OwnConfig, OwnModel, { exist_ok: true });
    expect(() => AutoModel.register(DistilBertConfig, OwnModel)).toThrow(/config_class/);
  });

  it('replace a class that is built in only where exist_ok says so', () => {
    class OwnBert extends BertModel {}
    expect(() => AutoModel.register(BertConfig, OwnBert)).toThrow(/BertConfig' is already used by AutoModel/);
    expect(() => AutoModel.register(BertConfig, OwnBert, { exists_ok: true } as object)).toThrow(/exist_ok/);
    expect(AutoModel.classFor(new BertConfig())).toBe(BertModel);
  });

  it('register classes, and make models of configs, and refuse anything else', () => {
    for (const wrong of [null, {}, class {}]) {
      expect(() => AutoModel.register(BertConfig, wrong as never)).toThrow(/takes a config class, and a class that/);
      expect(() => AutoConfig.register('bert', wrong as never)).toThrow(/takes a model type and a class/);
      expect(() => AutoModel.from_config(wrong as never)).toThrow(/from_config takes a PretrainedConfig/);
    }
  });
});
