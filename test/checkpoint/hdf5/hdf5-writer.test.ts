import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openHdf5 } from '../../../lib/checkpoint/hdf5/hdf5';
import { HDF5_DTYPES } from '../../../lib/checkpoint/hdf5/hdf5-encoder';
import { writeHdf5 } from '../../../lib/checkpoint/hdf5/hdf5-writer';
import { openCheckpoint } from '../../../lib/checkpoint/open';
import type { TensorToWrite } from '../../../lib/checkpoint/safetensors-writer';
import { nameInShard } from '../../../lib/checkpoint/weight-names';
import { errorOf, scratchFolder } from '../scratch';

const scratch = scratchFolder();
const vector = (name: string, ...values: number[]): TensorToWrite => ({
  name,
  dtype: 'float32',
  shape: [values.length],
  bytes: Float32Array.from(values),
});

describe('writing HDF5', () => {
  it('brings back tensors of every type and of every rank', async () => {
    const path = join(scratch, 'types.h5');
    const tensors = HDF5_DTYPES.flatMap((dtype) =>
      [[], [0], [3], [2, 5], [1, 2, 3, 4]].map((shape): TensorToWrite => {
        const item = dtype === 'bool' ? 1 : Number(/\d+/.exec(dtype)?.[0]) / 8;
        const length = shape.reduce((bytes, dim) => bytes * dim, item);
        return { name: `m/${dtype}/${shape.join('x')}_:0`, dtype, shape, bytes: Buffer.alloc(length, 1) };
      }),
    );
    await writeHdf5(path, tensors, { layers: [{ name: 'layer', weights: tensors.map(({ name }) => name) }] });
    await using source = await openHdf5(path);
    expect(source.names()).toEqual(tensors.map(({ name }) => name));
    for (const { name, dtype, shape, bytes } of tensors) {
      expect(source.info(name)).toMatchObject({ dtype, shape });
      expect(Buffer.from(await source.read(name))).toEqual(bytes);
      expect(source.info(name).byteOffset % 64).toBe(0);
    }
  });

  it('cuts lists of names that no attribute holds, and reads them whole', async () => {
    const path = join(scratch, 'many.h5');
    const weights = Array.from({ length: 2000 }, (_, i) => `model/${'x'.repeat(80)}_${i}/kernel:0`);
    await writeHdf5(
      path,
      weights.map((name, i) => vector(name, i)),
      {
        layers: [
          { name: 'a', weights },
          { name: 'b', weights: [] },
        ],
      },
    );
    await using source = await openHdf5(path);
    expect(source.names()).toEqual(weights);
    expect([...(source.attributes.get('a')?.keys() ?? [])]).toEqual([
      'weight_names0',
      'weight_names1',
      'weight_names2',
      'weight_names3',
    ]);
    expect(source.layers[1]).toEqual({ name: 'b', weights: [] });
    expect(source.metadata).toEqual(
      new Map([
        ['backend', 'tensorflow'],
        ['keras_version', '2.15.0'],
      ]),
    );
    expect(source.attributes.get('')?.get('layer_names')).toEqual(['a', 'b']);
  });

  it('writes a weight of two layers once', async () => {
    const path = join(scratch, 'shared.h5');
    const layers = [
      { name: 'a', weights: ['w:0'] },
      { name: 'b', weights: ['w:0'] },
    ];
    let calls = 0;
    const bytes = () => Float32Array.of(++calls);
    await writeHdf5(path, [{ name: 'w:0', dtype: 'float32', shape: [1], bytes }], { layers });
    expect(calls).toBe(1);
    await using source = await openHdf5(path);
    expect(source.layers.slice(0, 2)).toEqual(layers);
  });

  it('writes shards that the index finds under the names of Transformers', async () => {
    const [one, two] = ['model/dense/kernel:0', 'final_logits_bias:0'];
    await writeHdf5(join(scratch, 'tf_model-00001-of-00002.h5'), [vector(nameInShard(one as string), 1, 2)]);
    await writeHdf5(join(scratch, 'tf_model-00002-of-00002.h5'), [vector(nameInShard(two as string), 3)]);
    const weight_map = { [one as string]: 'tf_model-00001-of-00002.h5', [two as string]: 'tf_model-00002-of-00002.h5' };
    const index = join(scratch, 'tf_model.h5.index.json');
    writeFileSync(index, JSON.stringify({ metadata: { total_size: 12 }, weight_map }));
    await using source = await openCheckpoint(index, { from_tf: true });
    expect(source.names()).toEqual(['dense/kernel:0', 'final_logits_bias:0']);
  });

  it.each<[string, TensorToWrite[], object, string]>([
    ['a name twice', [vector('a', 1), vector('a', 2)], {}, 'DUPLICATE_NAME'],
    ['a tensor inside a tensor', [vector('a', 1), vector('a/b', 2)], {}, 'DUPLICATE_NAME'],
    ['an empty part of a name', [vector('a//b', 1)], {}, 'HEADER_INVALID_ENTRY'],
    ['bfloat16', [{ ...vector('a', 1), dtype: 'bfloat16' }], {}, 'UNKNOWN_DTYPE'],
    ['a layer without its weight', [], { layers: [{ name: 'a', weights: ['b'] }] }, 'NO_SUCH_TENSOR'],
    ['a weight without a layer', [vector('a', 1)], { layers: [] }, 'HEADER_INVALID_ENTRY'],
    ['bytes that are too few', [{ ...vector('a', 1), shape: [2] }], {}, 'SIZE_MISMATCH'],
  ])('refuses %s, and leaves nothing behind', async (_, tensors, options, code) => {
    const before = readdirSync(scratch);
    expect(await errorOf(() => writeHdf5(join(scratch, 'refused.h5'), tensors, options))).toMatchObject({ code });
    expect(readdirSync(scratch)).toEqual(before);
  });
});
