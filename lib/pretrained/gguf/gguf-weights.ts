import { bitsOf } from '../../checkpoint/dtype';
import { unreadable } from '../../checkpoint/fault';
import { gather, narrowed } from '../../checkpoint/gather';
import { blockOf, isBlockDType } from '../../checkpoint/gguf/block-types';
import { ggufMetadata } from '../../checkpoint/gguf/gguf';
import { type GgufMetadata, numberOf, stringOf } from '../../checkpoint/gguf/gguf-values';
import { noTensor } from '../../checkpoint/safetensors';
import type { Arrangement, CheckpointSource, ReadOptions, TensorInfo } from '../../checkpoint/source';
import { NotImplementedError } from '../../errors';
import { warnOnce } from '../../logging';
import { arrangementOf, ggufArchitectures, type HeadCounts, modelNameOf } from './names';

/** The factors of rotary frequencies, which llama.cpp applies and Transformers passes over. */
const ROPE_FACTORS = 'rope_freqs.weight';

/** A GGUF checkpoint under PyTorch's names. Nothing is moved before it is read. @param inner - is closed with this */
export function ggufWeights(inner: CheckpointSource): CheckpointSource {
  return new GgufWeights(inner, ggufMetadata(inner) as GgufMetadata);
}

/** The architecture that a file names. @throws NotImplementedError when its weights cannot be named */
export function architectureOf(metadata: GgufMetadata, file: string): string {
  const architecture = stringOf(metadata, 'general.architecture');
  if (architecture === undefined)
    throw unreadable(
      'METADATA_INVALID',
      file,
      'its metadata names no general.architecture, so nobody can say what it is',
    );
  if (ggufArchitectures.includes(architecture)) return architecture;
  throw new NotImplementedError(
    `'${file}' is a GGUF file of architecture '${architecture}', which is not supported; ` +
      `${ggufArchitectures.join(', ')} are`,
    { code: 'ERR_MODEL_TYPE' },
  );
}

function headCounts(metadata: GgufMetadata, architecture: string, file: string): HeadCounts {
  const heads = numberOf(metadata, `${architecture}.attention.head_count`);
  if (heads === undefined || heads < 1)
    throw unreadable('METADATA_INVALID', file, `its metadata has no number ${architecture}.attention.head_count`);
  const kv_heads = numberOf(metadata, `${architecture}.attention.head_count_kv`) ?? heads;
  if (kv_heads < 1)
    throw unreadable('METADATA_INVALID', file, `its ${architecture}.attention.head_count_kv is ${kv_heads}`);
  return { heads, kv_heads };
}

interface Named {
  stored: string;
  shape: number[];
  arranged: Arrangement | null;
}

class GgufWeights implements CheckpointSource {
  readonly format: string;
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly indexMetadata: ReadonlyMap<string, unknown>;
  readonly otherKeys: readonly string[];
  readonly forbidden: readonly string[];
  readonly parts: readonly CheckpointSource[];
  private readonly tensors = new Map<string, Named>();

  constructor(
    private readonly inner: CheckpointSource,
    metadata: GgufMetadata,
  ) {
    this.format = inner.format;
    this.files = inner.files;
    this.metadata = inner.metadata;
    this.indexMetadata = inner.indexMetadata;
    this.otherKeys = inner.otherKeys;
    this.forbidden = inner.forbidden;
    this.parts = inner.parts;
    const file = inner.files[0] as string;
    const architecture = architectureOf(metadata, file);
    const counts = headCounts(metadata, architecture, file);
    for (const stored of inner.names()) {
      if (stored === ROPE_FACTORS) {
        warnOnce(
          `'${file}' holds ${ROPE_FACTORS}, factors of its rotary frequencies, which llama.cpp applies and Transformers ` +
            'does not; texts longer than the model was first trained for come out as in Transformers',
        );
        continue;
      }
      const found = modelNameOf(architecture, stored);
      this.tensors.set(found?.name ?? stored, this.named(stored, found?.layout ?? null, counts));
    }
  }

  private named(stored: string, layout: Parameters<typeof arrangementOf>[0], counts: HeadCounts): Named {
    const found = this.inner.info(stored).shape;
    const shape = layout === 'transposed' && found.length === 2 ? [...found].reverse() : found;
    return { stored, shape, arranged: arrangementOf(layout, shape, counts) };
  }

  names(): readonly string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { stored, shape, arranged } = this.tensor(name);
    return { ...this.inner.info(stored), shape: [...shape], ...(arranged && { arranged }) };
  }

  async read(name: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const { stored, arranged } = this.tensor(name);
    const { dtype, byteLength } = this.inner.info(stored);
    const { start = 0, end = byteLength, signal } = options;
    if (arranged === null || start >= end) return this.inner.read(stored, options);
    const { dims, item } = unitsOf(name, dtype, arranged);
    const apart = rowMajor(dims);
    const whole = {
      shape: arranged.axes.map((axis) => dims[axis] as number),
      strides: arranged.axes.map((axis) => apart[axis] as number),
      item,
      begin: 0,
    };
    const part = narrowed(whole, start, end);
    const bytes = new Uint8Array(part.view.shape.reduce((n, size) => n * size, item));
    await gather(part.view, bytes, async (target, position) => {
      const range = { start: position, end: position + target.byteLength, ...(signal && { signal }) };
      target.set(await this.inner.read(stored, range));
    });
    return bytes.slice(start - part.start, end - part.start);
  }

  descriptor(name: string): number {
    return this.inner.descriptor(this.tensor(name).stored);
  }

  verify(): Promise<void> {
    return this.inner.verify();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private tensor(name: string): Named {
    const found = this.tensors.get(name);
    if (found === undefined) throw noTensor(name, this);
    return found;
  }
}

/** What is moved when a tensor is read as PyTorch arranges it: its elements, or the bytes of whole rows of blocks. */
function unitsOf(
  name: string,
  dtype: TensorInfo['dtype'],
  { dims, axes }: Arrangement,
): { dims: readonly number[]; item: number } {
  if (!isBlockDType(dtype)) return { dims, item: bitsOf(dtype) / 8 };
  const last = dims.length - 1;
  if (axes[last] !== last)
    throw new NotImplementedError(
      `'${name}' is stored as blocks of ${dtype}, transposed, which only exist as numbers the other way round; load it`,
      { code: 'UNSUPPORTED_LAYOUT' },
    );
  const { elements, bytes } = blockOf(dtype);
  return { dims: [...dims.slice(0, last), ((dims[last] as number) / elements) * bytes], item: 1 };
}

function rowMajor(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] as number) * (dims[i + 1] as number);
  return strides;
}
