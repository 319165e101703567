import type { PlainDType } from '../dtype';
import type { Fields } from './fields';

/** What an element is. */
export interface Datatype {
  /** Bytes of one element. */
  size: number;
  /** The type that a weight of it has; null for what no weight can be. */
  dtype: PlainDType | null;
  isBigEndian: boolean;
  /** Text: of a fixed number of bytes, or anywhere in a heap. */
  text: 'fixed' | 'variable' | null;
}

/** Types inside types. */
const DEEPEST = 8;

/** Bits of a floating type: how many, where sign, exponent and mantissa lie, and what is taken from the exponent. */
interface FloatBits {
  dtype: PlainDType;
  precision: number;
  sign: number;
  exponentAt: number;
  exponent: number;
  mantissaAt: number;
  mantissa: number;
  bias: number;
}

function floatBits(dtype: PlainDType, precision: number, exponent: number, bias: number): FloatBits {
  const mantissa = precision - 1 - exponent;
  return { dtype, precision, sign: precision - 1, exponentAt: mantissa, exponent, mantissaAt: 0, mantissa, bias };
}

/** Floating types by their bytes. */
const FLOATS: Readonly<Record<number, readonly FloatBits[]>> = {
  1: [floatBits('float8_e4m3fn', 8, 4, 7), floatBits('float8_e5m2', 8, 5, 15)],
  2: [floatBits('float16', 16, 5, 15), floatBits('bfloat16', 16, 8, 127)],
  4: [floatBits('float32', 32, 8, 127)],
  8: [floatBits('float64', 64, 11, 1023)],
};
const INTEGERS: Readonly<Record<number, [signed: PlainDType, unsigned: PlainDType]>> = {
  1: ['int8', 'uint8'],
  2: ['int16', 'uint16'],
  4: ['int32', 'uint32'],
  8: ['int64', 'uint64'],
};

export function readDatatype(fields: Fields, depth = 0): Datatype {
  if (depth > DEEPEST) throw fields.invalid('its types contain each other without end');
  const first = fields.u8();
  const bits = fields.uint(3);
  const size = fields.u32();
  const kind = first & 15;
  if (first >> 4 < 1 || first >> 4 > 5) throw fields.unsupported(`has version ${first >> 4}`);
  if (size === 0) throw fields.invalid('its elements have no bytes');
  if (kind === 1) return float(fields, bits, size);
  const plain: Datatype = { size, dtype: null, isBigEndian: false, text: null };
  switch (kind) {
    case 0:
      return { ...plain, ...integer(fields, bits, size) };
    case 3:
      return { ...plain, text: 'fixed' };
    case 6:
      return { ...plain, ...compound(fields, first >> 4, bits & 0xffff, size, depth) };
    case 8:
      return { ...plain, ...enumeration(fields, first >> 4, bits & 0xffff, size, depth) };
    case 9:
      return { ...plain, text: (bits & 15) === 1 ? 'variable' : null };
    case 11:
      return { ...plain, ...complex(readDatatype(fields, depth + 1), size) };
    default:
      return plain;
  }
}

function integer(fields: Fields, bits: number, size: number): Partial<Datatype> {
  const [offset, precision] = [fields.u16(), fields.u16()];
  const types = INTEGERS[size];
  if (types === undefined || offset !== 0 || precision !== size * 8) return {};
  return { dtype: types[bits & 8 ? 0 : 1], isBigEndian: (bits & 1) !== 0 };
}

function float(fields: Fields, bits: number, size: number): Datatype {
  const offset = fields.u16();
  const precision = fields.u16();
  const exponentAt = fields.u8();
  const exponent = fields.u8();
  const mantissaAt = fields.u8();
  const mantissa = fields.u8();
  const bias = fields.u32();
  const found = FLOATS[size]?.find(
    (known) =>
      known.precision === precision &&
      known.sign === ((bits >> 8) & 0xff) &&
      known.exponentAt === exponentAt &&
      known.exponent === exponent &&
      known.mantissaAt === mantissaAt &&
      known.mantissa === mantissa &&
      known.bias === bias,
  );
  // Bit 6 with bit 0 is the order of the VAX.
  const isKnown = found !== undefined && offset === 0 && (bits & 0x40) === 0;
  return { size, dtype: isKnown ? found.dtype : null, isBigEndian: isKnown && (bits & 1) !== 0, text: null };
}

/** h5py stores complex numbers as compounds of `r` and `i`. */
function compound(fields: Fields, version: number, count: number, size: number, depth: number): Partial<Datatype> {
  if (count !== 2 || size !== 8) return {};
  const members: string[] = [];
  let isBigEndian = false;
  for (let i = 0; i < count; i++) {
    const name = nameOf(fields, version);
    const offset = version >= 3 ? fields.uint(1) : fields.u32();
    if (version === 1) fields.skip(28);
    const type = readDatatype(fields, depth + 1);
    isBigEndian = type.isBigEndian;
    members.push(`${name} ${offset} ${type.dtype}`);
  }
  return members.join() === 'r 0 float32,i 4 float32' ? { dtype: 'complex64', isBigEndian } : {};
}

function complex({ dtype, isBigEndian }: Datatype, size: number): Partial<Datatype> {
  return dtype === 'float32' && size === 8 ? { dtype: 'complex64', isBigEndian } : {};
}

/** h5py stores booleans as an enumeration of FALSE and TRUE; others are what they are numbered with. */
function enumeration(fields: Fields, version: number, count: number, size: number, depth: number): Partial<Datatype> {
  const base = readDatatype(fields, depth + 1);
  if (base.size !== size) throw fields.invalid('its members have another size than its elements');
  const { dtype, isBigEndian } = base;
  if (count !== 2 || size !== 1) return { dtype, isBigEndian };
  const names = [nameOf(fields, version), nameOf(fields, version)];
  const values = [fields.u8(), fields.u8()];
  const isBool = names.join() === 'FALSE,TRUE' && values.join() === '0,1';
  return { dtype: isBool ? 'bool' : dtype, isBigEndian };
}

/** A name that ends with NUL; before version 3 padded to eight bytes. */
function nameOf(fields: Fields, version: number): string {
  const rest = fields.bytes.subarray(fields.at);
  const end = rest.indexOf(0);
  if (end < 0) throw fields.invalid('a name in it has no end');
  fields.skip(version >= 3 ? end + 1 : Math.min(Math.ceil((end + 1) / 8) * 8, rest.byteLength));
  return rest.subarray(0, end).toString('utf8');
}
