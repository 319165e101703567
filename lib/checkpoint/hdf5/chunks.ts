/** Finds the chunks of a dataset: every way in which HDF5 keeps their places. */
import { btree1 } from './btree1';
import { btree2 } from './btree2';
import { extensibleArray } from './extensible-array';
import { type Fields, UNDEFINED } from './fields';
import { fixedArray } from './fixed-array';
import type { ChunkedLayout } from './layout';
import { type MetadataReader, NOTHING, type Reading } from './metadata-reader';

/** A chunk that was written. */
export interface Chunk {
  /** Which one it is along each dimension. */
  at: number[];
  address: number;
  /** Bytes in the file. */
  bytes: number;
  /** Bit i: filter i was left out. */
  mask: number;
}

/** What is needed to find chunks. */
export interface ChunkGrid {
  layout: ChunkedLayout;
  dims: readonly number[];
  maxDims: readonly number[];
  isFiltered: boolean;
}

/** Reads an element of an array of places: an address and, where chunks are filtered, their bytes and mask. */
export type Element = (fields: Fields) => Omit<Chunk, 'at'> | null;

/** Is given each element that was written, and its number. */
export type EachElement = (index: number, found: Omit<Chunk, 'at'>) => Iterable<void>;

/** Chunks of a dataset: each is an object of some hundred bytes while the dataset is read. */
const MOST_CHUNKS = 4_000_000;
/** Places of chunks that are looked at before other work has its turn. */
const AT_ONCE = 4096;

/** Gives every chunk that was written to `add`. */
export function* findChunks(reader: MetadataReader, grid: ChunkGrid, add: (chunk: Chunk) => void): Reading<void> {
  let seen = 0;
  yield* placesOf(reader, grid, function* (chunk) {
    if (++seen > MOST_CHUNKS) throw reader.fail('H5_TOO_LARGE', `a dataset has more than ${MOST_CHUNKS} chunks`);
    if (seen % AT_ONCE === 0) yield;
    add(chunk);
  });
}

function* placesOf(reader: MetadataReader, grid: ChunkGrid, each: (chunk: Chunk) => Iterable<void>): Reading<void> {
  const { layout, dims, isFiltered } = grid;
  const { address, index } = layout;
  if (address === UNDEFINED || dims.includes(0)) return;
  const chunkBytes = layout.chunk.reduce((product, dim) => product * dim, layout.item);
  const element: Element = (fields) => {
    const place = fields.address();
    const bytes = isFiltered ? fields.uint(layout.sizeBytes) : chunkBytes;
    const mask = isFiltered ? fields.u32() : 0;
    return place === UNDEFINED ? null : { address: place, bytes, mask };
  };
  switch (index.kind) {
    case 'single':
      yield* each({ at: dims.map(() => 0), address, bytes: index.bytes ?? chunkBytes, mask: index.mask });
      return;
    case 'btree1':
      yield* btree1(reader, address, 1, 8 + 8 * (layout.chunk.length + 1), (key, child) => {
        const [bytes, mask] = [key.u32(), key.u32()];
        return each({ at: layout.chunk.map((size) => key.u64() / size), address: child, bytes, mask });
      });
      return;
    case 'btree2':
      yield* btree2(reader, address, [10, 11], (record) => {
        const found = element(record);
        return found ? each({ at: layout.chunk.map(() => record.u64()), ...found }) : NOTHING;
      });
      return;
    case 'implicit': {
      const places = new Places(grid);
      reader.checkRange(address, places.end * chunkBytes, 'the chunks of a dataset');
      for (let i = 0; i < places.end; i++) {
        if (i % AT_ONCE === AT_ONCE - 1) yield;
        const at = places.at(i);
        if (at) yield* each({ at, address: address + i * chunkBytes, bytes: chunkBytes, mask: 0 });
      }
      return;
    }
    default: {
      const places = new Places(grid);
      const array = index.kind === 'fixed' ? fixedArray : extensibleArray;
      yield* array(reader, address, element, places.end, (i, found) => {
        const at = places.at(i);
        return at ? each({ at, ...found }) : NOTHING;
      });
    }
  }
}

/** Which chunk a number in an array stands for: row by row, and a dimension without end comes first. */
class Places {
  /** The number behind the last chunk. */
  readonly end: number;
  private readonly counts: readonly number[];
  /** Dimensions, the one that changes slowest first. */
  private readonly order: number[];
  private readonly steps: number[];

  constructor({ layout, dims, maxDims }: ChunkGrid) {
    const chunksIn = (dim: number, i: number) => Math.ceil(dim / (layout.chunk[i] as number));
    this.counts = dims.map(chunksIn);
    const endless = layout.index.kind === 'extensible' ? maxDims.indexOf(UNDEFINED) : -1;
    this.order = maxDims.map((_, i) => i);
    if (endless > 0) this.order.unshift(...this.order.splice(endless, 1));
    const most = maxDims.map((dim, i) => (dim === UNDEFINED ? (this.counts[i] as number) : chunksIn(dim, i)));
    this.steps = this.order.map(() => 1);
    for (let i = this.steps.length - 2; i >= 0; i--) {
      this.steps[i] = (this.steps[i + 1] as number) * (most[this.order[i + 1] as number] as number);
    }
    this.end =
      1 + this.order.reduce((sum, dim, i) => sum + ((this.counts[dim] as number) - 1) * (this.steps[i] as number), 0);
  }

  /** Null for a chunk that lies outside of the dataset as it is now. */
  at(index: number): number[] | null {
    const at = this.counts.map(() => 0);
    let rest = index;
    for (const [i, dimension] of this.order.entries()) {
      const step = this.steps[i] as number;
      at[dimension] = Math.floor(rest / step);
      rest %= step;
      if ((at[dimension] as number) >= (this.counts[dimension] as number)) return null;
    }
    return at;
  }
}
