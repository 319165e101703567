import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoModelForCausalLM } from '../../lib/auto/auto-model';
import { convertToGguf } from '../../lib/auto/convert-to-gguf';
import { openGguf } from '../../lib/checkpoint/gguf/gguf';
import { setLogHook } from '../../lib/logging';
import { GPT2Config, GPT2LMHeadModel } from '../../lib/models/gpt2/model';
import { LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification } from '../../lib/models/llama/model';
import { Qwen2Config, Qwen2ForCausalLM } from '../../lib/models/qwen2/model';
import { AutoTokenizer } from '../../lib/preprocess';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { set_seed } from '../../lib/tensor/random';
import { errorOf, scratchFolder } from '../checkpoint/scratch';

const scratch = scratchFolder();
const sizes = {
  vocab_size: 90,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
};

beforeEach(() => {
  setLogHook(() => {});
  set_seed(4);
});
afterEach(() => setLogHook(null));

const make: Record<string, () => PreTrainedModel> = {
  'llama with biases': () => new LlamaForCausalLM(new LlamaConfig({ ...sizes, attention_bias: true, mlp_bias: true })),
  'llama with wide heads, tied': () =>
    new LlamaForCausalLM(new LlamaConfig({ ...sizes, head_dim: 24, tie_word_embeddings: true })),
  'llama, scaled': () =>
    new LlamaForCausalLM(new LlamaConfig({ ...sizes, rope_scaling: { rope_type: 'linear', factor: 2 } })),
  qwen2: () => new Qwen2ForCausalLM(new Qwen2Config({ ...sizes, rope_theta: 5000 })),
  gpt2: () =>
    new GPT2LMHeadModel(
      new GPT2Config({ vocab_size: 90, n_positions: 32, n_embd: 64, n_layer: 2, n_head: 4, n_inner: 100 }),
    ),
};

async function saved(name: string, model = (make[name] as () => PreTrainedModel)()): Promise<string> {
  const folder = join(scratch, name.replaceAll(/\W+/g, '-'));
  model.init_weights();
  await model.save_pretrained(folder);
  await model.dispose();
  return folder;
}

async function tensorsOf(model: PreTrainedModel): Promise<Map<string, Buffer>> {
  const tensors = new Map<string, Buffer>();
  for (const [name, tensor] of model.state_dict()) {
    const { buffer, byteOffset, byteLength } = (await tensor.getData()) as Float32Array;
    tensors.set(name, Buffer.from(buffer, byteOffset, byteLength));
  }
  return tensors;
}

async function expectEqual(a: PreTrainedModel, b: PreTrainedModel): Promise<void> {
  const [left, right] = [await tensorsOf(a), await tensorsOf(b)];
  expect([...left.keys()]).toEqual([...right.keys()]);
  for (const [name, bytes] of left) expect([name, bytes.equals(right.get(name) as Buffer)]).toEqual([name, true]);
  await a.dispose();
  await b.dispose();
}

describe('a round trip', () => {
  it.each(Object.keys(make))('through GGUF, safetensors and zip gives %s back bit for bit', async (name) => {
    const folder = await saved(name);
    const { file } = await convertToGguf(folder);
    expect(file).toBe(join(folder, 'model.gguf'));
    const back = await AutoModelForCausalLM.from_pretrained(file);
    expect(back.constructor.name).toBe((await AutoModelForCausalLM.from_pretrained(folder)).constructor.name);
    const [safe, zip] = [join(folder, 'safe'), join(folder, 'zip')];
    await back.save_pretrained(safe);
    await back.save_pretrained(zip, { safe_serialization: false });
    const again = await convertToGguf(zip);
    await expectEqual(await AutoModelForCausalLM.from_pretrained(folder), back);
    await expectEqual(
      await AutoModelForCausalLM.from_pretrained(safe),
      await AutoModelForCausalLM.from_pretrained(zip),
    );
    expect(readFileSync(again.file).subarray(-1000)).toEqual(readFileSync(file).subarray(-1000));
    await expectEqual(
      await AutoModelForCausalLM.from_pretrained(folder),
      await AutoModelForCausalLM.from_pretrained(zip, { gguf_file: 'model.gguf' }),
    );
  });

  it.each(['gpt2-tf-h5', 'gpt2-flax-chunked'])('takes %s as its framework wrote it', async (name) => {
    const folder = join(__dirname, '..', 'goldens', 'frameworks', name);
    const { file } = await convertToGguf(folder, { output: join(scratch, `${name}.gguf`) });
    const framework = name.includes('tf') ? { from_tf: true } : { from_flax: true };
    await expectEqual(
      await GPT2LMHeadModel.from_pretrained(folder, framework),
      await GPT2LMHeadModel.from_pretrained(file),
    );
  });

  it('keeps what rotary positions are scaled by', async () => {
    const { file } = await convertToGguf(await saved('llama, scaled'));
    const model = await AutoModelForCausalLM.from_pretrained(file);
    expect(model.config.rope_parameters).toMatchObject({ rope_type: 'linear', factor: 2 });
    await model.dispose();
  });
});

describe('convertToGguf', () => {
  it.each([
    ['Q8_0', 0.9999],
    ['Q4_0', 0.99],
  ] as const)('quantises matrices to %s and says how far they moved', async (quantize, cosine) => {
    const folder = await saved('gpt2');
    const report = await convertToGguf(folder, { quantize, output: join(folder, 'small', 'q.gguf') });
    const { overall, tensors } = report;
    expect(overall?.cosine).toBeGreaterThan(cosine);
    expect(overall?.mean).toBeLessThan(overall?.max as number);
    const types = new Map(tensors.map(({ name, to, error }) => [name, [to, error !== null]]));
    expect(types.get('token_embd.weight')).toEqual([quantize, true]);
    expect(types.get('position_embd.weight')).toEqual(['float32', false]);
    expect(types.get('blk.0.attn_norm.weight')).toEqual(['float32', false]);
    expect(types.get('blk.0.ffn_down.weight')).toEqual(['float16', false]); // rows of 100
    const model = await AutoModelForCausalLM.from_pretrained(report.file);
    const exact = await AutoModelForCausalLM.from_pretrained(folder);
    const [a, b] = [await tensorsOf(model), await tensorsOf(exact)];
    const name = 'transformer.wte.weight';
    const [x, y] = [a, b].map((all) => new Float32Array((all.get(name) as Buffer).buffer)) as [
      Float32Array,
      Float32Array,
    ];
    const worst = Math.max(...x.map((value, i) => Math.abs(value - (y[i] as number))));
    const own = tensors.find((tensor) => tensor.name === 'token_embd.weight')?.error;
    expect(own?.max).toBeCloseTo(worst, 6);
    await model.dispose();
    await exact.dispose();
  });

  it('writes K-quants where rows are whole blocks, and Q8_0 where they are not', async () => {
    const wide = new LlamaForCausalLM(new LlamaConfig({ ...sizes, hidden_size: 256 }));
    const folder = await saved('wide', wide);
    const { tensors, file } = await convertToGguf(folder, { quantize: 'Q4_K' });
    const types = new Map(tensors.map(({ name, to }) => [name, to]));
    expect([types.get('blk.1.ffn_up.weight'), types.get('blk.1.ffn_down.weight')]).toEqual(['Q4_K', 'Q8_0']);
    await using source = await openGguf(file);
    expect(source.info('blk.1.ffn_up.weight')).toMatchObject({ dtype: 'Q4_K', shape: [96, 256], byteLength: 96 * 144 });
  });

  it('has one tensor at a time in memory', async () => {
    const large = { ...sizes, vocab_size: 8000, hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 6 };
    const folder = await saved('large', new LlamaForCausalLM(new LlamaConfig(large)));
    const program =
      `const { convertToGguf, memoryStats } = require('./dist');` +
      `convertToGguf(${JSON.stringify(folder)}).then(({ bytes }) => console.log(bytes, memoryStats().peak))`;
    const root = join(__dirname, '..', '..');
    const said = execFileSync(process.execPath, ['-e', program], { cwd: root, encoding: 'utf8', stdio: 'pipe' });
    const [bytes, peak] = said.split(' ').map(Number) as [number, number];
    const largest = 8000 * 256 * 4;
    expect(bytes).toBeGreaterThan(4 * largest);
    expect(peak).toBeLessThan(1.5 * largest);
  });

  it('casts matrices only', async () => {
    const { tensors } = await convertToGguf(await saved('qwen2'), { dtype: 'bf16' });
    const types = new Map(tensors.map(({ name, to }) => [name, to]));
    expect([types.get('output.weight'), types.get('blk.0.attn_q.bias')]).toEqual(['bfloat16', 'float32']);
  });

  it('changes nothing in a dry run', async () => {
    const folder = await saved('qwen2');
    const before = readdirSync(folder);
    const { file, tensors } = await convertToGguf(folder, {
      quantize: 'Q8_0',
      dryRun: true,
      output: join(folder, 'dry.gguf'),
    });
    expect(readdirSync(folder)).toEqual(before);
    expect([file, tensors.length]).toEqual([join(folder, 'dry.gguf'), 27]);
  });

  it.each([
    [() => make['qwen2']?.(), { quantize: 'Q5_K' }, 'Q5_K'],
    [() => make['qwen2']?.(), { quantize: 'Q8_0', dtype: 'fp16' }, 'give one'],
    [() => make['qwen2']?.(), { quantise: 'Q8_0' }, 'quantise'],
    [() => new LlamaForSequenceClassification(new LlamaConfig(sizes)), {}, 'score.weight'],
    [() => new LlamaForCausalLM(new LlamaConfig({ ...sizes, hidden_act: 'gelu' })), {}, 'hidden_act'],
    [
      () =>
        new Qwen2ForCausalLM(
          new Qwen2Config({ ...sizes, use_sliding_window: true, sliding_window: 3, max_window_layers: 1 }),
        ),
      {},
      'use_sliding_window',
    ],
  ])('refuses what a GGUF file cannot say (%#)', async (build, options, message) => {
    const folder = await saved('refused', build() as PreTrainedModel);
    expect((await errorOf(() => convertToGguf(folder, options as object))).message).toContain(message);
    expect(readdirSync(folder)).not.toContain('model.gguf');
  });
});

describe('a tokenizer', () => {
  const goldens = join(__dirname, '..', 'goldens', 'tokenizers');
  const texts = ['Hello, World!', '  two  spaces', "it's 12345", 'naïve café', '日本語 🙂', '\n\n x\t', '<s>x</s>'];

  it('of byte-level BPE goes along and cuts texts as before', async () => {
    const folder = await saved('qwen2', new Qwen2ForCausalLM(new Qwen2Config({ ...sizes, vocab_size: 5000 })));
    for (const name of ['tokenizer.json', 'tokenizer_config.json'])
      writeFileSync(join(folder, name), readFileSync(join(goldens, 'byte-level', name)));
    const { file } = await convertToGguf(folder);
    const [before, after] = [await AutoTokenizer.from_pretrained(folder), await AutoTokenizer.from_pretrained(file)];
    for (const text of texts)
      expect(await after.encode(text)).toEqual(await before.encode(text, { add_special_tokens: false }));
    const copy = join(folder, 'copy');
    await after.save_pretrained(copy);
    const again = await AutoTokenizer.from_pretrained(copy);
    for (const text of texts) expect(await again.encode(text)).toEqual(await after.encode(text));
    for (const tokenizer of [before, after, again]) tokenizer.dispose();
  });
});
