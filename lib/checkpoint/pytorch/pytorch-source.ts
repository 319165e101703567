import { constants } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ValueError } from '../../errors';
import { bitsOf, type PlainDType } from '../dtype';
import { quote } from '../fault';
import { gather, narrowed, type ReadStorage, type StridedView } from '../gather';
import type { PinnedFile } from '../pinned-file';
import { noTensor } from '../safetensors';
import type { CheckpointSource, ReadOptions, TensorInfo } from '../source';
import { pytorchFault } from './pytorch-fault';
import { checkSpread, type TensorExtent } from './state-dict';
import type { ZipMember } from './zip-member';

/** A tensor whose place has been checked. */
export interface PlacedTensor {
  dtype: PlainDType;
  shape: readonly number[];
  extent: TensorExtent;
  member: ZipMember;
}

/** An open PyTorch file in zip form. */
export class PyTorchSource implements CheckpointSource {
  readonly format = 'pytorch';
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string> = new Map();
  readonly indexMetadata: ReadonlyMap<string, unknown> = new Map();
  readonly parts: readonly CheckpointSource[] = [this];
  private readonly ordered: readonly string[];

  /** Use `openPyTorch`. */
  constructor(
    private readonly file: PinnedFile,
    private readonly tensors: ReadonlyMap<string, PlacedTensor>,
    readonly otherKeys: readonly string[],
    readonly forbidden: readonly string[] = [],
  ) {
    this.files = [file.path];
    this.ordered = [...tensors.keys()];
  }

  /** In the order of the state dict. */
  names(): readonly string[] {
    return this.ordered;
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { dtype, shape, extent, member } = this.tensor(name);
    return {
      dtype,
      shape: [...shape],
      file: this.file.path,
      byteOffset: member.offset + extent.begin,
      byteLength: extent.byteLength,
      storage: member.entry.name,
      ...(extent.strides && { strides: extent.strides }),
      ...(member.isDeflated && { compressed: true as const }),
    };
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const { byteLength } = this.tensor(name).extent;
    const { start = 0, end = byteLength, signal } = options;
    if (
      !(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end <= byteLength)
    ) {
      throw new ValueError(
        `read(${quote(name)}) got start ${start} and end ${end}; expected 0 ≤ start ≤ end ≤ ${byteLength}`,
      );
    }
    const bytes = await this.readRange(name, start, end, signal);
    await this.file.verify();
    return bytes;
  }

  descriptor(name: string): number {
    this.tensor(name);
    return this.file.descriptor;
  }

  verify(): Promise<void> {
    return this.file.verify();
  }

  close(): Promise<void> {
    return this.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async readRange(name: string, start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { dtype, shape, extent, member } = this.tensor(name);
    if (extent.strides === null) {
      const bytes = this.allocate(name, end - start);
      await member.readInto(bytes, extent.begin + start, signal);
      return bytes;
    }
    checkSpread(name, end - start, extent.end - extent.begin, (code, message, tensor) => {
      throw pytorchFault(code, this.file.path, message, { tensor });
    });
    const whole = { shape, strides: extent.strides, item: bitsOf(dtype) / 8, begin: extent.begin };
    const part = start === end ? null : narrowed(whole, start, end);
    if (part === null) return this.allocate(name, 0);
    const bytes = this.allocate(name, bytesOf(part.view));
    await gather(part.view, bytes, await this.storageOf(name, part.view, signal));
    const from = start - part.start;
    return end - start === bytes.byteLength ? bytes : bytes.slice(from, from + end - start);
  }

  /** How to read the storage behind a view: from the file, or from what the view touches of a deflated member. */
  private async storageOf(name: string, view: StridedView, signal?: AbortSignal): Promise<ReadStorage> {
    const { member } = this.tensor(name);
    if (!member.isDeflated) return (target, position) => member.readInto(target, position, signal);
    const last = view.shape.reduce((sum, size, i) => sum + (size - 1) * (view.strides[i] as number), 0);
    const inflated = this.allocate(name, (last + 1) * view.item);
    await member.readInto(inflated, view.begin, signal);
    return async (target, position) => {
      target.set(inflated.subarray(position - view.begin, position - view.begin + target.byteLength));
      await nextTurn();
    };
  }

  /** Memory of its own, so that any typed array can look at it. @throws CheckpointError `TENSOR_TOO_LARGE`. */
  private allocate(name: string, length: number): Uint8Array {
    if (length > constants.MAX_LENGTH) {
      throw pytorchFault(
        'TENSOR_TOO_LARGE',
        this.file.path,
        `${length} bytes of tensor ${quote(name)} do not fit one buffer (${constants.MAX_LENGTH}); read it in ranges`,
        { tensor: name },
      );
    }
    const { buffer } = Buffer.allocUnsafeSlow(length);
    return new Uint8Array(buffer, 0, length);
  }

  private tensor(name: string): PlacedTensor {
    const found = this.tensors.get(name);
    if (found === undefined) throw noTensor(name, this);
    return found;
  }
}

function bytesOf({ shape, item }: StridedView): number {
  return shape.reduce((bytes, size) => bytes * size, item);
}
