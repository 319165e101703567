/** PyTorch files that are almost right, from seeds; CHECKPOINT_FUZZ_RUNS and CHECKPOINT_FUZZ_SEED are those of ../fuzz.test.ts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bitsOf, type PlainDType } from '../../../lib/checkpoint/dtype';
import { CHECKPOINT_FAULTS } from '../../../lib/checkpoint/fault';
import { HEADER_LIMITS } from '../../../lib/checkpoint/header-limits';
import { unpickle } from '../../../lib/checkpoint/pytorch/pickle';
import { openPyTorch } from '../../../lib/checkpoint/pytorch/pytorch';
import { pytorchFault } from '../../../lib/checkpoint/pytorch/pytorch-fault';
import type { PyTorchSource } from '../../../lib/checkpoint/pytorch/pytorch-source';
import { writePyTorch } from '../../../lib/checkpoint/pytorch/pytorch-writer';
import { extentOf, stateDict } from '../../../lib/checkpoint/pytorch/state-dict';
import { TorchObjects } from '../../../lib/checkpoint/pytorch/torch-objects';
import { atOnce } from '../../../lib/turns';
import { scratchFolder } from '../scratch';
import { mutantArchive, mutantPickle } from './mutant';

const RUNS = Number(process.env.CHECKPOINT_FUZZ_RUNS ?? 15_000);
const FIRST = Number(process.env.CHECKPOINT_FUZZ_SEED ?? 1);
/** Nothing of a few kilobytes may take longer, however busy the machine. */
const SLOWEST_MS = 10_000;
/** Larger tensors are views that repeat themselves; they are not read. */
const MOST_READ = 2 ** 20;

const folder = scratchFolder();
const path = join(folder, 'in.bin');
const codes = new Map<string, number>();

/** True when `error` is a refusal as every refusal must be; throws it otherwise. */
function refused(error: unknown, seed: number): true {
  const { code, constructor } = error as { code: string; constructor: { name: string } };
  if (constructor.name !== 'CheckpointError' || !(code in CHECKPOINT_FAULTS)) {
    throw new Error(`seed ${seed} ended in another error`, { cause: error });
  }
  codes.set(code, (codes.get(code) ?? 0) + 1);
  return true;
}

/** The number of tensors in a pickle, each within its storage; null when it is refused. */
function pickled(seed: number): number | null {
  const { bytes } = mutantPickle(seed);
  const fail = (code: keyof typeof CHECKPOINT_FAULTS, message: string): never => {
    throw pytorchFault(code, 'p', message);
  };
  try {
    const steps = unpickle(bytes, (refuse) => new TorchObjects(refuse), { file: 'p' });
    let step = steps.next();
    while (!step.done) step = steps.next();
    const { tensors } = atOnce(stateDict(step.value.value, HEADER_LIMITS, fail));
    for (const [name, tensor] of tensors) {
      const { storage, dtype, shape } = tensor;
      const size = storage.elements * (storage.dtype === null ? 1 : bitsOf(storage.dtype) / 8);
      const { begin, end, byteLength } = extentOf(name, tensor, size, HEADER_LIMITS, fail);
      const bits = shape.reduce((product, dim) => product * dim, bitsOf(dtype as PlainDType));
      if (begin < 0 || end > size || byteLength * 8 !== bits)
        throw new Error(`seed ${seed}: ${name} is not in its storage`);
    }
    return tensors.size;
  } catch (error) {
    refused(error, seed);
    return null;
  }
}

async function opened(seed: number): Promise<PyTorchSource | null> {
  writeFileSync(path, mutantArchive(seed));
  try {
    return await openPyTorch(path);
  } catch (error) {
    refused(error, seed);
    return null;
  }
}

/** Reads every tensor; each gives the bytes of its shape, or is refused because its member is damaged. */
async function readAll(source: PyTorchSource, seed: number, size: number): Promise<void> {
  for (const name of source.names()) {
    const { dtype, shape, byteLength, byteOffset, strides, compressed } = source.info(name);
    if (shape.reduce((product, dim) => product * dim, bitsOf(dtype as PlainDType)) !== byteLength * 8) {
      throw new Error(`seed ${seed}: ${name} has another size than its shape`);
    }
    if (!strides && !compressed && byteOffset + byteLength > size)
      throw new Error(`seed ${seed}: ${name} leaves the file`);
    if (byteLength > MOST_READ) continue;
    const bytes = await source.read(name).catch((error: unknown) => refused(error, seed));
    if (bytes !== true && bytes.byteLength !== byteLength) throw new Error(`seed ${seed}: ${name} was cut`);
  }
}

describe('PyTorch files that are almost right', () => {
  afterAll(() => {
    if (process.env.CHECKPOINT_FUZZ_RUNS) console.log(Object.fromEntries([...codes].sort((a, b) => b[1] - a[1])));
  });

  it('hold pickles of tensors that lie in their storages, or are refused with a code', () => {
    const before = process.memoryUsage().rss;
    const runs = Math.ceil(RUNS / 2);
    let accepted = 0;
    let slowest = 0;
    for (let seed = FIRST; seed < FIRST + runs; seed++) {
      const start = performance.now();
      if (pickled(seed) !== null) accepted++;
      slowest = Math.max(slowest, performance.now() - start);
    }
    expect(accepted).toBeGreaterThan(runs / 10);
    expect(accepted).toBeLessThan(runs * 0.8);
    expect(slowest).toBeLessThan(SLOWEST_MS);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });

  it('are read with every claim true, or refused with a code', async () => {
    const before = process.memoryUsage().rss;
    const runs = Math.ceil(RUNS / 10);
    let accepted = 0;
    let slowest = 0;
    for (let seed = FIRST; seed < FIRST + runs; seed++) {
      const start = performance.now();
      const source = await opened(seed);
      if (source !== null) {
        accepted++;
        await readAll(source, seed, mutantArchive(seed).byteLength);
        await source.close();
      }
      slowest = Math.max(slowest, performance.now() - start);
    }
    expect(accepted).toBeGreaterThan(runs / 20);
    expect(accepted).toBeLessThan(runs / 2);
    expect(slowest).toBeLessThan(SLOWEST_MS);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });

  it('end in many codes', () => {
    const wanted = [
      'PICKLE_INVALID',
      'PICKLE_TYPE_ERROR',
      'PICKLE_FORBIDDEN_GLOBAL',
      'TENSOR_OUT_OF_RANGE',
      'ZIP_INVALID',
    ];
    expect([...codes.keys()]).toEqual(
      expect.arrayContaining([...wanted, 'ZIP_MISMATCH', 'ZIP_OVERLAP', 'ZIP_NO_DIRECTORY']),
    );
  });

  it('come back from our writer with equal tensors', async () => {
    for (let seed = FIRST, done = 0; done < 25; seed++) {
      const source = await opened(seed);
      if (source === null) continue;
      const names = source.names().filter((name) => source.info(name).byteLength <= MOST_READ);
      const copy = join(folder, 'out.bin');
      try {
        const tensors = names.map((name) => ({ name, ...source.info(name), bytes: () => source.read(name) }));
        await writePyTorch(copy, tensors);
        await using again = await openPyTorch(copy, { checksums: true });
        expect(again.names()).toEqual(names);
        for (const name of names) {
          const { dtype, shape } = source.info(name);
          expect(again.info(name)).toMatchObject({ dtype, shape });
          expect(await again.read(name)).toEqual(await source.read(name));
        }
        done++;
      } catch (error) {
        if ((error as { code?: string }).code !== 'ZIP_INVALID') throw error;
      } finally {
        await source.close();
      }
    }
  });
});
