import type { HeaderLimits } from '../header-limits';
import { elementsOf, readDataspace } from './dataspace';
import { type Datatype, readDatatype } from './datatype';
import { type Fields, UNDEFINED } from './fields';
import type { GlobalHeaps } from './global-heap';

/** What an attribute says: text or numbers, one or several; null for a kind of value that is not read. */
export type AttributeValue = string | number | bigint | readonly (string | number | bigint)[] | null;

/** Shared parts of an attribute are committed types, which weights' attributes have no use for. */
const SHARED_PARTS = 3;

/** Reads an attribute, as a piece of work. */
export function readAttribute(
  fields: Fields,
  heaps: GlobalHeaps,
  limits: HeaderLimits,
): { name: string; value: AttributeValue } {
  const version = fields.u8();
  if (version < 1 || version > 3) throw fields.unsupported(`has version ${version}`);
  const flags = fields.u8();
  const [nameLength, typeLength, spaceLength] = [fields.u16(), fields.u16(), fields.u16()];
  if (version === 3) fields.skip(1);
  const padded = (length: number) => (version === 1 ? Math.ceil(length / 8) * 8 : length);
  const name = textOf(fields.take(padded(nameLength)).subarray(0, nameLength));
  const typeFields = fields.part(padded(typeLength));
  const spaceFields = fields.part(padded(spaceLength));
  if (version > 1 && flags & SHARED_PARTS) return { name, value: null };
  const type = readDatatype(typeFields);
  const space = readDataspace(spaceFields, limits);
  const count = elementsOf(space);
  if (count * type.size > fields.left) throw fields.invalid(`attribute '${name}' ends before its ${count} elements`);
  // Longer lists are no names, and nobody asks for them.
  if (count > limits.metadataEntries) return { name, value: null };
  const values: (string | number | bigint)[] = [];
  for (let i = 0; i < count; i++) {
    const element = fields.part(type.size);
    const value = type.text === 'variable' ? variableText(element, heaps) : valueOf(element, type);
    if (value === null) return { name, value: null };
    values.push(value);
  }
  return { name, value: space.dims.length === 0 && count === 1 ? (values[0] as string) : values };
}

function variableText(element: Fields, heaps: GlobalHeaps): string {
  const length = element.u32();
  const address = element.address();
  const index = element.u32();
  return length === 0 || address === UNDEFINED ? '' : textOf(heaps.object(address, index, length));
}

function valueOf(element: Fields, type: Datatype): string | number | bigint | null {
  if (type.text === 'fixed') return textOf(element.bytes);
  return type.dtype === null ? null : numberOf(element.bytes, type);
}

function numberOf(bytes: Buffer, { dtype, size, isBigEndian }: Datatype): number | bigint | null {
  const own = Buffer.from(bytes);
  if (isBigEndian) own.reverse();
  const view = new DataView(own.buffer, own.byteOffset, size);
  switch (dtype) {
    case 'bool':
    case 'uint8':
      return view.getUint8(0);
    case 'int8':
      return view.getInt8(0);
    case 'int16':
      return view.getInt16(0, true);
    case 'uint16':
      return view.getUint16(0, true);
    case 'int32':
      return view.getInt32(0, true);
    case 'uint32':
      return view.getUint32(0, true);
    case 'int64':
      return view.getBigInt64(0, true);
    case 'uint64':
      return view.getBigUint64(0, true);
    case 'float32':
      return view.getFloat32(0, true);
    case 'float64':
      return view.getFloat64(0, true);
    default:
      return null;
  }
}

/** Text without the NULs, or what stands behind the first one. */
export function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return (end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}
