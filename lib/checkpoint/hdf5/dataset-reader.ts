/** Reads the elements of a dataset, or a range of their bytes: little-endian, row-major, without gaps. */
import type { PinnedFile } from '../pinned-file';
import { type Chunk, findChunks } from './chunks';
import type { Dataset, Place } from './dataset';
import { unfiltered } from './filters';
import type { Fail } from './hdf5-fault';
import type { MetadataReader } from './metadata-reader';

type InChunks = Extract<Place, { kind: 'chunks' }>;
/** Bytes of chunks as they were before the filters that are kept, because ranges share chunks. */
const KEPT_BYTES = 32 * 2 ** 20;

export class DatasetReader {
  private chunksOf: { dataset: Dataset; rows: Promise<Map<number, Chunk[]>> } | null = null;
  private readonly kept = new Map<Chunk, Buffer>();
  private keptBytes = 0;

  constructor(
    private readonly file: PinnedFile,
    /** Reads the places of chunks. */
    private readonly metadata: (signal?: AbortSignal) => MetadataReader,
    private readonly fail: Fail,
  ) {}

  /** Fills `target` with the bytes from `start` on. */
  async readInto(dataset: Dataset, target: Buffer, start: number, signal?: AbortSignal): Promise<void> {
    if (target.byteLength === 0) return;
    const { item, isBigEndian } = dataset;
    // Whole elements, so that their bytes can be turned around.
    const from = isBigEndian ? start - (start % item) : start;
    const to = isBigEndian ? Math.ceil((start + target.byteLength) / item) * item : start + target.byteLength;
    const isExact = from === start && to === start + target.byteLength;
    const bytes = isExact ? target : Buffer.allocUnsafeSlow(to - from);
    if (dataset.place.kind === 'range') await this.file.readInto(bytes, dataset.place.offset + from, signal);
    else if (dataset.place.kind === 'chunks') await this.readChunks(dataset, dataset.place, bytes, from, signal);
    else fillWith(bytes, dataset.fill, from);
    if (isBigEndian) turn(bytes, dataset.dtype === 'complex64' ? 4 : item);
    if (!isExact) bytes.copy(target, 0, start - from);
  }

  private async readChunks(dataset: Dataset, place: InChunks, target: Buffer, start: number, signal?: AbortSignal) {
    const { shape, item, byteLength } = dataset;
    const rows = shape[0] as number;
    const rowBytes = byteLength / rows;
    const { chunk } = place.layout;
    const height = chunk[0] as number;
    const first = Math.floor(start / rowBytes / height);
    const last = Math.ceil((start + target.byteLength) / rowBytes / height);
    fillWith(target, dataset.fill, start);
    // The rows of chunks that the range touches and that were written, one after the other.
    for (const [row, chunks] of await this.rowsOf(dataset, place, signal)) {
      if (row < first || row >= last) continue;
      const top = row * height;
      const stripStart = top * rowBytes;
      const strip = Buffer.allocUnsafeSlow((Math.min(top + height, rows) - top) * rowBytes);
      fillWith(strip, dataset.fill, 0);
      const dims = [strip.byteLength / rowBytes, ...shape.slice(1)];
      for (const one of chunks) {
        const content = await this.content(dataset, place, one, signal);
        copyChunk(content, chunk, strip, dims, [0, ...one.at.slice(1)], item);
      }
      const from = Math.max(start - stripStart, 0);
      strip.copy(target, stripStart + from - start, from, start + target.byteLength - stripStart);
    }
  }

  private rowsOf(dataset: Dataset, place: InChunks, signal?: AbortSignal): Promise<Map<number, Chunk[]>> {
    if (this.chunksOf?.dataset !== dataset) {
      const rows = this.find(dataset, place, signal);
      this.chunksOf = { dataset, rows };
      rows.catch(() => {
        this.chunksOf = null;
      });
    }
    return this.chunksOf.rows;
  }

  /** The chunks by their rows. */
  private async find(dataset: Dataset, place: InChunks, signal?: AbortSignal): Promise<Map<number, Chunk[]>> {
    const { layout, maxDims, filters } = place;
    const grid = { layout, maxDims, dims: dataset.shape, isFiltered: filters.length > 0 };
    const metadata = this.metadata(signal);
    const found = new Map<string, Chunk>();
    const add = (one: Chunk) => {
      if (!one.at.every(Number.isInteger))
        throw this.fail('H5_INVALID', `the chunk at byte ${one.address} begins inside another`, one.address);
      if (one.at.some((at, i) => at * (layout.chunk[i] as number) >= (dataset.shape[i] as number))) return;
      metadata.checkRange(one.address, one.bytes, 'a chunk');
      found.set(one.at.join(), one);
    };
    await metadata.run(findChunks(metadata, grid, add));
    const rows = new Map<number, Chunk[]>();
    for (const one of found.values()) {
      const row = one.at[0] as number;
      const others = rows.get(row);
      if (others) others.push(one);
      else rows.set(row, [one]);
    }
    return rows;
  }

  private async content(dataset: Dataset, place: InChunks, chunk: Chunk, signal?: AbortSignal): Promise<Buffer> {
    const kept = this.kept.get(chunk);
    if (kept) return kept;
    const { layout, filters } = place;
    const stored = Buffer.allocUnsafeSlow(chunk.bytes);
    await this.file.readInto(stored, chunk.address, signal);
    const length = layout.chunk.reduce((product, dim) => product * dim, layout.item);
    const reachesOver = layout.chunk.some(
      (dim, i) => ((chunk.at[i] as number) + 1) * dim > (dataset.shape[i] as number),
    );
    const steps = layout.plainEdges && reachesOver ? [] : filters;
    const content = await unfiltered(stored, steps, chunk.mask, length, this.fail, chunk.address);
    this.keep(chunk, content);
    return content;
  }

  private keep(chunk: Chunk, content: Buffer): void {
    if (content.byteLength > KEPT_BYTES) return;
    this.kept.set(chunk, content);
    this.keptBytes += content.byteLength;
    for (const [old, bytes] of this.kept) {
      if (this.keptBytes <= KEPT_BYTES) return;
      this.kept.delete(old);
      this.keptBytes -= bytes.byteLength;
    }
  }
}

/** Fills `target`, which begins at byte `start` of the elements, with `element`; with zeros for null. */
function fillWith(target: Buffer, element: Buffer | null, start: number): void {
  if (element === null) target.fill(0);
  else {
    const shift = start % element.byteLength;
    target.fill(Buffer.concat([element.subarray(shift), element.subarray(0, shift)]));
  }
}

/** Turns the bytes of each element around. */
function turn(bytes: Buffer, item: number): void {
  if (item === 2) bytes.swap16();
  else if (item === 4) bytes.swap32();
  else if (item === 8) bytes.swap64();
}

/** Copies a chunk, which is the `at`-th along each dimension, to its place; what reaches over the edge is left out. */
function copyChunk(
  chunk: Buffer,
  chunkDims: readonly number[],
  target: Buffer,
  dims: readonly number[],
  at: readonly number[],
  item: number,
): void {
  const sizes = dims.map((dim, i) =>
    Math.min(chunkDims[i] as number, dim - (at[i] as number) * (chunkDims[i] as number)),
  );
  // Dimensions that the chunk fills whole are one run of bytes with the one outside of them.
  let inner = dims.length - 1;
  while (inner > 0 && chunkDims[inner] === dims[inner]) inner--;
  const stepsOf = (shape: readonly number[]) => {
    const steps = shape.map(() => item);
    for (let i = shape.length - 2; i >= 0; i--) steps[i] = (steps[i + 1] as number) * (shape[i + 1] as number);
    return steps;
  };
  const [fromSteps, toSteps] = [stepsOf(chunkDims), stepsOf(dims)];
  const run = (sizes[inner] as number) * (fromSteps[inner] as number);
  const corner = at.reduce((sum, n, i) => sum + n * (chunkDims[i] as number) * (toSteps[i] as number), 0);
  const copy = (depth: number, from: number, to: number): void => {
    if (depth === inner) {
      chunk.copy(target, to, from, from + run);
      return;
    }
    for (let i = 0; i < (sizes[depth] as number); i++) {
      copy(depth + 1, from + i * (fromSteps[depth] as number), to + i * (toSteps[depth] as number));
    }
  };
  copy(0, 0, corner);
}
