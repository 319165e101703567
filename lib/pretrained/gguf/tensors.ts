/** The tensors of a model as a GGUF file holds them: under ggml's names, arranged as ggml has them, cast or quantised. */

import type { StoredDType } from '../../checkpoint/dtype';
import { blockOf, isBlockDType, isReadBlock } from '../../checkpoint/gguf/block-types';
import { ggufByteLength } from '../../checkpoint/gguf/gguf-writer';
import type { TensorToWrite } from '../../checkpoint/safetensors-writer';
import type { CheckpointSource } from '../../checkpoint/source';
import { Call } from '../../tensor/call';
import { reshape } from '../../tensor/dispatch';
import type { DType } from '../../tensor/dtype';
import { quantize } from '../../tensor/ops/blocks';
import { cast } from '../../tensor/ops/cast';
import { permute } from '../../tensor/ops/layout';
import { scope } from '../../tensor/scope';
import { Stream } from '../../tensor/stream';
import type { Tensor } from '../../tensor/tensor';
import { copyBytes, writeTensor } from '../../tensor/write';
import { storedTensor } from '../stored-tensor';
import { arrangementOf, type HeadCounts, inverseOf, type Renamed } from './names';
import { ErrorSums, type QuantizationError } from './quantization-error';

/** Types that quantising writes. */
export const quantizedTypes = ['Q4_0', 'Q8_0', 'Q4_K', 'Q6_K'] as const;
export type QuantizedType = (typeof quantizedTypes)[number];

/** The type of every matrix; null leaves each as it is stored. */
export type MatrixType = QuantizedType | 'float32' | 'float16' | 'bfloat16' | null;

/** What became of a tensor. */
export interface WrittenTensor {
  /** In the file. */
  name: string;
  shape: number[];
  from: string;
  to: string;
  bytes: number;
  /** How far its numbers moved, where they were quantised. */
  error: QuantizationError | null;
}

/** A tensor of the model, and where its numbers are. */
export interface TensorStep {
  /** In the checkpoint. */
  source: string;
  gguf: Renamed;
  shape: readonly number[];
}

/** A tensor to write, and the type that it has in the checkpoint. */
export type GgufTensor = TensorToWrite & { byteLength: number; from: string };

/** Brings tensors one after the other from a checkpoint into a GGUF file, on the compute threads. */
export class GgufTensors {
  readonly written: WrittenTensor[] = [];
  readonly overall = new ErrorSums();
  private readonly stream = new Stream();
  private readonly call: Call;

  constructor(
    private readonly source: CheckpointSource,
    private readonly type: MatrixType,
    private readonly counts: HeadCounts,
    signal: AbortSignal | undefined,
  ) {
    this.call = new Call(signal);
  }

  close(): void {
    this.call.end();
    this.stream.dispose();
  }

  /** What a step becomes, before a byte is read. */
  tensor(step: TensorStep): GgufTensor {
    const { name } = step.gguf;
    const { dtype: from } = this.source.info(step.source);
    const shape = this.shapeOf(step);
    const dtype = typeFor(name, shape, from, this.type);
    const byteLength = ggufByteLength(name, dtype, shape);
    const report = { name, shape, from, to: dtype, bytes: byteLength };
    return {
      name,
      dtype,
      shape,
      from,
      byteLength,
      bytes: () => new Uint8Array(), // writeInto stands in its place
      writeInto: async (descriptor, offset) => {
        const made = await this.make(step, dtype, shape);
        try {
          const size = shape.reduce((n, dim) => n * dim, 1);
          const error = made.errors && (await this.errorsOf(made.errors, size));
          await writeTensor(made.value, descriptor, offset, this.stream, this.call);
          this.written.push({ ...report, error });
        } finally {
          made.value.dispose();
          made.errors?.dispose();
        }
      },
    };
  }

  /** A tensor of another GGUF file that is no weight of the model, as it is. */
  asStored(opened: CheckpointSource, name: string): GgufTensor {
    const { dtype, shape, byteLength } = opened.info(name);
    const report = { name, shape, from: dtype, to: dtype, bytes: byteLength, error: null };
    const bytes = async (): Promise<Uint8Array> => {
      this.written.push(report);
      return opened.read(name, this.call.signal && { signal: this.call.signal });
    };
    return { name, dtype, shape, from: dtype, byteLength, bytes };
  }

  private shapeOf({ gguf, shape }: TensorStep): number[] {
    return gguf.layout === 'transposed' && shape.length === 2 ? [...shape].reverse() : [...shape];
  }

  private async make(
    step: TensorStep,
    dtype: TensorToWrite['dtype'],
    shape: readonly number[],
  ): Promise<{ value: Tensor; errors: Tensor | null }> {
    const stored = await storedTensor(this.source, step.source, { signal: this.call.signal });
    const arranged = arrangementOf(step.gguf.layout, step.shape, this.counts);
    return this.call.run(() =>
      this.stream.run(() =>
        scope(() => {
          const plain = stored.load(isBlockDType(dtype) ? 'float32' : (dtype as DType), null);
          const turned = arranged === null ? plain : reshape(reordered(plain, arranged), shape);
          if (!isReadBlock(dtype))
            return { value: arranged === null ? plain : cast(turned, dtype as DType), errors: null };
          const { blocks, errors } = quantize(turned, dtype);
          return { value: blocks, errors };
        }),
      ),
    );
  }

  private async errorsOf(errors: Tensor, elements: number): Promise<QuantizationError | null> {
    const { buffer, byteOffset, byteLength } = await copyBytes(errors, this.stream, this.call);
    const runs = new Float64Array(buffer, byteOffset, byteLength / 8);
    const own = new ErrorSums();
    for (const sums of [own, this.overall]) sums.add(runs, elements);
    return own.result();
  }
}

/** The type of a tensor: vectors, norms and positions stay float32, as llama.cpp has them. */
function typeFor(name: string, shape: readonly number[], from: string, type: MatrixType): StoredDType {
  if (shape.length < 2 || name.includes('_norm.') || name.startsWith('position_embd.')) return 'float32';
  if (type === null) return from === 'float16' || from === 'bfloat16' ? from : 'float32';
  if (!isBlockDType(type)) return type;
  // Rows that are no whole blocks of 256 take those of 32, and rows that are not even that stay numbers.
  const row = shape.at(-1) as number;
  if (row % blockOf(type).elements === 0) return type;
  return row % blockOf('Q8_0').elements === 0 ? 'Q8_0' : 'float16';
}

function reordered(x: Tensor, arranged: { dims: readonly number[]; axes: readonly number[] }): Tensor {
  const { dims, axes } = inverseOf(arranged);
  return permute(reshape(x, dims), axes);
}
