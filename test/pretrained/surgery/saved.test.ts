import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoModelForMaskedLM } from '../../../lib/auto/auto-model';
import type { LoadingInfo } from '../../../lib/pretrained/from-pretrained';
import type { PreTrainedModel } from '../../../lib/pretrained/pretrained-model';
import type { Tensor } from '../../../lib/tensor/tensor';
import { families, maskedLM, numbers } from './tiny-models';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'surgery-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a model after surgery', () => {
  for (const family of families)
    it(`of ${family} saves and loads bit for bit, with nothing missing and nothing left over`, async () => {
      await using model = await maskedLM(family);
      const size = model.get_input_embeddings().num_embeddings;
      model.resize_token_embeddings(size + 5);
      if (family !== 'modernbert') model.prune_heads({ 0: [1] });
      model.bfloat16().resize_token_embeddings(size - 2);
      await model.save_pretrained(folder);
      const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
      expect([config['vocab_size'], config['torch_dtype'], config['architectures']]).toEqual([
        size - 2,
        'bfloat16',
        [model.constructor.name],
      ]);
      expect(config['pruned_heads']).toEqual(family === 'modernbert' ? undefined : { '0': [1] });
      const [loaded, info] = (await AutoModelForMaskedLM.from_pretrained(folder, {
        dtype: 'auto',
        output_loading_info: true,
      })) as [PreTrainedModel, LoadingInfo];
      expect([info.missing_keys, info.unexpected_keys, info.mismatched_keys]).toEqual([[], [], []]);
      const state = model.state_dict();
      for (const [name, tensor] of loaded.state_dict()) {
        expect([name, tensor.type]).toEqual([name, 'bfloat16']);
        expect(await numbers(tensor)).toEqual(await numbers(state.get(name) as Tensor));
      }
      const logits = async (m: PreTrainedModel) =>
        numbers(
          ((await m({ input_ids: [[5, 6, 7]], attention_mask: [[1, 1, 1]] })) as unknown as { logits: Tensor }).logits,
        );
      expect(await logits(loaded)).toEqual(await logits(model));
      await loaded.dispose();
    });
});
