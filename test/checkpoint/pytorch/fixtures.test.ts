/** Models that PyTorch saved as pytorch_model.bin, where the folder of fixtures is beside the project. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../../lib/checkpoint/open';
import { openSafetensors } from '../../../lib/checkpoint/safetensors';
import { setLogHook } from '../../../lib/logging';
import * as bert from '../../../lib/models/bert/model';
import * as distilbert from '../../../lib/models/distilbert/model';
import * as roberta from '../../../lib/models/roberta/model';
import type { LoadingInfo } from '../../../lib/pretrained/from-pretrained';
import type { PreTrainedModel } from '../../../lib/pretrained/pretrained-model';
import { arrayOf, type DType } from '../../../lib/tensor/dtype';
import { Tensor } from '../../../lib/tensor/tensor';

const fixtures = join(__dirname, '..', '..', '..', '..', 'shared', 'fixtures');

type Loadable = {
  from_pretrained(path: string, options: Record<string, unknown>): Promise<[PreTrainedModel, LoadingInfo]>;
};
const classes = { ...bert, ...distilbert, ...roberta } as unknown as Record<string, Loadable>;

interface Case {
  class: string;
  from_pretrained?: Record<string, unknown>;
  loading_info: Partial<LoadingInfo>;
}

/** The tensors of a safetensors file whose names begin so, without that beginning. */
async function tensorsOf(path: string, prefix: string): Promise<Map<string, Tensor>> {
  await using source = await openSafetensors(path);
  const tensors = new Map<string, Tensor>();
  for (const name of source.names().filter((key) => key.startsWith(prefix))) {
    const { dtype, shape } = source.info(name);
    const TypedArray = arrayOf(dtype as DType) as unknown as new (buffer: ArrayBufferLike) => Float32Array;
    tensors.set(name.slice(prefix.length), new Tensor(dtype, new TypedArray((await source.read(name)).buffer), shape));
  }
  return tensors;
}

if (existsSync(fixtures)) {
  describe('pytorch_model.bin of Transformers', () => {
    it.each([
      'bert-pt-zip',
      'bert-pt-position-ids',
      'bert-pt-tar',
      'bert-torchscript',
      'bert-mlm-pt-zip',
      'bert-pt-gamma-beta',
      'bert-pt-one-storage',
      'bert-pt-strides',
      'bert-pt-sharded',
      'bert-pt-variant-fp16',
      'distilbert-pt-zip',
      'roberta-pt-zip',
    ])('%s loads and computes what PyTorch computed', async (name) => {
      const folder = join(fixtures, name);
      const wanted = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as Case;
      const warnings: string[] = [];
      const previous = setLogHook((_, message) => warnings.push(message));
      const [model, info] = await (classes[wanted.class] as Loadable).from_pretrained(folder, {
        ...wanted.from_pretrained,
        use_safetensors: false,
        output_loading_info: true,
      });
      setLogHook(previous);
      expect(warnings).toEqual([]);
      expect(info).toMatchObject({ missing_keys: [], unexpected_keys: [], mismatched_keys: [] });
      const inputs = await tensorsOf(join(folder, 'case.safetensors'), 'in.');
      const outputs = await tensorsOf(join(folder, 'case.safetensors'), 'out.');
      const computed = (await model(Object.fromEntries(inputs) as never)) as unknown as Record<string, Tensor>;
      expect(outputs.size).toBeGreaterThan(0);
      const kept = (inputs.get('attention_mask')?.tolist() as number[][] | undefined)?.flat().map(Number);
      for (const [key, reference] of outputs) {
        const got = (await (computed[key] as Tensor).getData()) as Float32Array;
        expect(computed[key]?.dims).toEqual(reference.dims);
        const width = reference.size / (kept?.length ?? 1);
        const perToken = reference.dims.length === 3;
        (reference.data as Float32Array).forEach((value, i) => {
          if (perToken && kept?.[Math.floor(i / width)] === 0) return;
          if (!(Math.abs((got[i] as number) - value) < 2e-5))
            throw new Error(`${key}[${i}] is ${got[i]}, not ${value}`);
        });
      }
      await model.dispose();
    });

    it.each([
      ['bart-pt-zip', 95],
      ['t5-pt-zip', 50],
      ['gpt2-pt-zip', 29],
      ['gpt2-pt-masks', 32],
      ['llama-pt-zip', 21],
      ['llama-pt-inv-freq', 23],
      ['gpt2-pt-legacy', 29],
      ['bert-pt-tar', 44],
      ['bert-torchscript', 46],
    ])('%s opens with its %d tensors, each of which can be read', async (name, count) => {
      await using source = await openCheckpoint(join(fixtures, name));
      expect(source.format).toBe('pytorch');
      expect(source.names()).toHaveLength(count);
      for (const key of source.names()) expect(await source.read(key)).toHaveLength(source.info(key).byteLength);
    });
  });
} else {
  it(`has no fixtures to read: ${fixtures} is not there`, () => {
    expect(existsSync(fixtures)).toBe(false);
  });
}
