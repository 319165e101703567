import { join } from 'node:path';
import { openFlax } from '../../lib/checkpoint/flax/flax';
import { writeFlax } from '../../lib/checkpoint/flax/flax-writer';
import { openGguf } from '../../lib/checkpoint/gguf/gguf';
import { writeGguf } from '../../lib/checkpoint/gguf/gguf-writer';
import { openHdf5 } from '../../lib/checkpoint/hdf5/hdf5';
import { writeHdf5 } from '../../lib/checkpoint/hdf5/hdf5-writer';
import { openPyTorch } from '../../lib/checkpoint/pytorch/pytorch';
import { writePyTorch } from '../../lib/checkpoint/pytorch/pytorch-writer';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { writeSafetensors } from '../../lib/checkpoint/safetensors-writer';
import type { CheckpointSource } from '../../lib/checkpoint/source';
import { AbortError } from '../../lib/errors';
import { scratchFolder } from './scratch';

/** Headers of many tensors are read in steps: other events have their turn, and an abort is heard. */

const kTensors = 12_000;
const bytes = new Float32Array([1]);
const tensors = Array.from({ length: kTensors }, (_, i) => ({
  name: `layers.${i}.weight`,
  dtype: 'float32' as const,
  shape: [1],
  bytes,
}));
const folder = scratchFolder();

interface Format {
  name: string;
  write(path: string): Promise<number>;
  open(path: string, options: { signal?: AbortSignal }): Promise<CheckpointSource>;
}

const formats: Format[] = [
  { name: 'safetensors', write: (path) => writeSafetensors(path, tensors), open: openSafetensors },
  { name: 'pytorch', write: (path) => writePyTorch(path, tensors), open: openPyTorch },
  { name: 'hdf5', write: (path) => writeHdf5(path, tensors), open: openHdf5 },
  { name: 'msgpack', write: (path) => writeFlax(path, tensors), open: openFlax },
  { name: 'gguf', write: (path) => writeGguf(path, new Map(), tensors), open: openGguf },
];

describe.each(formats)('a $name file of 12,000 tensors', ({ name, write, open }) => {
  const path = join(folder, name);
  beforeAll(() => write(path), 60_000);

  it('lets other events in while it is opened', async () => {
    const gaps: number[] = [];
    let last = performance.now();
    let isOpen = false;
    const turn = () => {
      const now = performance.now();
      gaps.push(now - last);
      last = now;
      if (!isOpen) setImmediate(turn);
    };
    setImmediate(turn);
    await using source = await open(path, {});
    isOpen = true;
    expect(source.names()).toHaveLength(kTensors);
    expect(gaps.length).toBeGreaterThan(5);
  });

  it('hears of an abort meanwhile', async () => {
    const controller = new AbortController();
    let turns = 0;
    const later = () => (++turns < 4 ? setImmediate(later) : controller.abort());
    setImmediate(later);
    await expect(open(path, { signal: controller.signal })).rejects.toBeInstanceOf(AbortError);
  });
});
