import { bitsOf } from '../../checkpoint/dtype';
import { unreadable } from '../../checkpoint/fault';
import { rowMajor, type StridedView } from '../../checkpoint/gather';
import { blockOf, isBlockDType } from '../../checkpoint/gguf/block-types';
import { type GgufMetadata, ggufMetadata, numberOf, stringOf } from '../../checkpoint/gguf/gguf-values';
import type { Arrangement, CheckpointSource, TensorInfo } from '../../checkpoint/source';
import { NotImplementedError } from '../../errors';
import { warnOnce } from '../../logging';
import { type Steps, visitInSteps } from '../../turns';
import { type Renamed, RenamedSource } from '../dialects/renamed-source';
import { arrangementOf, ggufArchitectures, type HeadCounts, modelNameOf } from './names';

/** The factors of rotary frequencies, which llama.cpp applies and Transformers passes over. */
export const ROPE_FACTORS = 'rope_freqs.weight';

/** A GGUF checkpoint under PyTorch's names. Nothing is moved before it is read. @param inner - is closed with the result */
export function* ggufWeights(inner: CheckpointSource): Steps<CheckpointSource> {
  const metadata = ggufMetadata(inner) as GgufMetadata;
  const file = inner.files[0] as string;
  const architecture = architectureOf(metadata, file);
  const counts = headCounts(metadata, architecture, file);
  const tensors = new Map<string, Named>();
  yield* visitInSteps(inner.names(), (stored) => {
    if (stored === ROPE_FACTORS) {
      warnOnce(
        `'${file}' holds ${ROPE_FACTORS}, factors of its rotary frequencies, which llama.cpp applies and Transformers ` +
          'does not; texts longer than the model was first trained for come out as in Transformers',
      );
      return;
    }
    const found = modelNameOf(architecture, stored);
    tensors.set(found?.name ?? stored, { stored, layout: found?.layout ?? null });
  });
  return new GgufWeights(inner, tensors, counts);
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
  layout: Parameters<typeof arrangementOf>[0];
}

class GgufWeights extends RenamedSource<Named> {
  readonly otherKeys: readonly string[];
  readonly parts: readonly CheckpointSource[];

  constructor(
    inner: CheckpointSource,
    tensors: ReadonlyMap<string, Named>,
    private readonly counts: HeadCounts,
  ) {
    super(inner, tensors);
    this.otherKeys = inner.otherKeys;
    this.parts = inner.parts;
  }

  info(name: string): TensorInfo {
    const { stored, layout } = this.tensor(name);
    const info = this.inner.info(stored);
    const shape = layout === 'transposed' && info.shape.length === 2 ? [...info.shape].reverse() : info.shape;
    const arranged = arrangementOf(layout, shape, this.counts);
    return { ...info, shape, ...(arranged && { arranged }) };
  }

  protected viewOf(name: string): StridedView | null {
    const { dtype, arranged } = this.info(name);
    if (arranged === undefined) return null;
    const { dims, item } = unitsOf(name, dtype, arranged);
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
