/** Tensors of a checkpoint on their way into parameters, however they lie in their file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPyTorch } from '../../lib/checkpoint/pytorch/pytorch';
import { storedTensor } from '../../lib/pretrained/stored-tensor';
import type { DType } from '../../lib/tensor/dtype';
import { fence } from '../../lib/tensor/load';
import { seededRandom } from '../checkpoint/mutant';
import { bytesOf, pickle, torchMembers, zipBytes } from '../checkpoint/pytorch/archive';

const folder = mkdtempSync(join(tmpdir(), 'stored-tensor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface View {
  storage: string;
  content: Uint8Array;
  offset?: number;
  shape: number[];
  strides: number[];
}

/** The numbers that a view gives when it is loaded, and how often its bytes were read in JavaScript. */
async function loaded(view: View, type: DType, pack: boolean, deflate = false) {
  const { storage, content, offset = 0, shape, strides } = view;
  const item =
    storage.startsWith('Double') || storage.startsWith('Long')
      ? 8
      : /Half|BFloat/.test(storage)
        ? 2
        : /Bool|Byte/.test(storage)
          ? 1
          : 4;
  const tensor = pickle.tensor(pickle.storage(storage, '0', content.byteLength / item), offset, shape, strides);
  const path = join(folder, 'view.bin');
  const members = torchMembers(pickle.dict({ w: tensor }), { 0: content });
  writeFileSync(path, zipBytes(members.map((member) => ({ ...member, deflate }))));
  await using source = await openPyTorch(path);
  const read = jest.spyOn(source, 'read');
  const value = (await storedTensor(source, 'w')).load(type, pack ? 'rows' : null);
  await fence();
  const result = {
    dims: value.dims,
    numbers: (value.tolist() as unknown[]).flat(9).map(Number),
    reads: read.mock.calls.length,
  };
  value.dispose();
  return result;
}

const ramp = (length: number) => new Float32Array(length).map((_, i) => i);

describe('storedTensor', () => {
  it('has native threads read views with strides, casting and packing on the way', async () => {
    const rows = 70;
    const columns = 45;
    const view = {
      storage: 'FloatStorage',
      content: bytesOf(ramp(rows * columns)),
      shape: [rows, columns],
      strides: [1, rows],
    };
    const numbers = Array.from({ length: rows * columns }, (_, i) => (i % columns) * rows + Math.floor(i / columns));
    for (const pack of [false, true]) {
      expect(await loaded(view, 'float32', pack)).toEqual({ dims: [rows, columns], numbers, reads: 0 });
    }
    expect((await loaded({ ...view, shape: [10, 5], strides: [5, 1], offset: 7 }, 'float16', false)).numbers[3]).toBe(
      10,
    );
    expect((await loaded({ ...view, shape: [2, 3], strides: [1, 2] }, 'bfloat16', true)).numbers).toEqual([
      0, 2, 4, 1, 3, 5,
    ]);
  });

  it.each([
    ['DoubleStorage', new Float64Array([0, 1, 2, 3, 4, 5]), 'float32'],
    ['LongStorage', new BigInt64Array([0n, 1n, 2n, 3n, 4n, 5n]), 'int64'],
    ['HalfStorage', new Uint16Array([0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500]), 'float32'],
    ['ByteStorage', new Uint8Array([0, 1, 2, 3, 4, 5]), 'uint8'],
  ] as const)('turns elements of %s', async (storage, values, type) => {
    const view = { storage, content: bytesOf(values), shape: [2, 3], strides: [1, 2] };
    expect(await loaded(view, type, false)).toEqual({ dims: [2, 3], numbers: [0, 2, 4, 1, 3, 5], reads: 0 });
  });

  it('gives the elements of 300 random views, by native threads and from deflated members', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const below = (n: number) => Math.floor(random() * n);
      const shape = Array.from({ length: 1 + below(4) }, () => 1 + below(5));
      const strides = shape.map(() => below(7));
      const last = shape.reduce((sum, size, i) => sum + (size - 1) * (strides[i] as number), 0);
      const view = { storage: 'FloatStorage', content: bytesOf(ramp(last + 3)), offset: below(3), shape, strides };
      const numbers: number[] = [];
      const visit = (axis: number, at: number): void => {
        if (axis === shape.length) numbers.push(at);
        else for (let i = 0; i < (shape[axis] as number); i++) visit(axis + 1, at + i * (strides[axis] as number));
      };
      visit(0, view.offset);
      const { numbers: got } = await loaded(view, 'float32', below(2) === 0, seed % 10 === 0);
      expect([seed, got]).toEqual([seed, numbers]);
    }
  });

  it('reads compressed tensors, and little out of much, here', async () => {
    const view = { storage: 'FloatStorage', content: bytesOf(ramp(6)), shape: [2, 3], strides: [3, 1] };
    expect(await loaded(view, 'float32', true, true)).toEqual({ dims: [2, 3], numbers: [0, 1, 2, 3, 4, 5], reads: 1 });
    const wide = { storage: 'FloatStorage', content: bytesOf(ramp(2 ** 20)), shape: [2, 2], strides: [2 ** 19, 1] };
    expect(await loaded(wide, 'float32', false)).toEqual({
      dims: [2, 2],
      numbers: [0, 1, 2 ** 19, 2 ** 19 + 1],
      reads: 1,
    });
  });
});
