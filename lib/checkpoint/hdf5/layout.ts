/** Where the elements of a dataset lie. */
import { type Fields, UNDEFINED } from './fields';

/** How the chunks of a dataset are found. */
export type ChunkIndex =
  | { kind: 'btree1' }
  | { kind: 'single'; bytes: number | null; mask: number }
  | { kind: 'implicit' }
  | { kind: 'fixed' }
  | { kind: 'extensible' }
  | { kind: 'btree2' };

/** Elements in blocks of one shape. */
export interface ChunkedLayout {
  kind: 'chunked';
  /** Where the index lies, or `UNDEFINED` when no chunk was written. */
  address: number;
  /** Shape of a chunk. */
  chunk: number[];
  /** Bytes of an element, as the layout states them. */
  item: number;
  index: ChunkIndex;
  /** Whether chunks that reach over the edge are stored as they are, filters or not. */
  plainEdges: boolean;
  /** Bytes of the number that says how many bytes a filtered chunk has. */
  sizeBytes: number;
}

export type Layout =
  | { kind: 'compact'; address: number; length: number }
  | { kind: 'contiguous'; address: number; length: number | null }
  | ChunkedLayout
  | { kind: 'virtual' };

export function readLayout(fields: Fields): Layout {
  const version = fields.u8();
  if (version === 1 || version === 2) return oldLayout(fields);
  if (version < 3 || version > 5) throw fields.unsupported(`has version ${version}`);
  const kind = fields.u8();
  if (kind === 0) {
    const length = fields.u16();
    const address = fields.place + fields.at;
    fields.skip(length);
    return { kind: 'compact', address, length };
  }
  if (kind === 1) return { kind: 'contiguous', address: fields.address(), length: fields.length() };
  if (kind === 2) return version === 3 ? chunked3(fields) : chunked4(fields, version);
  if (kind === 3) return { kind: 'virtual' };
  throw fields.unsupported(`is of class ${kind}`);
}

function oldLayout(fields: Fields): Layout {
  const [rank, kind] = [fields.u8(), fields.u8()];
  fields.skip(5);
  const address = kind === 0 ? UNDEFINED : fields.address();
  const dims = Array.from({ length: rank }, () => fields.u32());
  if (kind === 1) return { kind: 'contiguous', address, length: null };
  if (kind === 2) {
    return checked(fields, {
      kind: 'chunked',
      address,
      chunk: dims.slice(0, -1),
      item: dims.at(-1) ?? 0,
      index: { kind: 'btree1' },
      plainEdges: false,
      sizeBytes: 4,
    });
  }
  if (kind !== 0) throw fields.unsupported(`is of class ${kind}`);
  const length = fields.u32();
  const place = fields.place + fields.at;
  fields.skip(length);
  return { kind: 'compact', address: place, length };
}

function chunked3(fields: Fields): ChunkedLayout {
  const rank = fields.u8();
  const address = fields.address();
  const dims = Array.from({ length: rank }, () => fields.u32());
  const [chunk, item] = [dims.slice(0, -1), dims.at(-1) ?? 0];
  return checked(fields, {
    kind: 'chunked',
    address,
    chunk,
    item,
    index: { kind: 'btree1' },
    plainEdges: false,
    sizeBytes: 4,
  });
}

function chunked4(fields: Fields, version: number): ChunkedLayout {
  const [flags, rank, width] = [fields.u8(), fields.u8(), fields.u8()];
  if (width < 1 || width > 8) throw fields.invalid(`its dimensions have ${width} bytes`);
  const dims = Array.from({ length: rank }, () => fields.uint(width));
  const [chunk, item] = [dims.slice(0, -1), dims.at(-1) ?? 0];
  const index = indexOf(fields, flags);
  const bytes = dims.reduce((product, dim) => product * dim, 1);
  const enough = 1 + Math.floor((Math.floor(Math.log2(Math.max(bytes, 1))) + 8) / 8);
  return checked(fields, {
    kind: 'chunked',
    address: fields.address(),
    chunk,
    item,
    index,
    plainEdges: (flags & 1) !== 0,
    sizeBytes: version === 5 ? fields.widths.length : Math.min(enough, 8),
  });
}

function indexOf(fields: Fields, flags: number): ChunkIndex {
  const kind = fields.u8();
  switch (kind) {
    case 1:
      return flags & 2
        ? { kind: 'single', bytes: fields.length(), mask: fields.u32() }
        : { kind: 'single', bytes: null, mask: 0 };
    case 2:
      return { kind: 'implicit' };
    case 3:
      fields.skip(1);
      return { kind: 'fixed' };
    case 4:
      fields.skip(5);
      return { kind: 'extensible' };
    case 5:
      fields.skip(6);
      return { kind: 'btree2' };
    default:
      throw fields.unsupported(`has a chunk index of kind ${kind}`);
  }
}

/** The bytes of a chunk are counted with 32 bits, in version 5 of the layout with 64. */
const MOST_CHUNK_BYTES = 2 ** 40;

function checked(fields: Fields, layout: ChunkedLayout): ChunkedLayout {
  const bytes = layout.chunk.reduce((product, dim) => product * dim, layout.item);
  if (bytes > 0 && bytes <= MOST_CHUNK_BYTES) return layout;
  throw fields.invalid(`its chunks of [${layout.chunk}] elements of ${layout.item} bytes are empty or too large`);
}
