import type { EachElement, Element } from './chunks';
import { UNDEFINED } from './fields';
import type { MetadataReader, Reading } from './metadata-reader';

/** Elements that are looked at before other work has its turn. */
const AT_ONCE = 4096;

/** Walks the elements up to number `end` of an array whose length was known when it was made. */
export function* fixedArray(
  reader: MetadataReader,
  address: number,
  element: Element,
  end: number,
  each: EachElement,
): Reading<void> {
  const { offset, length } = reader.widths;
  const what = 'an array of chunks';
  const header = yield* reader.summed(address, 12 + length + offset, what);
  const [, itemBytes, pageBits] = [header.signed('FAHD').u8(), header.u8(), header.u8()];
  const [count, block] = [header.length(), header.address()];
  if (pageBits > 32 || itemBytes === 0) throw header.invalid(`its pages have 2^${pageBits} elements`);
  if (end > count) throw header.invalid(`it has ${count} elements, and the dataset needs ${end}`);
  if (block === UNDEFINED) return;
  const perPage = 2 ** pageBits;
  const isPaged = count > perPage;
  const pages = Math.ceil(count / perPage);
  const headBytes = 6 + offset + (isPaged ? Math.ceil(pages / 8) : 0);
  const head = yield* reader.fields(block, headBytes + 4, what);
  head.signed('FADB').skip(1 + offset);
  const made = isPaged ? head.take(Math.ceil(pages / 8)) : null;
  for (let page = 0; page < (isPaged ? pages : 1); page++) {
    const first = page * perPage;
    if (first >= end) return;
    const size = isPaged ? Math.min(perPage, count - first) : count;
    if (made && !((made[page >> 3] as number) & (0x80 >> (page & 7)))) continue;
    const place = block + headBytes + (isPaged ? 4 + page * (perPage * itemBytes + 4) : 0);
    const items = isPaged
      ? yield* reader.summed(place, size * itemBytes + 4, what)
      : (yield* reader.summed(block, headBytes + size * itemBytes + 4, what)).skip(headBytes);
    for (let i = 0; i < size; i++) {
      if (i % AT_ONCE === AT_ONCE - 1) yield;
      const found = element(items.part(itemBytes));
      if (found && first + i < end) yield* each(first + i, found);
    }
  }
}
