import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run-command';

/** What a program of a user's own says of models, compiled strictly against the declarations that are published. */
const program = `
import {
  AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, BertConfig, BertForMaskedLM, BertModel,
  BertPreTrainedModel, CamembertPreTrainedModel, type CrossKeyValue, DynamicCache, EncoderDecoderCache,
  FlaxAutoModelForCausalLM, FlaxGPT2LMHeadModel, type FlaxTree,
  type FromPretrainedOptions, GenerationConfig, GPT2LMHeadModel, type KeyValue, type LoadingInfo, ModelOutput,
  no_init_weights, OSError, PretrainedConfig, PreTrainedModel, T5Config, T5EncoderModel, T5ForConditionalGeneration, T5Model,
  Tensor, TFAutoModelForMaskedLM, TFBertForMaskedLM, type TFPreTrainedModel, XLMRobertaPreTrainedModel,
} from 'native-transformers';

const options: FromPretrainedOptions = {
  torch_dtype: 'auto', cache_dir: '/cache', force_download: false, resume_download: true, proxies: { https: 'http://p' },
  local_files_only: true, token: true, revision: 'main', mirror: null, low_cpu_mem_usage: true, _fast_init: false,
  trust_remote_code: false, weights_only: true, use_safetensors: true, variant: 'fp16', subfolder: null, model_args: [false],
  key_mapping: { a: 'b' }, attn_implementation: 'sdpa', ignore_mismatched_sizes: true, output_attentions: true,
};
// @ts-expect-error a folder is text
const wrong: FromPretrainedOptions = { cache_dir: 5 };

export async function load(): Promise<unknown[]> {
  const model: BertModel = await BertModel.from_pretrained('folder', options);
  const [head, info]: [BertForMaskedLM, LoadingInfo] =
    await BertForMaskedLM.from_pretrained('folder', { output_loading_info: true, num_labels: 3 });
  const name: string | undefined = info.mismatched_keys[0]?.[0];
  const some: PreTrainedModel = await AutoModel.from_pretrained(new URL('file:///folder'), { dtype: { '': 'float16' } });
  const given: PreTrainedModel =
    await AutoModelForMaskedLM.from_pretrained(null, { config: new BertConfig(), state_dict: new Map<string, Tensor>() });
  const generates = await AutoModelForCausalLM.from_pretrained('folder');
  const ids: Tensor = await generates.generate({ input_ids: [[1]], max_new_tokens: 3 });
  const [gpt2] = await AutoModelForCausalLM.from_pretrained('folder', { output_loading_info: true });
  const settings: GenerationConfig | null = (gpt2 ?? some).generation_config;
  await GPT2LMHeadModel.from_pretrained('folder', { generation_config: new GenerationConfig({ max_new_tokens: 2 }) });
  const output: ModelOutput = await model({ input_ids: [[1, 2]], attention_mask: [[1, 1]] });
  const states: Tensor = output.last_hidden_state;
  const config: BertConfig = await BertConfig.from_pretrained('folder', { num_labels: 3 });
  const plain: PretrainedConfig = await AutoConfig.from_pretrained(new URL('file:///folder'));
  const made: PreTrainedModel = AutoModel.from_config(plain, { torch_dtype: 'float16', add_pooling_layer: false });
  const bare: BertModel = no_init_weights(() => new BertModel(config));
  return [head, name, given, ids, settings, states, made, bare, BertPreTrainedModel.base_model_prefix, wrong];
}

export async function goOn(gpt2: GPT2LMHeadModel): Promise<unknown[]> {
  using past_key_values = new DynamicCache();
  const { logits }: ModelOutput = await gpt2({ input_ids: [[1]], past_key_values, use_cache: true });
  const pairs: KeyValue[] = past_key_values.to_legacy_cache();
  const t5: T5ForConditionalGeneration = await T5ForConditionalGeneration.from_pretrained('folder');
  using cross = new EncoderDecoderCache(DynamicCache.from_legacy_cache(pairs), new DynamicCache());
  const step = await t5({ input_ids: [[1]], decoder_input_ids: [[0]], past_key_values: cross });
  const kept: CrossKeyValue[] = cross.to_legacy_cache();
  const ids: Tensor = await t5.generate([[1]], { decoder_input_ids: [[0]], max_new_tokens: 3, eos_token_id: [1] });
  const config: T5Config = new T5Config({ d_model: 8 });
  return [logits, step, kept, ids, new T5Model(config), await T5EncoderModel.from_pretrained('folder')];
}

export async function ofOtherFrameworks(): Promise<unknown[]> {
  const tf: TFBertForMaskedLM = await TFBertForMaskedLM.from_pretrained('folder', { from_pt: true });
  const [flax, info]: [FlaxGPT2LMHeadModel, LoadingInfo] =
    await FlaxGPT2LMHeadModel.from_pretrained('folder', { output_loading_info: true });
  const asPyTorch: [BertForMaskedLM, GPT2LMHeadModel] = [tf, flax];
  const bias: Tensor | undefined = tf.get_bias()?.bias;
  const [missing]: [string[], ...unknown[]] = await tf.load_tf_weights('tf_model.h5');
  const tree: FlaxTree = flax.to_bf16(await FlaxGPT2LMHeadModel.load_flax_weights('file'), { transformer: false as never });
  tf.optimizer = { set_weights: (weights: Tensor[]) => weights.length };
  const { epoch } = await tf.load_repo_checkpoint('folder');
  for await (const [features, labels] of tf.prepare_tf_dataset([{ input_ids: [1] }])) await tf({ ...features, labels });
  const some = await TFAutoModelForMaskedLM.from_pretrained('folder');
  const ids: Tensor = await (await FlaxAutoModelForCausalLM.from_pretrained('folder')).generate({ input_ids: [[1]] });
  const any: TFPreTrainedModel[] = [tf];
  const made = new TFBertForMaskedLM(new BertConfig());
  // @ts-expect-error that is a method of TensorFlow's classes
  flax.get_bias();
  return [asPyTorch, bias, missing, info, tree, epoch, some.get_lm_head(), ids, any, made];
}

class Mine extends BertModel {
  static override readonly _keys_to_ignore_on_load_missing = ['pooler'];
  static override readonly _keep_in_fp32_modules = ['LayerNorm'];
}
AutoModel.register(BertConfig, Mine, { exist_ok: true });
export const kinds = [CamembertPreTrainedModel, XLMRobertaPreTrainedModel].map((type) => type.config_class);
export const isNoConfig = (error: unknown) => error instanceof OSError && error.code === 'ERR_NO_CONFIG';
`;

it('a program that loads models compiles strictly against the published declarations', () => {
  const folder = mkdtempSync(join(root, 'test', 'package', 'user-'));
  try {
    writeFileSync(join(folder, 'program.ts'), program);
    const compilerOptions = {
      strict: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      paths: { 'native-transformers': [join(root, 'dist', 'index.d.ts')] },
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    expect(run(process.execPath, [tsc, '-p', folder], root)).toMatchObject({ code: 0, stdout: '' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
