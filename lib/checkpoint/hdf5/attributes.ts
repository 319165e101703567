import type { HeaderLimits } from '../header-limits';
import { type AttributeValue, readAttribute } from './attribute';
import { btree2, type EachRecord } from './btree2';
import { type Fields, UNDEFINED } from './fields';
import { FractalHeap } from './fractal-heap';
import type { GlobalHeaps } from './global-heap';
import type { MetadataReader, Reading } from './metadata-reader';
import { MESSAGE, type ObjectHeader } from './object-header';

/** What groups without attributes share: most have none. */
const NONE: ReadonlyMap<string, AttributeValue> = new Map();

/** The attributes of an object: in its header, or, where there are many, in a heap. */
export function* readAttributes(
  reader: MetadataReader,
  header: ObjectHeader,
  heaps: GlobalHeaps,
  limits: HeaderLimits,
): Reading<ReadonlyMap<string, AttributeValue>> {
  const info = header.find(MESSAGE.attributeInfo)?.fields;
  if (info === undefined && header.find(MESSAGE.attribute) === undefined) return NONE;
  const found = new Map<string, AttributeValue>();
  const add: EachRecord = function* (fields) {
    const { name, value } = yield* readAttribute(fields, heaps, limits);
    if (found.has(name)) throw fields.fail('DUPLICATE_NAME', `two attributes are called '${name}'`, fields.place);
    found.set(name, value);
    if (found.size > limits.metadataEntries) throw fields.fail('H5_TOO_LARGE', 'an object has too many attributes');
  };
  for (const { type, fields, isShared } of header.messages) {
    if (type !== MESSAGE.attribute) continue;
    if (isShared) throw fields.unsupported('is kept in a table of shared messages');
    yield* add(fields);
  }
  if (info) yield* denseAttributes(reader, info, add);
  return found;
}

function* denseAttributes(reader: MetadataReader, info: Fields, each: EachRecord): Reading<void> {
  const version = info.u8();
  if (version !== 0) throw info.unsupported(`has version ${version}`);
  if (info.u8() & 1) info.skip(2);
  const [heapAt, namesAt] = [info.address(), info.address()];
  if (heapAt === UNDEFINED || namesAt === UNDEFINED) return;
  const heap = yield* FractalHeap.open(reader, heapAt);
  yield* btree2(reader, namesAt, [8], function* (record) {
    const id = record.part(8);
    if (record.u8() & 2) throw record.unsupported('keeps an attribute in a table of shared messages');
    yield* each(yield* heap.object(id));
  });
}

/**
 * The texts of an attribute that Keras may have cut into `name0`, `name1` …, because an attribute holds 64 KB. Null when
 * it is not there; an empty list is stored as numbers, and none of them.
 */
export function textsOf(attributes: ReadonlyMap<string, AttributeValue>, name: string): string[] | null {
  const whole = attributes.get(name);
  if (whole !== undefined) return textList(whole);
  if (!attributes.has(`${name}0`)) return null;
  const texts: string[] = [];
  for (let i = 0; attributes.has(`${name}${i}`); i++) {
    const part = textList(attributes.get(`${name}${i}`) ?? null);
    if (part === null) return null;
    texts.push(...part);
  }
  return texts;
}

function textList(value: AttributeValue): string[] | null {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return null;
  return value.every((item): item is string => typeof item === 'string') ? [...value] : null;
}
