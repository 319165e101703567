import { mkdtempSync, rmSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM } from '../../lib/auto/auto-model';
import { LogLevel, setLogLevel } from '../../lib/logging';
import { BertConfig, BertForMaskedLM, BertModel } from '../../lib/models/bert/model';
import { GPT2LMHeadModel } from '../../lib/models/gpt2/model';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { full } from '../../lib/tensor/functions';
import { Tensor } from '../../lib/tensor/tensor';
import { loggedMessages } from '../logged-messages';
import { numbers } from './surgery/tiny-models';

/** Where a model's weights and config may come from. */

const golden = join(__dirname, '..', 'goldens', 'bert', 'base');
const gpt2 = join(__dirname, '..', 'goldens', 'gpt2', 'base');
const weights = join(golden, 'model.safetensors');
const table = 'bert.embeddings.word_embeddings.weight';

/** Classes that load, as a program without types sees them. */
interface Loads {
  from_pretrained(path: unknown, options?: object): Promise<PreTrainedModel>;
}
const both = [BertModel, AutoModel] as unknown as Loads[];

let folder: string;
const logged = loggedMessages();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'load-sources-'));
});
afterEach(() => {
  setLogLevel(LogLevel.WARNING);
  rmSync(folder, { recursive: true, force: true });
});

/** The golden's weights with the table's numbers all 7. */
async function sevens(): Promise<Map<string, Tensor>> {
  await using model = await BertForMaskedLM.from_pretrained(golden);
  const copies = [...model.state_dict()].map(async ([name, tensor]) => [name, await copyOf(tensor)] as const);
  const state = new Map(await Promise.all(copies));
  state.set(table, full(model.get_input_embeddings().weight.dims as number[], 7));
  return state;
}

async function copyOf(tensor: Tensor): Promise<Tensor> {
  const data = (await tensor.getData()) as Float32Array;
  return new Tensor('float32', new Float32Array(data), tensor.dims);
}

describe('a location (rows 16, 41)', () => {
  it.each([
    ['bert-flax', 'flax_model.msgpack', 'from_flax'],
    ['bert-mlm-tf-h5-sharded', 'tf_model.h5.index.json', 'from_tf'],
    ['bert-mlm-tf-h5-sharded', 'tf_model-00001-of-00006.h5', 'from_tf'],
  ])("that is another framework's file needs its option, as in a folder (%s, %s)", async (name, file, option) => {
    const at = join(__dirname, '..', 'goldens', 'frameworks', name);
    const load = (options: object) => BertForMaskedLM.from_pretrained(join(at, file), { config: at, ...options });
    await expect(load({})).rejects.toMatchObject({
      name: 'OSError',
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringContaining(`set ${option} (${option}=True in Python)`),
    });
    await (await load({ [option]: true })).dispose();
  });

  it('is text by its own toString: a file URL, a Buffer; not an object without one', async () => {
    for (const given of [pathToFileURL(golden), String(pathToFileURL(golden)), Buffer.from(golden)]) {
      await using model = await BertModel.from_pretrained(given as string);
      expect(model.config.name_or_path).toBe(golden);
      await using auto = await AutoModel.from_pretrained(given as string);
      expect(auto).toBeInstanceOf(BertModel);
    }
    for (const given of [{}, [golden], () => golden, Symbol('x')])
      for (const type of both)
        await expect(type.from_pretrained(given)).rejects.toMatchObject({
          name: 'TypeError',
          code: 'ERR_TYPE',
          message: expect.stringMatching(/the path of its folder or its id/),
        });
    await expect(BertModel.from_pretrained(5 as never, { local_files_only: true })).rejects.toMatchObject({
      name: 'OSError',
    });
  });

  it('that is none wants both config and state_dict, also of Auto classes', async () => {
    const config = await BertConfig.from_pretrained(golden);
    for (const type of [BertForMaskedLM, AutoModelForMaskedLM] as unknown as Loads[])
      for (const given of [null, undefined]) {
        const load = (options?: object) => type.from_pretrained(given, options);
        await expect(load()).rejects.toMatchObject({ name: 'OSError', message: expect.stringContaining('None') });
        await expect(load({ config })).rejects.toMatchObject({
          name: 'ValueError',
          message: expect.stringMatching(/state_dict is missing/),
        });
        await expect(load({ state_dict: {} })).rejects.toMatchObject({
          name: 'ValueError',
          message: expect.stringMatching(/config is missing/),
        });
        const [model, info] = (await load({
          config,
          state_dict: await sevens(),
          output_loading_info: true,
        })) as never as [BertForMaskedLM, object];
        expect(info).toEqual({ missing_keys: [], unexpected_keys: [], mismatched_keys: [], error_msgs: [] });
        expect([model.name_or_path, model.config.name_or_path]).toEqual(['None', 'None']);
        await model.dispose();
      }
  });

  it('that is one file of weights wants a config, also of Auto classes, although one lies beside it', async () => {
    for (const type of both)
      await expect(type.from_pretrained(weights)).rejects.toMatchObject({
        name: 'OSError',
        code: 'ERR_NO_CONFIG',
        message: expect.stringMatching(/is one file.*\{ config \}/),
      });
    await using model = await AutoModelForMaskedLM.from_pretrained(weights, { config: golden });
    expect(model.config.name_or_path).toBe(weights);
    const config = await GPT2LMHeadModel.config_class.from_pretrained(gpt2);
    await using generates = await AutoModelForCausalLM.from_pretrained(join(gpt2, 'model.safetensors'), { config });
    expect(generates.generation_config?._from_model_config).toBe(true);
  });

  it('that starts a TensorFlow 1 checkpoint says that from_tf is needed', async () => {
    await copyFile(weights, join(folder, 'model.ckpt.index'));
    for (const name of ['model.ckpt', 'model.ckpt.index'])
      await expect(BertModel.from_pretrained(join(folder, name), { config: golden })).rejects.toMatchObject({
        name: 'ValueError',
        message: expect.stringContaining('from_tf'),
      });
  });
});

describe('an adapter beside the weights (L-31)', () => {
  it('is not attached, which is said', async () => {
    for (const name of ['config.json', 'model.safetensors']) await copyFile(join(gpt2, name), join(folder, name));
    setLogLevel(LogLevel.INFO);
    await (await GPT2LMHeadModel.from_pretrained(folder)).dispose();
    expect(logged.join()).not.toMatch(/adapter/);
    await writeFile(join(folder, 'adapter_config.json'), '{"base_model_name_or_path": "gpt2"}');
    await (await GPT2LMHeadModel.from_pretrained(folder)).dispose();
    expect(logged.join('\n')).toContain(`'${join(folder, 'adapter_config.json')}' says that there is an adapter`);
  });
});

describe('subfolder (row 29)', () => {
  it('is joined before every file name, and null is none', async () => {
    await mkdir(join(folder, 'a', 'b'), { recursive: true });
    for (const name of ['config.json', 'generation_config.json', 'model.safetensors'])
      await copyFile(join(gpt2, name), join(folder, 'a', 'b', name)).catch(() => {});
    await using model = await GPT2LMHeadModel.from_pretrained(folder, { subfolder: 'a/b' });
    expect(model.config.name_or_path).toBe(folder);
    await using same = await GPT2LMHeadModel.from_pretrained(gpt2, { subfolder: null as never });
    await using onnx = await GPT2LMHeadModel.from_pretrained(gpt2, { subfolder: 'onnx' });
    expect(onnx.generation_config).toEqual(same.generation_config);
    await expect(GPT2LMHeadModel.from_pretrained(folder)).rejects.toThrow(/config\.json/);
    await expect(GPT2LMHeadModel.from_pretrained(folder, { subfolder: 'a' })).rejects.toThrow(/config\.json/);
  });
});

describe('state_dict (row 19)', () => {
  it('beside a path gives the values, and the path the config', async () => {
    const [model, info] = await BertForMaskedLM.from_pretrained(golden, {
      state_dict: Object.fromEntries(await sevens()),
      output_loading_info: true,
    });
    expect(info.missing_keys).toEqual([]);
    const values = await numbers(model.get_input_embeddings().weight.value);
    expect(values.every((x) => x === 7)).toBe(true);
    expect(model.config.name_or_path).toBe(golden);
    await model.dispose();
  });

  it('is what counts where it lacks a weight that the file has', async () => {
    const state = await sevens();
    state.delete('cls.predictions.transform.dense.bias');
    const [model, info] = await BertForMaskedLM.from_pretrained(golden, {
      state_dict: state,
      output_loading_info: true,
    });
    expect(info.missing_keys).toEqual(['cls.predictions.transform.dense.bias']);
    expect(logged.join()).toMatch(/not initialized from the given state_dict and are newly initialized/);
    await model.dispose();
  });

  it("is taken as it was when the call was made, and stays the caller's", async () => {
    const state = await sevens();
    await using model = await BertForMaskedLM.from_pretrained(null, {
      config: await BertConfig.from_pretrained(golden),
      state_dict: state,
      dtype: 'float16',
    });
    expect([model.dtype, state.get(table)?.type]).toEqual(['float16', 'float32']);
    expect((await (state.get(table) as Tensor).getData())[0]).toBe(7);
  });

  it('goes with no option that chooses a file, nor with one that reads it in parts', async () => {
    const config = await BertConfig.from_pretrained(golden);
    for (const option of [
      { from_flax: true },
      { use_safetensors: true },
      { variant: 'fp16' },
      { low_cpu_mem_usage: true },
    ])
      for (const path of [golden, null])
        await expect(
          BertModel.from_pretrained(path, { state_dict: {}, ...(path === null && { config }), ...option }),
        ).rejects.toMatchObject({
          name: 'ValueError',
          code: 'ERR_OPTION_VALUE',
          message: expect.stringMatching(new RegExp(`${Object.keys(option)[0]}.*state_dict`)),
        });
  });
});

describe('key_mapping (row 33)', () => {
  const load = async (key_mapping: Record<string, string>, rename: (name: string) => string) => {
    const state_dict = new Map([...(await sevens())].map(([name, tensor]) => [rename(name), tensor]));
    const config = await BertConfig.from_pretrained(golden);
    const [model, info] = await BertForMaskedLM.from_pretrained(null, {
      config,
      state_dict,
      key_mapping,
      output_loading_info: true,
    });
    await model.dispose();
    return [info.missing_keys.length, info.unexpected_keys.length];
  };

  it('takes groups as JavaScript writes them, and as Python does', async () => {
    const rename = (name: string) => name.replace(/layer\.(\d)/, 'blocks_$1');
    expect(await load({ 'blocks_(\\d+)': 'layer.$1' }, rename)).toEqual([0, 0]);
    expect(await load({ 'blocks_(\\d+)': 'layer.\\1' }, rename)).toEqual([0, 0]);
    expect(await load({ 'blocks_(\\d+)': 'layer.\\g<1>' }, rename)).toEqual([0, 0]);
  });

  it('renames every place in a name, by the first expression that is found alone', async () => {
    const rename = (name: string) => name.replaceAll('.', '/');
    expect(await load({ '/': '.' }, rename)).toEqual([0, 0]);
    expect(await load({ '^bert': 'x', '^x': 'bert' }, (name) => name.replace(/^bert/, 'x'))).toEqual([0, 0]);
    expect((await load({ '^cls': 'x', '^x': 'cls' }, (name) => name))[0]).toBeGreaterThan(0);
    const both = { '^x\\.': 'bert.', '^x\\.embeddings': 'lost' };
    expect(await load(both, (name) => name.replace(/^bert\./, 'x.'))).toEqual([0, 0]);
  });

  it('refuses to make two weights one', async () => {
    await expect(load({ 'key\\.weight': 'query.weight' }, (name) => name)).rejects.toMatchObject({
      name: 'ValueError',
      code: 'ERR_KEY_COLLISION',
      message: expect.stringMatching(/query\.weight' and '.*key\.weight' of the checkpoint are both/),
    });
  });
});

describe('transformers_weights in a config', () => {
  const named = async (name: unknown) => {
    const config = JSON.parse(await readFile(join(golden, 'config.json'), 'utf8')) as object;
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, transformers_weights: name }));
    await copyFile(weights, join(folder, 'other.safetensors'));
    await writeFile(join(folder, 'model.safetensors'), 'not this one');
    return BertForMaskedLM.from_pretrained(folder);
  };

  it('names the file that is read, and is gone when the model is saved to the usual one', async () => {
    await using model = await named('other.safetensors');
    await model.save_pretrained(folder);
    expect(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))).not.toHaveProperty('transformers_weights');
    await using again = await BertForMaskedLM.from_pretrained(folder);
    expect(again.num_parameters()).toBe(model.num_parameters());
  });

  it.each([
    ['gone.safetensors', 'WEIGHTS_NOT_FOUND', /'gone.safetensors', which is not in/],
    ['../up.safetensors', 'UNSAFE_SHARD_NAME', /refused/],
    ['pytorch_model.bin', 'ERR_VALUE', /neither a safetensors file/],
    [5, 'ERR_VALUE', /neither a safetensors file/],
  ])('%j is an error', async (name, code, message) => {
    await expect(named(name)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
