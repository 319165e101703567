/** The links of large groups and the attributes of objects that have many: they lie in a heap, and a tree lists them. */
import { btree2, type EachRecord } from './btree2';
import { type Fields, UNDEFINED } from './fields';
import { FractalHeap } from './fractal-heap';
import type { MetadataReader, Reading } from './metadata-reader';

/** Types of the trees that list them by their names. */
const LINKS = 5;
const ATTRIBUTES = 8;
/** An attribute's flag: its bytes lie in a table that several objects share. */
const SHARED = 2;

/** Walks the links that a message of 'link info' leads to. */
export function* denseLinks(reader: MetadataReader, info: Fields, each: EachRecord): Reading<void> {
  const places = placesOf(info, 8);
  if (places === null) return;
  const heap = yield* FractalHeap.open(reader, places.heap);
  yield* btree2(reader, places.names, [LINKS], function* (record) {
    yield* each(yield* heap.object(record.skip(4)));
  });
}

/** Walks the attributes that a message of 'attribute info' leads to. */
export function* denseAttributes(reader: MetadataReader, info: Fields, each: EachRecord): Reading<void> {
  const places = placesOf(info, 2);
  if (places === null) return;
  const heap = yield* FractalHeap.open(reader, places.heap);
  yield* btree2(reader, places.names, [ATTRIBUTES], function* (record) {
    const id = record.part(8);
    if (record.u8() & SHARED) throw record.unsupported('keeps an attribute in a table of shared messages');
    yield* each(yield* heap.object(id));
  });
}

/** @param countBytes - bytes of the number of those that were ever made, where it is kept */
function placesOf(info: Fields, countBytes: number): { heap: number; names: number } | null {
  const version = info.u8();
  if (version !== 0) throw info.unsupported(`has version ${version}`);
  if (info.u8() & 1) info.skip(countBytes);
  const [heap, names] = [info.address(), info.address()];
  return heap === UNDEFINED || names === UNDEFINED ? null : { heap, names };
}
