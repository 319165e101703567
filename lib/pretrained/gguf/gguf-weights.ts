import { bitsOf } from '../../checkpoint/dtype';
import { unreadable } from '../../checkpoint/fault';
import { rowMajor, type StridedView } from '../../checkpoint/gather';
import { blockOf, isBlockDType } from '../../checkpoint/gguf/block-types';
import { type GgufMetadata, ggufMetadata, numberOf, stringOf } from '../../checkpoint/gguf/gguf-values';
import type { Arrangement, CheckpointSource, TensorInfo } from '../../checkpoint/source';
import { NotImplementedError } from '../../errors';
import { warnOnce } from '../../logging';
import { type Renamed, RenamedSource } from '../dialects/renamed-source';
import { arrangementOf, ggufArchitectures, type HeadCounts, modelNameOf } from './names';

/** The factors of rotary frequencies, which llama.cpp applies and Transformers passes over. */
export const ROPE_FACTORS = 'rope_freqs.weight';

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

interface Named extends Renamed {
  shape: number[];
  arranged: Arrangement | null;
}

class GgufWeights extends RenamedSource<Named> {
  readonly otherKeys: readonly string[];
  readonly parts: readonly CheckpointSource[];

  constructor(inner: CheckpointSource, metadata: GgufMetadata) {
    super(inner);
    this.otherKeys = inner.otherKeys;
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

  info(name: string): TensorInfo {
    const { stored, shape, arranged } = this.tensor(name);
    return { ...this.inner.info(stored), shape: [...shape], ...(arranged && { arranged }) };
  }

  protected viewOf(name: string, { stored, arranged }: Named): StridedView | null {
    if (arranged === null) return null;
    const { dims, item } = unitsOf(name, this.inner.info(stored).dtype, arranged);
    const apart = rowMajor(dims);
    return {
      shape: arranged.axes.map((axis) => dims[axis] as number),
      strides: arranged.axes.map((axis) => apart[axis] as number),
      item,
      begin: 0,
    };
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
