/** The instructions of a pickle that push a value of their operand. */
import type { PickleBytes, PickleFail } from './pickle-bytes';
import { PickleFloat, type PickleValue } from './pickle-values';
import { unescapePython, unescapeRawUnicode } from './python-text';

/** The value of instruction `code`, whose operand is taken from `input`; undefined when it is none of these. */
export function constantOf(code: number, input: PickleBytes, fail: PickleFail): PickleValue | undefined {
  switch (code) {
    case 0x4e: // NONE
      return null;
    case 0x88: // NEWTRUE
      return true;
    case 0x89: // NEWFALSE
      return false;
    case 0x4b: // BININT1
      return input.u8();
    case 0x4d: // BININT2
      return input.u16();
    case 0x4a: // BININT
      return input.i32();
    case 0x8a: // LONG1
      return input.long(input.u8());
    case 0x8b: // LONG4
      return input.long(input.u32());
    case 0x4c: // LONG
      return input.decimal();
    case 0x49: // INT
      return intOrBool(input);
    case 0x47: // BINFLOAT
      return new PickleFloat(input.float());
    case 0x46: // FLOAT
      return new PickleFloat(Number(input.lineUtf8()));
    case 0x58: // BINUNICODE
      return input.utf8(input.u32());
    case 0x8c: // SHORT_BINUNICODE
      return input.utf8(input.u8());
    case 0x8d: // BINUNICODE8
      return input.utf8(input.u64());
    case 0x55: // SHORT_BINSTRING
      return input.latin1(input.u8());
    case 0x54: // BINSTRING
      return input.latin1(input.u32());
    case 0x53: // STRING
      return unescapePython(input.line().toString('latin1'), fail);
    case 0x56: // UNICODE
      return unescapeRawUnicode(input.line().toString('latin1'));
    case 0x43: // SHORT_BINBYTES
      return input.take(input.u8());
    case 0x42: // BINBYTES
      return input.take(input.u32());
    case 0x8e: // BINBYTES8
    case 0x96: // BYTEARRAY8
      return input.take(input.u64());
    default:
      return undefined;
  }
}

/** A line of decimal digits, in which 00 and 01 are False and True. */
function intOrBool(input: PickleBytes): number | bigint | boolean {
  const { at } = input;
  const text = input.line().toString('latin1');
  if (text === '00' || text === '01') return text === '01';
  input.at = at;
  return input.decimal();
}
