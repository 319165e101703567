import { nativeInfo } from '../../lib/binding/runtime';
import type { DType } from '../../lib/tensor/dtype';
import { Stream } from '../../lib/tensor/stream';
import { readTensors, Tensor } from '../../lib/tensor/tensor';

/** How far an element may lie from the reference: relative · |reference| + absolute. */
export interface Tolerance {
  relative: number;
  absolute: number;
}

export const exact: Tolerance = { relative: 0, absolute: 0 };

/** Numbers that are the same in every run. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  /** In [0, 1). */
  uniform(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  }

  private normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Normally distributed. */
  floats(dims: readonly number[], scale = 1): Tensor {
    return new Tensor(
      'float32',
      Float32Array.from({ length: sizeOf(dims) }, () => scale * this.normal()),
      dims,
    );
  }

  /** In [low, high). */
  integers(dims: readonly number[], low: number, high: number, type: DType = 'int64'): Tensor {
    const values = Array.from({ length: sizeOf(dims) }, () => Math.floor(low + this.uniform() * (high - low)));
    return new Tensor(type, values, dims);
  }

  /** True with probability p. */
  bools(dims: readonly number[], p: number): Tensor {
    return new Tensor(
      'bool',
      Uint8Array.from({ length: sizeOf(dims) }, () => (this.uniform() < p ? 1 : 0)),
      dims,
    );
  }
}

export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((n, d) => n * d, 1);
}

export const float32 = (values: number[], dims?: number[]) => new Tensor('float32', values, dims);
export const int64 = (values: number[], dims?: number[]) => new Tensor('int64', values, dims);
export const int32 = (values: number[], dims?: number[]) => new Tensor('int32', values, dims);

/** Inputs and the op on them. What it returns is compared. */
export type Case = (random: Random) => Tensor | Tensor[];

const streams = new Map<string, Stream>();

function streamOf(isa: string, threads?: 1): Stream {
  const key = `${isa} ${threads}`;
  const stream = streams.get(key) ?? new Stream({ isa, ...(threads && { threads }) });
  streams.set(key, stream);
  return stream;
}

async function outputs(stream: Stream, run: Case): Promise<Tensor[]> {
  const made = stream.run(() => [run(new Random(7))].flat());
  await readTensors(made);
  return made;
}

/**
 * Declares one test for each case: every instruction set of this machine stays within the tolerance of the slow
 * reference, and gives the same bits with one thread as with all.
 */
export function holdsAtEveryLevel(cases: Record<string, Case>, tolerance: Tolerance = exact): void {
  for (const [claim, run] of Object.entries(cases))
    it(claim, async () => {
      const wanted = await outputs(streamOf('reference'), run);
      for (const isa of nativeInfo().levels) {
        const got = await outputs(streamOf(isa), run);
        expect(got.map((t) => [t.type, t.dims])).toEqual(wanted.map((t) => [t.type, t.dims]));
        got.forEach((tensor, i) => {
          expectClose(tensor, wanted[i] as Tensor, tolerance, isa);
        });
        const alone = await outputs(streamOf(isa, 1), run);
        alone.forEach((tensor, i) => {
          expect(bits(tensor).equals(bits(got[i] as Tensor))).toBe(true);
        });
      }
    });
}

function bits({ data }: Tensor): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** The elements as numbers. */
function flat(tensor: Tensor): ArrayLike<number> {
  if (tensor.type === 'float32') return tensor.data as Float32Array;
  return ([tensor.tolist()].flat(9) as unknown[]).map(Number);
}

function expectClose(got: Tensor, wanted: Tensor, tolerance: Tolerance, isa: string): void {
  const a = flat(got);
  const b = flat(wanted);
  const allowed = (y: number) => tolerance.relative * Math.abs(y) + tolerance.absolute;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (!(Object.is(x, y) || x === y || Math.abs(x - y) <= allowed(y)))
      throw new Error(`${isa}: element ${i} of [${got.dims}] is ${x}, the reference says ${y}`);
  }
}

/** The elements of an op's output. */
export async function values(output: Tensor): Promise<number[]> {
  await output.getData();
  return Array.from(flat(output));
}
