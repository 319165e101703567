import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as library from '../../lib';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { Tensor } from '../../lib/tensor/tensor';

/** Checkpoints as other frameworks wrote them, each in a folder with what it gives: `case.json` and `case.safetensors`. */

interface Case {
  class: string;
  arch: string;
  format: string;
  note: string;
  file?: string;
  config_file?: string;
  from_pretrained?: Record<string, unknown>;
  loading_info?: Record<string, unknown>;
  refuse?: boolean;
  may_refuse?: boolean;
}

/** The folders of `root` that are such cases. */
export function recordedCases(root: string): string[] {
  return readdirSync(root).filter((name) => existsSync(join(root, name, 'case.json')));
}

/** The recorded tensors whose names begin so, without that beginning. */
async function recorded(folder: string, prefix: string): Promise<Map<string, Tensor>> {
  await using source = await openSafetensors(join(folder, 'case.safetensors'));
  const tensors = new Map<string, Tensor>();
  for (const name of source.names()) {
    if (!name.startsWith(prefix)) continue;
    const { dtype, shape } = source.info(name);
    const { buffer } = await source.read(name);
    const data = dtype === 'int64' ? new BigInt64Array(buffer) : new Float32Array(buffer);
    tensors.set(name.slice(prefix.length), new Tensor(dtype as 'int64', data as BigInt64Array, shape));
  }
  return tensors;
}

/** The largest difference, as a part of the largest reference value, over positions that the mask keeps. */
function error(actual: Tensor, wanted: Tensor, mask: Tensor | undefined): number {
  expect(actual.dims).toEqual(wanted.dims);
  const [a, b] = [actual.data as Float32Array, wanted.data as Float32Array];
  const perPosition = mask && wanted.dims[1] === mask.dims[1] && wanted.dims.length === 3;
  const width = perPosition ? (wanted.dims[2] as number) : 1;
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    if (perPosition && Number((mask.data as BigInt64Array)[Math.floor(i / width)]) === 0) continue;
    largest = Math.max(largest, Math.abs(b[i] as number));
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
  }
  return worst / largest;
}

/** The class of the framework that a case was made by, without `from_tf` and `from_flax`: that is what the class is for. */
function throughView(fixture: Case): Case {
  const { from_tf, from_flax, ...others } = fixture.from_pretrained ?? {};
  const prefix = from_tf || fixture.format.includes('tf') ? 'TF' : 'Flax';
  const isFirstTensorFlow = fixture.format.includes('tf1');
  return {
    ...fixture,
    class: prefix + fixture.class,
    from_pretrained: isFirstTensorFlow ? { ...others, from_tf } : others,
  };
}

/**
 * Loads a case as it says, and checks what the load reports and what the model computes.
 * @param asView - through its framework's class in place of PyTorch's
 */
export async function expectRecorded(folder: string, asView = false): Promise<void> {
  const said = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as Case;
  const fixture = asView ? throughView(said) : said;
  const ModelType = (library as unknown as Record<string, typeof library.BertModel>)[
    fixture.class
  ] as typeof library.BertModel;
  const options = { ...fixture.from_pretrained, output_loading_info: true as const };
  const { file, config_file } = fixture;
  const id = file ? join(folder, file) : folder;
  const config = file && { config: join(folder, config_file ?? 'config.json') };
  const load = () => ModelType.from_pretrained(id, { ...options, ...config });
  if (fixture.refuse) {
    await expect(load()).rejects.toMatchObject({ code: expect.any(String) });
    return;
  }
  const [model, info] = (await load()) as unknown as [PreTrainedModel, Record<string, unknown>];
  expect(info).toMatchObject(fixture.loading_info ?? {});
  const inputs = await recorded(folder, 'in.');
  const run = model as unknown as (inputs: object) => Promise<Record<string, Tensor>>;
  const outputs = await run({ ...Object.fromEntries(inputs), output_hidden_states: true });
  for (const [key, wanted] of await recorded(folder, 'out.')) {
    const [, list, index] = /^(.*)\.(\d+)$/.exec(key) ?? [];
    const actual = list ? (outputs[list] as unknown as Tensor[])[Number(index)] : outputs[key];
    expect(error(actual as Tensor, wanted, inputs.get('attention_mask'))).toBeLessThan(2e-5);
  }
  for (const [key, wanted] of await recorded(folder, 'w.')) {
    const actual = await model.get_parameter(key).value.getData();
    expect(Buffer.compare(bytes(actual), bytes(wanted.data))).toBe(0);
  }
  await model.dispose();
}

function bytes(data: unknown): Buffer {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}
