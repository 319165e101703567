/** Checkpoints that every framework wrote, and what they give: where the folder of fixtures is beside the project. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as library from '../../lib';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { setLogHook } from '../../lib/logging';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { Tensor } from '../../lib/tensor/tensor';

const fixtures = join(__dirname, '..', '..', '..', 'shared', 'fixtures');

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
  files?: string[];
  tokens?: { text: string; ids: number[] }[];
}

function caseOf(name: string): Case {
  return JSON.parse(readFileSync(join(fixtures, name, 'case.json'), 'utf8')) as Case;
}

/** What this version does not read yet. */
const pending = /^(t5|bart)|tf-h5|tf1|-flax(?!-safetensors)|legacy|-tar$|torchscript|bert-pt-position-ids/;

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

if (existsSync(fixtures)) {
  const names = readdirSync(fixtures).filter((name) => existsSync(join(fixtures, name, 'case.json')));

  beforeEach(() => setLogHook(() => {}));
  afterEach(() => setLogHook(null));

  it.each(names.filter((name) => !pending.test(name)))('%s gives what its framework gave', async (name) => {
    const folder = join(fixtures, name);
    const fixture = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as Case;
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
  });

  const withTokens = names.filter((name) => caseOf(name).tokens !== undefined);
  it.each(withTokens)('%s cuts texts as Transformers does', async (name) => {
    const { files = [], tokens = [] } = caseOf(name);
    const tokenizer = await library.AutoTokenizer.from_pretrained(join(fixtures, name), { gguf_file: files[0] as string });
    for (const { text, ids } of tokens)
      expect([text, await tokenizer.encode(text, { add_special_tokens: false })]).toEqual([text, ids]);
    tokenizer.dispose();
  });
} else {
  it(`has no fixtures to read: ${fixtures} is not there`, () => {
    expect(existsSync(fixtures)).toBe(false);
  });
}

function bytes(data: unknown): Buffer {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}
