import type { HeaderLimits } from '../header-limits';
import { type AttributeValue, readAttribute } from './attribute';
import { btree2 } from './btree2';
import { type Fields, UNDEFINED } from './fields';
import { FractalHeap } from './fractal-heap';
import type { GlobalHeaps } from './global-heap';
import type { MetadataReader } from './metadata-reader';
import { MESSAGE, type ObjectHeader } from './object-header';

/** The attributes of an object: in its header, or, where there are many, in a heap. */
export async function readAttributes(
  reader: MetadataReader,
  header: ObjectHeader,
  heaps: GlobalHeaps,
  limits: HeaderLimits,
): Promise<Map<string, AttributeValue>> {
  const found = new Map<string, AttributeValue>();
  const add = async (fields: Fields) => {
    const { name, value } = await readAttribute(fields, heaps, limits);
    if (found.has(name)) throw fields.fail('DUPLICATE_NAME', `two attributes are called '${name}'`, fields.place);
    found.set(name, value);
    if (found.size > limits.metadataEntries) throw fields.fail('H5_TOO_LARGE', 'an object has too many attributes');
  };
  for (const { fields, isShared } of header.all(MESSAGE.attribute)) {
    if (isShared) throw fields.unsupported('is kept in a table of shared messages');
    await add(fields);
  }
  const info = header.find(MESSAGE.attributeInfo)?.fields;
  if (info) for await (const fields of denseAttributes(reader, info)) await add(fields);
  return found;
}

async function* denseAttributes(reader: MetadataReader, info: Fields): AsyncGenerator<Fields> {
  const version = info.u8();
  if (version !== 0) throw info.unsupported(`has version ${version}`);
  if (info.u8() & 1) info.skip(2);
  const [heapAt, namesAt] = [info.address(), info.address()];
  if (heapAt === UNDEFINED || namesAt === UNDEFINED) return;
  const heap = await FractalHeap.open(reader, heapAt);
  for await (const record of btree2(reader, namesAt, [8])) {
    const id = record.part(8);
    if (record.u8() & 2) throw record.unsupported('keeps an attribute in a table of shared messages');
    yield await heap.object(id);
  }
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
