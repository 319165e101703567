/** Arrays of chunks that grow: an index block, then blocks of elements that double, the later ones behind blocks of blocks. */
import type { EachElement, Element } from './chunks';
import { type Fields, UNDEFINED } from './fields';
import { type MetadataReader, NOTHING, type Reading } from './metadata-reader';

/** Elements that are looked at before other work has its turn. */
const AT_ONCE = 4096;
const WHAT = 'an array of chunks';

interface Parameters {
  itemBytes: number;
  /** Bits of the largest index. */
  bits: number;
  inIndex: number;
  leastInBlock: number;
  leastPointers: number;
  perPage: number;
}

/** Walks the elements up to number `end`. */
export function* extensibleArray(
  reader: MetadataReader,
  address: number,
  element: Element,
  end: number,
  each: EachElement,
): Reading<void> {
  const { offset, length } = reader.widths;
  const header = yield* reader.summed(address, 16 + 6 * length + offset, WHAT);
  header.signed('EAHD').skip(1);
  const p: Parameters = {
    itemBytes: header.u8(),
    bits: header.u8(),
    inIndex: header.u8(),
    leastInBlock: header.u8(),
    leastPointers: header.u8(),
    perPage: 2 ** header.u8(),
  };
  const isPower = (n: number) => n > 0 && Number.isInteger(Math.log2(n));
  if (!isPower(p.leastInBlock) || !isPower(p.leastPointers) || p.itemBytes === 0 || p.bits > 64) {
    throw header.invalid('its blocks have no size');
  }
  const indexBlock = header.skip(6 * length).address();
  if (indexBlock === UNDEFINED) return;
  const direct = 2 * Math.log2(p.leastPointers);
  const supers = Math.max(1 + p.bits - Math.log2(p.leastInBlock) - direct, 0);
  const blockCount = 2 * (p.leastPointers - 1);
  const bytes = 6 + offset + p.inIndex * p.itemBytes + (blockCount + supers) * offset + 4;
  const block = yield* reader.summed(indexBlock, bytes, WHAT);
  block.signed('EAIB').skip(1 + offset);
  const eachWithin: EachElement = (index, found) => (index < end ? each(index, found) : NOTHING);
  let index = 0;
  for (; index < p.inIndex; index++) {
    const found = element(block.part(p.itemBytes));
    if (found) yield* eachWithin(index, found);
  }
  const blocks = Array.from({ length: blockCount }, () => block.address());
  const superBlocks = Array.from({ length: supers }, () => block.address());
  for (let level = 0; index < end; level++) {
    const { count, size } = blocksOf(level, p);
    if (level < direct) {
      for (const place of blocks.splice(0, count)) {
        if (place !== UNDEFINED && index < end) {
          yield* dataBlock(reader, p, place, size, null, element, index, eachWithin);
        }
        index += size;
      }
      continue;
    }
    const place = superBlocks[level - direct];
    if (place === undefined) throw header.invalid(`it has no place for element ${index}`);
    if (place !== UNDEFINED) {
      yield* superBlock(reader, p, place, count, size, element, index, end, eachWithin);
    }
    index += count * size;
  }
}

/** Blocks at a level: how many, and the elements of each. */
function blocksOf(level: number, p: Parameters) {
  return { count: 2 ** Math.floor(level / 2), size: 2 ** Math.floor((level + 1) / 2) * p.leastInBlock };
}

function* superBlock(
  reader: MetadataReader,
  p: Parameters,
  address: number,
  count: number,
  size: number,
  element: Element,
  first: number,
  end: number,
  each: EachElement,
): Reading<void> {
  const { offset } = reader.widths;
  const pages = size > p.perPage ? size / p.perPage : 0;
  const mapBytes = Math.ceil(pages / 8);
  const head = 6 + offset + Math.ceil(p.bits / 8);
  const block = yield* reader.summed(address, head + count * (mapBytes + offset) + 4, WHAT);
  block.signed('EASB').skip(1 + offset + Math.ceil(p.bits / 8));
  const maps = Array.from({ length: count }, () => block.take(mapBytes));
  for (let i = 0; i < count; i++) {
    const place = block.address();
    const index = first + i * size;
    if (place === UNDEFINED || index >= end) continue;
    yield* dataBlock(reader, p, place, size, pages > 0 ? (maps[i] as Buffer) : null, element, index, each);
  }
}

function* dataBlock(
  reader: MetadataReader,
  p: Parameters,
  address: number,
  size: number,
  made: Buffer | null,
  element: Element,
  first: number,
  each: EachElement,
): Reading<void> {
  const head = 6 + reader.widths.offset + Math.ceil(p.bits / 8);
  if (size <= p.perPage) {
    const block = yield* reader.summed(address, head + size * p.itemBytes + 4, WHAT);
    block.signed('EADB').skip(head - 5);
    yield* elements(block, p, element, first, size, each);
    return;
  }
  (yield* reader.summed(address, head + 4, WHAT)).signed('EADB');
  for (let page = 0; page < size / p.perPage; page++) {
    if (made && !((made[page >> 3] as number) & (0x80 >> (page & 7)))) continue;
    const place = address + head + 4 + page * (p.perPage * p.itemBytes + 4);
    const items = yield* reader.summed(place, p.perPage * p.itemBytes + 4, WHAT);
    yield* elements(items, p, element, first + page * p.perPage, p.perPage, each);
  }
}

function* elements(
  fields: Fields,
  p: Parameters,
  element: Element,
  first: number,
  size: number,
  each: EachElement,
): Reading<void> {
  for (let i = 0; i < size; i++) {
    if (i % AT_ONCE === AT_ONCE - 1) yield;
    const found = element(fields.part(p.itemBytes));
    if (found) yield* each(first + i, found);
  }
}
