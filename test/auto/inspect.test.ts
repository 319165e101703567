import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoConfig, AutoModelForCausalLM } from '../../lib';
import { type CheckpointSummary, inspectCheckpoint } from '../../lib/auto/inspect';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { writeSafetensors } from '../../lib/checkpoint/safetensors-writer';
import { inspectionLines } from '../../lib/cli/inspect';
import { atOnce } from '../../lib/turns';
import { entry, ggufBytes, number, tensor, text, type, u32 } from '../checkpoint/gguf/gguf-bytes';

const inspectionText = (found: CheckpointSummary) => atOnce(inspectionLines(found)).join('\n');

const golden = join(__dirname, '..', 'goldens', 'bert', 'base');

describe('the inspection of a checkpoint', () => {
  it('tells what it is, and that it loads', async () => {
    const found = await inspectCheckpoint(golden);
    expect(found).toMatchObject({ path: golden, model_type: 'bert', loads: true });
    expect(inspectionText(found)).toMatch(/model type +bert\n.*model.safetensors +safetensors.*It will load\./s);
  });

  it('is an error where there is nothing, and shows no empty tables of what holds nothing', async () => {
    await expect(inspectCheckpoint(join(golden, 'elsewhere'))).rejects.toMatchObject({
      name: 'OSError',
      code: 'ERR_NO_FOLDER',
      message: expect.stringMatching(/there is no folder or file '.*elsewhere'/),
    });
    const empty = mkdtempSync(join(tmpdir(), 'inspect-'));
    try {
      const text = inspectionText(await inspectCheckpoint(empty));
      expect(text).toMatch(/^checkpoint {2}.*\n\nIt will not load:\n {2}.*config.json/);
      expect(text).not.toMatch(/dtype|architecture|parameters/);
    } finally {
      rmSync(empty, { recursive: true });
    }
  });

  it('of one weights file shows what lies in it, and says what loading it needs', async () => {
    const file = join(golden, 'model.safetensors');
    const found = await inspectCheckpoint(file);
    expect(found).toMatchObject({ model_type: 'bert', isFile: true, loads: true });
    expect(found.files).toHaveLength(1);
    expect(found.call).toMatch(/^Bert\w+\.from_pretrained\('.*model\.safetensors', { config: '.*config\.json' }\)$/);
    expect(inspectionText(found)).toMatch(/parameters.*model.safetensors.*word_embeddings.*It will load: Bert/s);
  });

  it('writes the call so that a program may hold it, whatever the folder is called', async () => {
    const folder = mkdtempSync(join(tmpdir(), `inspect-o'brien "q" \\b ü-`));
    try {
      cpSync(golden, folder, { recursive: true });
      const file = join(folder, 'model.safetensors');
      const { call } = await inspectCheckpoint(file);
      const given = new Function('BertForPreTraining', `return ${call}`)({
        from_pretrained: (path: string, options: object) => [path, options],
      });
      expect(given).toEqual([file, { config: join(folder, 'config.json') }]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('of a file without its config shows what lies in it, and asks for one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
    try {
      const file = join(folder, 'model.safetensors');
      copyFileSync(join(golden, 'model.safetensors'), file);
      const found = await inspectCheckpoint(file);
      expect(found).toMatchObject({ model_type: '', loads: false, call: null });
      expect(inspectionText(found)).toMatch(/word_embeddings.*It will not load:\n {2}.*give the config of/s);
      expect((await inspectCheckpoint(file, { config: golden })).loads).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says that weights of a type that no model computes in will not load', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
    try {
      cpSync(join(golden, 'config.json'), join(folder, 'config.json'));
      await using source = await openSafetensors(join(golden, 'model.safetensors'));
      const tensors = source.names().map((name, i) => {
        const info = source.info(name);
        if (i > 0) return { name, ...info, bytes: () => source.read(name) };
        const byteLength = info.byteLength * 2;
        return {
          name,
          shape: info.shape,
          dtype: 'complex64' as const,
          byteLength,
          bytes: () => new Uint8Array(byteLength),
        };
      });
      await writeSafetensors(join(folder, 'model.safetensors'), tensors, { metadata: { format: 'pt' } });
      const found = await inspectCheckpoint(folder);
      expect(found).toMatchObject({ loads: false, model_type: 'bert' });
      expect(found.reasons.at(-1)).toBe(`'${source.names()[0]}' is stored as complex64, which no model computes in`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('shows a TensorFlow 1 checkpoint by its prefix', async () => {
    const prefix = join(__dirname, '..', 'goldens', 'frameworks', 'bert-tf1-shards', 'model.ckpt');
    const found = await inspectCheckpoint(prefix);
    expect(found.files).toEqual([expect.objectContaining({ file: 'model.ckpt.index', format: 'tensorflow1' })]);
    expect(found.call).toMatch(/from_tf: true/);
  });

  it('shows the GGUF file that a folder holds in place of a config and weights, and how to load it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
    const vocabulary = join(__dirname, '..', 'goldens', 'gguf', 'llama-vocabulary.gguf');
    try {
      cpSync(vocabulary, join(folder, 'model-00001-of-00002.gguf'));
      const found = await inspectCheckpoint(folder);
      expect(found.call).toBe(
        `LlamaForCausalLM.from_pretrained('${folder}', { gguf_file: 'model-00001-of-00002.gguf' })`,
      );
      expect(found.reasons[0]).toBe("it is a GGUF file in a folder: set gguf_file to 'model-00001-of-00002.gguf'");
      cpSync(vocabulary, join(folder, 'another.gguf'));
      expect((await inspectCheckpoint(folder)).reasons[0]).toMatch(/config\.json/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('lists the tensors of a GGUF file of types that are not read, and says what would load', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
    try {
      const file = join(folder, 'small.gguf');
      const entries = [
        entry('general.architecture', type('string'), text('llama')),
        entry('llama.block_count', type('uint32'), u32(1)),
        entry('llama.embedding_length', type('uint32'), u32(256)),
        entry('llama.feed_forward_length', type('uint32'), u32(256)),
        entry('llama.attention.head_count', type('uint32'), u32(4)),
        entry('llama.attention.layer_norm_rms_epsilon', type('float32'), number('float32', 1e-6)),
        entry('llama.vocab_size', type('uint32'), u32(8)),
      ];
      const tensors = [
        tensor('token_embd.weight', [256, 8], 'float32', 0),
        tensor('blk.0.attn_q.weight', [256, 256], 'IQ2_XXS', 8192),
        tensor('output.weight', [256, 8], 'TQ1_0', 25088),
      ];
      writeFileSync(file, ggufBytes({ entries, tensors, data: 25088 + 448 }));
      const found = await inspectCheckpoint(file);
      expect(found.tensors).toEqual([
        { name: 'token_embd.weight', dtype: 'float32', shape: [8, 256], readable: true },
        { name: 'blk.0.attn_q.weight', dtype: 'IQ2_XXS', shape: [256, 256], readable: false },
        { name: 'output.weight', dtype: 'TQ1_0', shape: [8, 256], readable: false },
      ]);
      expect(found).toMatchObject({
        loads: false,
        call: null,
        model_type: 'llama',
        parameters: 8 * 256 * 2 + 256 * 256,
      });
      expect(found.reasons.slice(-2)).toEqual([
        'it holds blocks of types that are not read: IQ2_XXS (1 of 3 tensors: blk.0.attn_q.weight); ' +
          'TQ1_0 (1 of 3 tensors: output.weight)',
        expect.stringMatching(/^the same model in any of F32, F16, .*Q4_K.* loads, as LlamaForCausalLM: quantise/),
      ]);
      expect(inspectionText(found)).toMatch(/attn_q\.weight +IQ2_XXS \(not read\) +\[256, 256\].*It will not load:/s);
      expect(await AutoConfig.from_pretrained(file)).toMatchObject({ hidden_size: 256, tie_word_embeddings: false });
      await expect(AutoModelForCausalLM.from_pretrained(file)).rejects.toMatchObject({
        code: 'UNSUPPORTED_TENSOR',
        message: expect.stringMatching(/'blk\.0\.attn_q\.weight' is of type IQ2_XXS \(16\)/),
      });
      writeFileSync(file, ggufBytes({ version: 0x03000000 }));
      const { reasons } = await inspectCheckpoint(file);
      expect(reasons).toEqual([expect.stringMatching(/'.*small\.gguf': its numbers are big-endian/)]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('looks at the file that the config names in place of a search', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
    try {
      const config = JSON.parse(readFileSync(join(golden, 'config.json'), 'utf8'));
      writeFileSync(
        join(folder, 'config.json'),
        JSON.stringify({ ...config, transformers_weights: 'other.safetensors' }),
      );
      expect((await inspectCheckpoint(folder)).reasons[0]).toMatch(/'other\.safetensors', which is not in/);
      cpSync(join(golden, 'model.safetensors'), join(folder, 'other.safetensors'));
      expect(await inspectCheckpoint(folder)).toMatchObject({ loads: true, files: [{ file: 'other.safetensors' }] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("says what is wrong with another framework's file, once", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
    try {
      cpSync(join(golden, 'config.json'), join(folder, 'config.json'));
      writeFileSync(join(folder, 'tf_model.h5'), '\x89HDF\r\n\x1a\n and no more', 'latin1');
      const found = await inspectCheckpoint(folder);
      expect(found).toMatchObject({ loads: false });
      expect(found.reasons).toEqual([expect.stringMatching(/^Unable to load weights from '.*tf_model\.h5'/)]);
      const gguf = join(folder, 'broken.gguf');
      writeFileSync(gguf, 'GGUF');
      expect((await inspectCheckpoint(gguf)).reasons).toEqual([expect.stringContaining('broken.gguf')]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
