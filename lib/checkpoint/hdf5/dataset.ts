/** What a dataset is and where its elements lie, from the messages in its header. */
import type { PlainDType } from '../dtype';
import type { HeaderLimits } from '../header-limits';
import { elementsOf, readDataspace } from './dataspace';
import { type Datatype, readDatatype } from './datatype';
import { type Fields, UNDEFINED } from './fields';
import type { Filter } from './filters';
import { type ChunkedLayout, readLayout } from './layout';
import type { MetadataReader } from './metadata-reader';
import { MESSAGE, type Message, type ObjectHeader, readObjectHeader } from './object-header';
import { filterReader } from './rare';

/** A dataset whose elements weights can have. */
export interface Dataset {
  /** Where its header lies; datasets with the same are one. */
  header: number;
  dtype: PlainDType;
  shape: number[];
  item: number;
  byteLength: number;
  isBigEndian: boolean;
  place: Place;
  /** One element, for those that were never written; null for zero. */
  fill: Buffer | null;
}

/** Where the elements lie: side by side, in chunks, or nowhere, when none was written. */
export type Place =
  | { kind: 'range'; offset: number }
  | { kind: 'chunks'; layout: ChunkedLayout; maxDims: number[]; filters: Filter[] }
  | { kind: 'unwritten' };

/** What a load refuses. */
export interface Refusal {
  code: 'H5_EXTERNAL_REFUSED' | 'H5_UNSUPPORTED';
  what: string;
}

/** Elements may be so many times larger than the file (deflate cannot do more), and anything below the second bound. */
const MOST_SPREAD = 1100;
const SMALL_BYTES = 64 * 2 ** 20;

/**
 * What the header of a dataset says, as a piece of work.
 * @returns null for elements that no weight has, such as texts
 */
export function readDataset(
  reader: MetadataReader,
  header: ObjectHeader,
  limits: HeaderLimits,
): Dataset | Refusal | null {
  if (header.has(MESSAGE.externalFiles))
    return { code: 'H5_EXTERNAL_REFUSED', what: 'keeps its elements in other files' };
  const space = readDataspace(bodyOf(header, MESSAGE.dataspace, reader), limits);
  const type = readDatatype(bodyOf(header, MESSAGE.datatype, reader));
  const layoutFields = bodyOf(header, MESSAGE.layout, reader);
  const layout = readLayout(layoutFields);
  if (layout.kind === 'virtual') return { code: 'H5_EXTERNAL_REFUSED', what: 'is put together from other datasets' };
  if (type.dtype === null || space.isNull) return null;
  const { dtype, size: item, isBigEndian } = type;
  const byteLength = elementsOf(space) * item;
  if (byteLength > SMALL_BYTES && byteLength > reader.file.size * MOST_SPREAD) {
    const message = `a dataset of [${space.dims}] ${dtype} claims ${byteLength} bytes in a file of ${reader.file.size}`;
    throw reader.fail('BUDGET_EXCEEDED', message, header.address);
  }
  const fill = fillOf(header, type, reader);
  const placed = (place: Place): Dataset => {
    return { header: header.address, dtype, shape: space.dims, item, byteLength, isBigEndian, place, fill };
  };
  if (layout.kind === 'chunked') {
    const filtersIn = header.find(MESSAGE.filters);
    const filters = filtersIn ? filterReader().readFilters(unshared(filtersIn, reader)) : [];
    const unknown = filters.map((filter) => filterReader().unknownFilter(filter)).find((name) => name !== null);
    if (unknown)
      return {
        code: 'H5_UNSUPPORTED',
        what: `is written through ${unknown}; only deflate, shuffle and fletcher32 are read`,
      };
    if (layout.chunk.length !== space.dims.length || layout.item !== item) {
      throw layoutFields.invalid(`chunks of [${layout.chunk}] are not for elements of [${space.dims}]`);
    }
    const isWhole = layout.index.kind === 'single' && layout.chunk.every((dim, i) => dim === space.dims[i]);
    if (!(isWhole && filters.length === 0 && layout.address !== UNDEFINED)) {
      return placed({ kind: 'chunks', layout, maxDims: space.maxDims, filters });
    }
    return placed(rangeOf(reader, layout.address, byteLength));
  }
  if (layout.kind === 'contiguous' && layout.address === UNDEFINED) {
    return placed({ kind: 'unwritten' });
  }
  const stored = layout.length ?? byteLength;
  if (stored !== byteLength) {
    const message = `a dataset of [${space.dims}] ${dtype} needs ${byteLength} bytes and has ${stored}`;
    throw reader.fail('SIZE_MISMATCH', message, header.address);
  }
  return placed(rangeOf(reader, layout.address, byteLength));
}

function rangeOf(reader: MetadataReader, offset: number, byteLength: number): Place {
  if (offset + byteLength <= reader.file.size) return { kind: 'range', offset };
  const message = `a dataset has ${byteLength} bytes at ${offset}, and the file has ${reader.file.size}: it is truncated`;
  throw reader.fail('TENSOR_OUT_OF_RANGE', message, offset);
}

function bodyOf(header: ObjectHeader, type: number, reader: MetadataReader): Fields {
  const message = header.find(type);
  if (message) return unshared(message, reader);
  throw reader.fail(
    'H5_INVALID',
    `the object at byte ${header.address} has no message ${type}, as datasets have`,
    header.address,
  );
}

/** The body of a message; where that is a committed type, from the header of that. */
function unshared({ fields, isShared, type }: Message, reader: MetadataReader): Fields {
  fields.again();
  if (!isShared) return fields;
  const [version, kind] = [fields.u8(), fields.u8()];
  const isHeap = version === 3 && kind === 1;
  if (type !== MESSAGE.datatype || version > 3 || version < 1 || isHeap)
    throw fields.unsupported('is kept in a table of shared messages');
  if (version === 1) fields.skip(6);
  const committed = readObjectHeader(reader, fields.address()).find(MESSAGE.datatype);
  if (committed === undefined || committed.isShared) throw fields.invalid('the type that it names is none');
  return committed.fields;
}

function fillOf(header: ObjectHeader, { size }: Datatype, reader: MetadataReader): Buffer | null {
  const message = header.find(MESSAGE.fill);
  const old = header.find(MESSAGE.oldFill);
  let value: Buffer | null = null;
  if (message && !message.isShared) value = fillValue(message.fields);
  else if (message) throw message.fields.unsupported('is kept in a table of shared messages');
  if (value === null && old && !old.isShared) value = old.fields.take(old.fields.u32());
  if (value === null || value.every((byte) => byte === 0)) return null;
  if (value.byteLength === size) return Buffer.from(value);
  throw reader.fail('H5_INVALID', `a fill value has ${value.byteLength} bytes and an element ${size}`, header.address);
}

function fillValue(fields: Fields): Buffer | null {
  const version = fields.u8();
  if (version < 1 || version > 3) throw fields.unsupported(`has version ${version}`);
  if (version === 3) return fields.u8() & 0x20 ? fields.take(fields.u32()) : null;
  const isDefined = fields.skip(2).u8() !== 0;
  return isDefined || version === 1 ? fields.take(fields.u32()) : null;
}
