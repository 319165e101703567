/** Views of a storage whose elements do not lie side by side. */
import { gather, narrowed, type StridedView } from '../../lib/checkpoint/gather';
import { seededRandom } from './mutant';

/** The view's bytes, one element after the other. */
function slowly(storage: Uint8Array, { shape, strides, item, begin }: StridedView): number[] {
  const bytes: number[] = [];
  const visit = (axis: number, at: number): void => {
    if (axis === shape.length) bytes.push(...storage.subarray(at, at + item));
    else for (let i = 0; i < (shape[axis] as number); i++) visit(axis + 1, at + i * (strides[axis] as number) * item);
  };
  visit(0, begin);
  return bytes;
}

async function gathered(storage: Uint8Array, view: StridedView) {
  const target = new Uint8Array(view.shape.reduce((product, size) => product * size, view.item));
  let read = 0;
  await gather(view, target, async (block, position) => {
    if (position + block.byteLength > storage.byteLength) throw new Error('read past the storage');
    block.set(storage.subarray(position, position + block.byteLength));
    read += block.byteLength;
  });
  return { target, read };
}

describe('gather', () => {
  it('gives the elements of 2,000 random views, whole and in part', async () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = seededRandom(seed);
      const below = (n: number) => Math.floor(random() * n);
      const item = [1, 2, 4, 8][below(4)] as number;
      const shape = Array.from({ length: below(5) }, () => below(6));
      const strides = shape.map(() => below(9));
      const begin = below(4) * item;
      const view = { shape, strides, item, begin };
      const last = shape.reduce((sum, size, i) => sum + Math.max(0, size - 1) * (strides[i] as number), 0);
      const storage = new Uint8Array(begin + (last + 1) * item).map(() => below(256));
      const wanted = slowly(storage, view);
      const { target } = await gathered(storage, view);
      expect([seed, [...target]]).toEqual([seed, wanted]);
      if (wanted.length === 0) continue;
      const start = below(wanted.length);
      const end = start + 1 + below(wanted.length - start);
      const part = narrowed(view, start, end);
      const { target: inside } = await gathered(storage, part.view);
      expect([seed, [...inside.subarray(start - part.start, end - part.start)]]).toEqual([
        seed,
        wanted.slice(start, end),
      ]);
    }
  });

  it('reads a matrix that is stored by columns once, in blocks', async () => {
    const storage = new Uint8Array(new Float32Array(3000 * 1000).map((_, i) => i).buffer);
    const { target, read } = await gathered(storage, { shape: [3000, 1000], strides: [1, 3000], item: 4, begin: 0 });
    expect(read).toBe(storage.byteLength);
    const values = new Float32Array(target.buffer);
    for (const [row, column] of [
      [0, 0],
      [1, 0],
      [2999, 999],
      [1500, 3],
    ] as const)
      expect(values[row * 1000 + column]).toBe(column * 3000 + row);
  });

  it('does not read the whole of a storage for a few rows far apart', async () => {
    const storage = new Uint8Array(64 * 1024 * 1024);
    const view = { shape: [16, 1024], strides: [1024 * 1024, 1], item: 4, begin: 0 };
    expect((await gathered(storage, view)).read).toBe(16 * 4096);
  });
});
