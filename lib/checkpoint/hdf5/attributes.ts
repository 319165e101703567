import type { HeaderLimits } from '../header-limits';
import { type AttributeValue, readAttribute } from './attribute';
import type { EachRecord } from './btree2';
import type { GlobalHeaps } from './global-heap';
import type { MetadataReader, Reading } from './metadata-reader';
import { MESSAGE, type ObjectHeader } from './object-header';
import { denseReader } from './rare';

export function hasAttributes(header: ObjectHeader): boolean {
  return header.has(MESSAGE.attribute) || header.has(MESSAGE.attributeInfo);
}

/** The attributes of an object: in its header, or, where there are many, in a heap. */
export function* readAttributes(
  reader: MetadataReader,
  header: ObjectHeader,
  heaps: GlobalHeaps,
  limits: HeaderLimits,
): Reading<Map<string, AttributeValue>> {
  const found = new Map<string, AttributeValue>();
  const add: EachRecord = function* (fields) {
    const { name, value } = yield* reader.patiently(() => readAttribute(fields.again(), heaps, limits));
    if (found.has(name)) throw fields.fail('DUPLICATE_NAME', `two attributes are called '${name}'`, fields.place);
    found.set(name, value);
    if (found.size > limits.metadataEntries) throw fields.fail('H5_TOO_LARGE', 'an object has too many attributes');
  };
  for (const { type, fields, isShared } of header.messages) {
    if (type !== MESSAGE.attribute) continue;
    if (isShared) throw fields.unsupported('is kept in a table of shared messages');
    yield* add(fields);
  }
  const info = header.find(MESSAGE.attributeInfo)?.fields;
  if (info) yield* denseReader().denseAttributes(reader, info, add);
  return found;
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
