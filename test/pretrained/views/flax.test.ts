import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as library from '../../../lib';
import { setLogHook } from '../../../lib/logging';
import { small } from './small-models';

/** The methods of Flax' classes, as those of Transformers 4.35.2. */

const { FlaxBertModel, FlaxPreTrainedModel, Tensor } = library;
const frameworks = join(__dirname, '..', '..', 'goldens', 'frameworks');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flax-methods-'));
  setLogHook(() => {});
});
afterEach(async () => {
  setLogHook(null);
  await rm(folder, { recursive: true, force: true });
});

describe('to_bf16, to_fp16, to_fp32 (F-15)', () => {
  const model = new FlaxBertModel(small.bert());
  const params = () => ({
    encoder: {
      kernel: new Tensor('float32', [1.001, 2, 3, 70000], [2, 2]),
      bias: new Tensor('float16', Uint16Array.of(0x3c00, 0)),
    },
    step: new Tensor('int32', [7]),
  });

  it('give a new tree: floating tensors are cast, whole numbers are the same', () => {
    const old = params();
    const tree = model.to_bf16(old) as ReturnType<typeof params>;
    expect([tree.encoder.kernel.type, tree.encoder.bias.type, tree.step]).toEqual(['bfloat16', 'bfloat16', old.step]);
    expect(tree.encoder.kernel.tolist()).toEqual([
      [1, 2],
      [3, 70144],
    ]);
    expect([old.encoder.kernel.type, tree.encoder === old.encoder]).toEqual(['float32', false]);
    expect((model.to_fp16(old) as typeof old).encoder.kernel.tolist()).toEqual([
      [1.0009765625, 2],
      [3, Number.POSITIVE_INFINITY],
    ]);
    expect((model.to_fp32(old) as typeof old).encoder.bias.tolist()).toEqual([1, 0]);
  });

  it('keep what the mask says is to be kept', () => {
    const old = params();
    const tree = model.to_fp16(old, { encoder: { kernel: false, bias: true }, step: true }) as typeof old;
    expect(tree.encoder.kernel).toBe(old.encoder.kernel);
    expect([tree.encoder.bias.type, tree.step]).toEqual(['float16', old.step]);
  });

  it('take frozen trees, and refuse what is none and masks of other names', () => {
    const frozen = Object.freeze({ a: Object.freeze({ b: new Tensor('float32', [1]) }) });
    expect((model.to_bf16(frozen) as { a: { b: library.Tensor } }).a.b.type).toBe('bfloat16');
    expect(Object.isFrozen(model.unfreeze(frozen)['a'])).toBe(false);
    expect(() => model.to_bf16({ a: 7 } as never)).toThrow(library.TypeError);
    expect(() => model.to_bf16(null as never)).toThrow(library.TypeError);
    expect(() => model.to_bf16(frozen, { a: {} })).toThrow(/'a\/b' is missing/);
    expect(() => model.to_bf16(frozen, { a: true })).toThrow(/'a' is no branch/);
    expect(() => model.to_bf16(frozen, { a: { b: true }, c: true })).toThrow(/there is no 'c'/);
  });
});

describe('load_flax_weights (F-16)', () => {
  it('gives the tree of a file in its names, layouts and types', async () => {
    const tree = await FlaxPreTrainedModel.load_flax_weights(join(frameworks, 'gpt2-flax-bf16', 'flax_model.msgpack'));
    const model = await library.FlaxGPT2LMHeadModel.from_pretrained(join(frameworks, 'gpt2-flax-bf16'));
    const { kernel } = (tree as never)['transformer']['h']['0']['attn']['c_attn'] as { kernel: library.Tensor };
    expect(kernel.type).toBe('bfloat16');
    const weight = model.get_parameter('transformer.h.0.attn.c_attn.weight').value.tolist() as number[][];
    const rows = kernel.tolist() as number[][];
    expect(rows.map((row) => row.length)).toEqual(weight[0]?.map(() => weight.length));
    expect(rows[2]?.[1]).toBe(weight[1]?.[2]);
    await model.dispose();
  });

  it('reads safetensors, whose names are joined by points', async () => {
    const file = join(frameworks, 'bert-mlm-flax-safetensors', 'model.safetensors');
    const tree = await library.FlaxBertForMaskedLM.load_flax_weights(file);
    expect(Object.keys(tree)).toEqual(['bert', 'cls']);
  });

  it('refuses damage with Transformers’ words, and names git-lfs', async () => {
    const file = join(folder, 'flax_model.msgpack');
    await writeFile(file, Buffer.from([0x81, 0xa1, 0x61, 0xc1]));
    const damaged = FlaxPreTrainedModel.load_flax_weights(file);
    await expect(damaged).rejects.toThrow(library.OSError);
    await expect(damaged).rejects.toThrow(/Unable to convert .* to Flax deserializable object/);
    await writeFile(file, 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n');
    await expect(FlaxPreTrainedModel.load_flax_weights(file)).rejects.toThrow(/git-lfs/);
    await expect(FlaxPreTrainedModel.load_flax_weights(join(folder, 'none'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });
});

describe('load_flax_sharded_weights (F-11)', () => {
  const sharded = join(frameworks, 't5-flax-sharded');

  it('puts the parts together', async () => {
    const files = (await readdir(sharded))
      .filter((name) => name.endsWith('.msgpack'))
      .map((name) => join(sharded, name));
    const tree = await library.FlaxT5Model.load_flax_sharded_weights(files);
    const paths: string[] = [];
    const walk = (branch: library.FlaxTree, prefix: string) => {
      for (const [name, value] of Object.entries(branch))
        if (value instanceof Tensor) paths.push(prefix + name);
        else walk(value, `${prefix}${name}/`);
    };
    walk(tree, '');
    const index = require(join(sharded, 'flax_model.msgpack.index.json')) as { weight_map: Record<string, string> };
    expect(paths.sort()).toEqual(Object.keys(index.weight_map).sort());
  });

  it('names the part that is damaged', async () => {
    await cp(join(sharded, 'flax_model-00001-of-00010.msgpack'), join(folder, 'a.msgpack'));
    await writeFile(join(folder, 'b.msgpack'), 'nothing');
    const files = ['a.msgpack', 'b.msgpack'].map((name) => join(folder, name));
    await expect(library.FlaxT5Model.load_flax_sharded_weights(files)).rejects.toThrow(
      /Unable to convert .*b\.msgpack/,
    );
    await expect(library.FlaxT5Model.load_flax_sharded_weights('x' as never)).rejects.toThrow(library.TypeError);
  });
});

it('classes of Flax belong to FlaxAutoModel, and compute no gradients', () => {
  class Mine extends FlaxBertModel {}
  Mine.register_for_auto_class();
  expect(Mine._auto_class).toBe('FlaxAutoModel');
  const model = new FlaxBertModel(small.bert());
  expect(() => model.enable_gradient_checkpointing()).toThrow(library.NotImplementedError);
  expect(model.lower()).toBe(model);
});
