import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ValueError } from '../../lib/errors';
import { GenerationConfig } from '../../lib/generation/generation-config';
import { LogLevel, setLogHook } from '../../lib/logging';
import { GPT2LMHeadModel, GPT2Model } from '../../lib/models/gpt2/model';
import { errorOf } from '../checkpoint/scratch';

const golden = join(__dirname, '..', 'goldens', 'gpt2', 'base');
const file = 'generation_config.json';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'save-generation-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const saved = () => JSON.parse(readFileSync(join(folder, file), 'utf8'));

describe('saving how a model generates', () => {
  it('writes what differs from the defaults, beside the config, and reads it again', async () => {
    const generation_config = new GenerationConfig({ max_new_tokens: 7, eos_token_id: [3, 5], custom: 'kept' });
    const model = await GPT2LMHeadModel.from_pretrained(golden, { generation_config });
    await model.save_pretrained(folder);
    const { transformers_version, ...fields } = saved();
    expect(fields).toEqual({ max_new_tokens: 7, eos_token_id: [3, 5], custom: 'kept' });
    expect(transformers_version).toMatch(/^\d+\.\d+/);
    const again = await GPT2LMHeadModel.from_pretrained(folder);
    expect(again.generation_config?.equals(generation_config)).toBe(true);
  });

  it('says so where it comes from the model config, and writes none for classes that do not generate', async () => {
    const model = await GPT2LMHeadModel.from_pretrained(golden);
    await model.save_pretrained(folder);
    expect(saved()).toMatchObject({ _from_model_config: true });
    await model.save_pretrained(join(folder, 'weights'), { is_main_process: false });
    expect(readdirSync(join(folder, 'weights'))).toEqual(['model.safetensors']);
    const base = await GPT2Model.from_pretrained(golden);
    await base.save_pretrained(join(folder, 'base'));
    expect(readdirSync(join(folder, 'base'))).not.toContain(file);
  });

  it('moves what the model config says of generation, with a warning', async () => {
    const logged: [number, string][] = [];
    const model = await GPT2LMHeadModel.from_pretrained(golden, { max_length: 33, repetition_penalty: 1.5 });
    setLogHook((level, message) => logged.push([level, message]));
    try {
      await model.save_pretrained(folder);
      await model.save_pretrained(folder);
    } finally {
      setLogHook(null);
    }
    expect(logged).toEqual([[LogLevel.WARNING, expect.stringContaining('"max_length":33')]]);
    expect(saved()).toMatchObject({ max_length: 33, repetition_penalty: 1.5 });
    expect(model.config).toMatchObject({ max_length: null, repetition_penalty: null });
    const again = await GPT2LMHeadModel.from_pretrained(folder);
    expect(again.generation_config).toMatchObject({ max_length: 33, repetition_penalty: 1.5 });
  });

  it.each([
    [{ temperature: 0.5 }, /`temperature` is 0.5, and acts only with do_sample: true/],
    [{ length_penalty: 2 }, /`length_penalty`.*num_beams above 1/],
    [{ use_cache: false, cache_implementation: 'static' }, /`cache_implementation`/],
    [{ output_scores: true }, /`output_scores`.*return_dict_in_generate/],
    [{ num_return_sequences: 2 }, /greedy search has one result/],
    [{ num_return_sequences: 3, num_beams: 2 }, /there are 2 beams/],
  ])('refuses what contradicts itself, and writes nothing: %j', async (fields, words) => {
    const generation_config = new GenerationConfig(fields);
    const model = await GPT2LMHeadModel.from_pretrained(golden, { generation_config });
    const error = await errorOf(() => model.save_pretrained(folder));
    expect(error).toBeInstanceOf(ValueError);
    expect(error.message).toMatch(words);
    expect(readdirSync(folder)).toEqual([]);
  });
});
