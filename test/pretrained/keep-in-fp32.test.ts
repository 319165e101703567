import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BertForMaskedLM } from '../../lib/models/bert/model';

/** Classes that keep some modules in float32, and that pass over names in what a load reports. */

const golden = join(__dirname, '..', 'goldens', 'bert', 'base');

class Kept extends BertForMaskedLM {
  static override readonly _keep_in_fp32_modules = ['LayerNorm', 'self.key', 'dens'];
}

const typesOf = (model: BertForMaskedLM) => new Map([...model.state_dict()].map(([name, { type }]) => [name, type]));

describe('_keep_in_fp32_modules (rows 5, 53)', () => {
  it('holds whole components of names in float32 while the rest is float16', async () => {
    await using model = await Kept.from_pretrained(golden, { dtype: 'float16' });
    for (const [name, type] of typesOf(model))
      expect([name, type]).toEqual([name, /\.(LayerNorm|self\.key)\./.test(name) ? 'float32' : 'float16']);
    expect([model.dtype, model.config.torch_dtype]).toEqual(['float16', 'float16']);
    const { logits } = await model({ input_ids: [[5, 6, 7]] });
    await using whole = await BertForMaskedLM.from_pretrained(golden);
    const wanted = (await whole({ input_ids: [[5, 6, 7]] })).logits.data as Float32Array;
    const found = logits.to('float32').data as Float32Array;
    for (let i = 0; i < wanted.length; i++)
      expect(Math.abs((found[i] as number) - (wanted[i] as number))).toBeLessThan(0.05);
  });

  it('draws what is missing in float32 too, and takes a state dict so', async () => {
    await using model = await Kept.from_pretrained(golden);
    const state = new Map([...model.state_dict()].filter(([name]) => !name.includes('attention.output.LayerNorm')));
    await using half = await Kept.from_pretrained(golden, { state_dict: state, dtype: 'float16' });
    const types = typesOf(half);
    expect(types.get('bert.encoder.layer.0.attention.output.LayerNorm.weight')).toBe('float32');
    expect(types.get('bert.encoder.layer.0.output.LayerNorm.weight')).toBe('float32');
    expect(types.get('bert.encoder.layer.0.output.dense.weight')).toBe('float16');
  });

  it.each(['bfloat16', 'float32'] as const)('does nothing for %s', async (dtype) => {
    await using model = await Kept.from_pretrained(golden, { dtype });
    expect(new Set(typesOf(model).values())).toEqual(new Set([dtype]));
  });

  it('is saved as it is held, and loads so again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kept-'));
    try {
      await using model = await Kept.from_pretrained(golden, { dtype: 'float16' });
      await model.save_pretrained(folder);
      await using again = await Kept.from_pretrained(folder, { dtype: 'auto' });
      expect(typesOf(again)).toEqual(typesOf(model));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('_keys_to_ignore_on_load_missing and _keys_to_ignore_on_load_unexpected (row 6)', () => {
  class Quiet extends BertForMaskedLM {
    static override readonly _keys_to_ignore_on_load_missing = ['predictions\\.transform'];
    static override readonly _keys_to_ignore_on_load_unexpected = ['pooler', '^qa'];
  }

  it('are searched for in names, and take them out of the report', async () => {
    await using model = await BertForMaskedLM.from_pretrained(golden);
    const state = new Map([...model.state_dict()].filter(([name]) => !name.includes('transform.dense.')));
    const [, loud] = await BertForMaskedLM.from_pretrained(golden, { state_dict: state, output_loading_info: true });
    expect(loud.missing_keys).toEqual([
      'cls.predictions.transform.dense.bias',
      'cls.predictions.transform.dense.weight',
    ]);
    const [, quiet] = await Quiet.from_pretrained(golden, { state_dict: state, output_loading_info: true });
    expect(quiet.missing_keys).toEqual([]);
    const [, all] = await BertForMaskedLM.from_pretrained(golden, { output_loading_info: true });
    const [, some] = await Quiet.from_pretrained(golden, { output_loading_info: true });
    expect(all.unexpected_keys).toEqual(expect.arrayContaining(['bert.pooler.dense.bias', 'qa_outputs.bias']));
    expect(some.unexpected_keys).toEqual(all.unexpected_keys.filter((name) => !/pooler|^qa/.test(name)));
  });
});
