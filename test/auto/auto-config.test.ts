import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoConfig } from '../../lib/auto/auto-config';
import { loadFamily, supportedModelTypes } from '../../lib/auto/families';
import { setLogHook } from '../../lib/logging';
import * as models from '../../lib/models';
import { BertConfig, BertModel } from '../../lib/models/bert/model';
import { DistilBertConfig } from '../../lib/models/distilbert/model';
import { XLMRobertaConfig } from '../../lib/models/xlm-roberta/model';
import { PretrainedConfig } from '../../lib/pretrained/config';
import { commonDefaults } from '../../lib/pretrained/config-fields';
import { PreTrainedModel } from '../../lib/pretrained/pretrained-model';

const { families, makeFiles } = require('../../scripts/make-models-index.cjs') as {
  families(): string[];
  makeFiles(): Record<string, string>;
};
const root = join(__dirname, '..', '..', 'lib', 'models');

let folder: string;
const warnings: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'auto-config-'));
  warnings.length = 0;
  setLogHook((_, message) => warnings.push(message));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
afterAll(() => {
  setLogHook(null);
});

async function load(config: unknown, options: Record<string, unknown> = {}) {
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  return AutoConfig.from_pretrained(folder, options);
}

describe('AutoConfig.from_pretrained (C-17)', () => {
  it('takes the class of the model type, and says where the config came from', async () => {
    const config = await load({ model_type: 'xlm-roberta', hidden_size: 12, num_attention_heads: 3 });
    expect(config).toBeInstanceOf(XLMRobertaConfig);
    expect(config.constructor).toBe(XLMRobertaConfig);
    expect(config.name_or_path).toBe(folder);
  });

  it('passes overrides on, aliases too, and returns the rest', async () => {
    await load({ model_type: 'distilbert' });
    const [config, unused] = await AutoConfig.from_pretrained(folder, {
      hidden_size: 24,
      output_attentions: true,
      foo: false,
      return_unused_kwargs: true,
    });
    expect(config).toBeInstanceOf(DistilBertConfig);
    expect([config['dim'], config.output_attentions, unused]).toEqual([24, true, { foo: false }]);
  });

  it('refuses options that are no fields, as the model classes do', async () => {
    await load({ model_type: 'bert' });
    const fault = { name: 'TypeError', code: 'ERR_UNKNOWN_NAME' };
    await expect(AutoConfig.from_pretrained(folder, { hidden_sise: 3 })).rejects.toMatchObject({
      ...fault,
      message: expect.stringMatching(/BertConfig got an unexpected option 'hidden_sise'.*did you mean 'hidden_size'/),
    });
    await expect(AutoConfig.from_pretrained(folder, { progress_calback: null })).rejects.toMatchObject(fault);
    await expect(BertModel.from_pretrained(folder, { hidden_sise: 3 })).rejects.toMatchObject({
      ...fault,
      message: expect.stringMatching(/unexpected keyword argument 'hidden_sise'.*did you mean 'hidden_size'/),
    });
    await AutoConfig.from_pretrained(folder, { progress_callback: null, revision: 'main', cache_dir: '.' });
  });

  it('reads a file by its path', async () => {
    await load({ model_type: 'bert', hidden_size: 12 });
    expect((await AutoConfig.from_pretrained(join(folder, 'config.json')))['hidden_size']).toBe(12);
  });

  it('names the nearest of the supported types for one that is not', async () => {
    await expect(load({ model_type: 'berrt' })).rejects.toMatchObject({
      name: 'ValueError',
      code: 'ERR_MODEL_TYPE',
      message: expect.stringMatching(/'berrt'.*nearest is 'bert'.*albert, bart, bert, camembert/),
    });
  });

  it('does not guess a missing type from the name of the folder', async () => {
    const named = await mkdtemp(join(folder, 'bert-'));
    await writeFile(join(named, 'config.json'), '{}');
    await expect(AutoConfig.from_pretrained(named)).rejects.toMatchObject({
      name: 'ValueError',
      code: 'ERR_MODEL_TYPE',
      message: expect.stringMatching(/Unrecognized model.*model_type.*bert/),
    });
  });

  it.each(['../bert', 'bert/model', '..', '/etc', 'a\\b', 'bert\0', '', ' bert', 3, ['bert'], { a: 1 }])(
    'refuses %j, which is no name',
    async (model_type) => {
      await expect(load({ model_type })).rejects.toMatchObject({ name: 'ValueError', code: 'ERR_MODEL_TYPE' });
    },
  );

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('does not know the type %s', async (name) => {
    await expect(load(JSON.parse(`{"model_type": "${name}"}`))).rejects.toMatchObject({ code: 'ERR_MODEL_TYPE' });
  });

  it('refuses a config that is code in the repository', async () => {
    const auto_map = { AutoConfig: 'configuration_own.OwnConfig' };
    const fault = {
      name: 'ValueError',
      code: 'ERR_REMOTE_CODE',
      message: expect.stringContaining('configuration_own'),
    };
    await expect(load({ model_type: 'own', auto_map })).rejects.toMatchObject(fault);
    await expect(load({ auto_map }, { trust_remote_code: true })).rejects.toMatchObject(fault);
  });

  it('takes its own class where there is one, and keeps auto_map', async () => {
    const auto_map = { AutoConfig: 'configuration_own.OwnConfig' };
    const config = await load({ model_type: 'bert', auto_map }, { trust_remote_code: true });
    expect(config).toBeInstanceOf(BertConfig);
    expect(config.to_diff_dict()['auto_map']).toEqual(auto_map);
    expect(warnings).toEqual([expect.stringContaining('never run')]);
  });

  it('passes the faults of the file on', async () => {
    await expect(AutoConfig.from_pretrained(folder)).rejects.toMatchObject({ code: 'ERR_NO_CONFIG' });
    await expect(AutoConfig.from_pretrained(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'ERR_NO_FOLDER' });
  });

  it('cannot be constructed', () => {
    expect(() => new AutoConfig()).toThrow(expect.objectContaining({ name: 'OSError' }));
  });
});

describe('AutoConfig.for_model (C-17)', () => {
  it('makes a config of the type', () => {
    const config = AutoConfig.for_model('bert', { num_labels: 3 });
    expect(config).toBeInstanceOf(BertConfig);
    expect(config.num_labels).toBe(3);
  });

  it('refuses an unknown type', () => {
    expect(() => AutoConfig.for_model('gpt17')).toThrow(expect.objectContaining({ code: 'ERR_MODEL_TYPE' }));
  });
});

describe('AutoConfig.register (C-21)', () => {
  class OwnConfig extends PretrainedConfig {
    static override readonly model_type: string = 'own-type';
  }
  class OtherConfig extends OwnConfig {}

  it('has a class answer for a new type', async () => {
    AutoConfig.register('own-type', OwnConfig);
    expect(await load({ model_type: 'own-type', auto_map: { AutoConfig: 'a.B' } })).toBeInstanceOf(OwnConfig);
  });

  it('refuses a type that has a class, unless told', () => {
    const fault = expect.objectContaining({ name: 'ValueError', message: expect.stringContaining('already used') });
    expect(() => AutoConfig.register('own-type', OtherConfig)).toThrow(fault);
    AutoConfig.register('own-type', OtherConfig, { exist_ok: true });
    expect(AutoConfig.for_model('own-type')).toBeInstanceOf(OtherConfig);
    class NewBert extends PretrainedConfig {
      static override readonly model_type: string = 'bert';
    }
    expect(() => AutoConfig.register('bert', NewBert)).toThrow(fault);
  });

  it('refuses a type that is not the class its own', () => {
    expect(() => AutoConfig.register('elsewhere', OwnConfig)).toThrow(
      expect.objectContaining({ name: 'ValueError', message: expect.stringContaining('elsewhere') }),
    );
  });
});

describe('the index of families', () => {
  it('is made from the folders as they are', async () => {
    for (const [name, text] of Object.entries(makeFiles())) expect(await readFile(join(root, name), 'utf8')).toBe(text);
    expect(supportedModelTypes()).toEqual(families());
  });

  describe.each(families())('%s', (model_type) => {
    const exported = Object.entries(loadFamily(model_type));
    const configs = exported.map(([, value]) => value).filter(isConfigClass);

    it('has one config class, with the name of its folder', () => {
      expect(configs.map((c) => c.model_type)).toEqual([model_type]);
    });

    it('exports every class under a name that no other family has', () => {
      for (const [name, value] of exported) expect((models as Record<string, unknown>)[name]).toBe(value);
    });

    it('says of each of its fields whether the forward acts on it', () => {
      const [type] = configs as [typeof PretrainedConfig];
      expect(type.honoured.length).toBeGreaterThan(0);
      const unsaid = Object.keys(type.defaults).filter(
        (field) => !type.honoured.includes(field) && !type.inert.includes(field) && !(field in commonDefaults),
      );
      expect(unsaid).toEqual([]);
      const both = type.honoured.filter((field) => type.inert.includes(field));
      const unknown = [...type.honoured, ...type.inert].filter(
        (field) => !(field in type.defaults) && !(field in commonDefaults),
      );
      expect([both, unknown]).toEqual([[], []]);
    });

    it('gives every model class its config class', () => {
      for (const [, value] of exported)
        if (isModelClass(value) && !value.name.endsWith('PreTrainedModel')) expect(value.config_class).toBe(configs[0]);
    });
  });
});

function isConfigClass(value: unknown): value is typeof PretrainedConfig {
  return typeof value === 'function' && value.prototype instanceof PretrainedConfig;
}

function isModelClass(value: unknown): value is typeof PreTrainedModel {
  return typeof value === 'function' && value.prototype instanceof PreTrainedModel;
}
