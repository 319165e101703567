import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readGgufConfig } from '../../lib/pretrained/gguf/gguf-config';
import { entry, ggufBytes, number, text, type } from '../checkpoint/gguf/gguf-bytes';
import { errorOf, scratchFolder } from '../checkpoint/scratch';

const scratch = scratchFolder();
const path = join(scratch, 'model.gguf');

const counts = { block_count: 2, embedding_length: 8, 'attention.head_count': 4 };

/** Writes a file whose metadata says so of a llama. */
function say(numbers: Record<string, number>): void {
  const entries = Object.entries(numbers).map(([key, value]) =>
    entry(`llama.${key}`, type('uint32'), number('uint32', value)),
  );
  const architecture = entry('general.architecture', type('string'), text('llama'));
  writeFileSync(path, ggufBytes({ entries: [architecture, ...entries] }));
}

describe('the config of a GGUF file', () => {
  it('has the fields that its metadata says', async () => {
    say({ ...counts, 'attention.head_count_kv': 2 });
    expect(await readGgufConfig(path)).toMatchObject({
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      num_hidden_layers: 2,
      hidden_size: 8,
      num_attention_heads: 4,
      num_key_value_heads: 2,
    });
  });

  it.each(Object.keys(counts))('is refused where %s is not said: no default stands for it', async (key) => {
    say(Object.fromEntries(Object.entries(counts).filter(([name]) => name !== key)));
    const error = await errorOf(() => readGgufConfig(path));
    expect(error).toMatchObject({ code: 'METADATA_INVALID', file: path });
    expect(error.message).toContain(`no number llama.${key}`);
  });

  it('is refused for a mixture of experts, which would lack its feed-forward layers', async () => {
    say({ ...counts, expert_count: 0 });
    await readGgufConfig(path);
    say({ ...counts, expert_count: 8 });
    const error = await errorOf(() => readGgufConfig(path));
    expect(error).toMatchObject({ name: 'NotImplementedError', code: 'ERR_CONFIG_FIELD' });
    expect(error.message).toMatch(/mixture of 8 experts \(llama\.expert_count\)/);
  });
});
