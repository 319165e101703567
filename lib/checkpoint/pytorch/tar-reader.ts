/** Finds the members of a tar archive, of which nothing is ever put on the disk. Source: POSIX 1003.1, pax interchange format. */
import { quote } from '../fault';
import type { PinnedFile } from '../pinned-file';
import type { Fail } from './state-dict';

export interface TarMember {
  /** First byte of its content in the file, and its bytes. */
  offset: number;
  size: number;
}

const BLOCK = 512;
/** The archives of PyTorch hold four. */
const MOST_MEMBERS = 1000;
/** Records that describe the next member. */
const MOST_RECORD_BYTES = 64 * 1024;
const REGULAR = ['0', '\0', '7'];

/** The regular files of an archive by name. @throws CheckpointError `TAR_INVALID` */
export async function readTar(
  file: PinnedFile,
  fail: Fail,
  signal: AbortSignal | undefined,
): Promise<Map<string, TarMember>> {
  const members = new Map<string, TarMember>();
  let described: { path?: string; size?: number } = {};
  const block = Buffer.alloc(BLOCK);
  for (let at = 0, count = 0; at + BLOCK <= file.size; count++) {
    await file.readInto(block, at, signal);
    if (block.every((byte) => byte === 0)) break;
    if (count === MOST_MEMBERS) fail('TAR_INVALID', `it holds more than ${MOST_MEMBERS} members`);
    checkSum(block, at, fail);
    const type = String.fromCharCode(block[156] as number);
    const isDescription = type === 'x' || type === 'g';
    const size = isDescription ? number(block, fail) : (described.size ?? number(block, fail));
    const offset = at + BLOCK;
    if (size > file.size - offset)
      fail('TAR_INVALID', `a member of ${size} bytes reaches past its end; fetch it again`);
    if (type === 'x') described = await description(file, { offset, size }, fail, signal);
    else if (type !== 'g') {
      const name = described.path ?? nameOf(block);
      described = {};
      if (REGULAR.includes(type)) {
        if (members.has(name)) fail('TAR_INVALID', `two members are called ${quote(name)}`);
        members.set(name, { offset, size });
      }
    }
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
  }
  return members;
}

/** The sum of all bytes of a header, those of the sum itself taken as spaces. */
function checkSum(block: Buffer, at: number, fail: Fail): void {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += block[i] as number;
  const stated = Number.parseInt(text(block, 148, 8).trim(), 8);
  if (stated !== sum) fail('TAR_INVALID', `the header at byte ${at} has checksum ${sum} where ${stated} is stated`);
}

/** The size in a header: octal digits, or for large files 256-ary ones behind the bit 0x80. */
function number(block: Buffer, fail: Fail): number {
  if (block[124] === 0x80) {
    const high = block.readUInt32BE(124 + 4) & 0x1fffff;
    return high * 2 ** 32 + block.readUInt32BE(124 + 8);
  }
  const digits = text(block, 124, 12).trim();
  if (!/^[0-7]+$/.test(digits)) fail('TAR_INVALID', `the size of a member is ${quote(digits)}`);
  return Number.parseInt(digits, 8);
}

function nameOf(block: Buffer): string {
  const prefix = text(block, 345, 155);
  const name = text(block, 0, 100);
  return (prefix === '' ? name : `${prefix}/${name}`).replace(/^\.\//, '');
}

function text(block: Buffer, at: number, length: number): string {
  const field = block.toString('latin1', at, at + length);
  const end = field.indexOf('\0');
  return end < 0 ? field : field.slice(0, end);
}

/** Records of the form 'length key=value\n'. */
async function description(
  file: PinnedFile,
  { offset, size }: TarMember,
  fail: Fail,
  signal: AbortSignal | undefined,
): Promise<{ path?: string; size?: number }> {
  if (size > MOST_RECORD_BYTES) fail('TAR_INVALID', `the description of a member has ${size} bytes`);
  const bytes = Buffer.alloc(size);
  await file.readInto(bytes, offset, signal);
  const found: { path?: string; size?: number } = {};
  for (let at = 0; at < size; ) {
    const [whole, digits, key] = /^(\d{1,6}) ([^=]*)=/.exec(bytes.toString('utf8', at, at + 256)) ?? [];
    const length = Number(digits);
    if (whole === undefined || length <= whole.length || at + length > size) {
      return fail('TAR_INVALID', 'the description of a member is malformed');
    }
    const value = bytes.toString('utf8', at + whole.length, at + length - 1);
    if (key === 'path') found.path = value;
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) fail('TAR_INVALID', `the size of a member is ${quote(value)}`);
      found.size = Number(value);
    }
    at += length;
  }
  return found;
}
