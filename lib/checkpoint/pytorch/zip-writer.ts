/**
 * Writes a zip archive as PyTorch's writer does: members stored as they are, contents at multiples of 64 bytes, sizes and
 * checksum behind each content, and zip64 records at the end.
 */
import { crc32 } from 'node:zlib';
import { TurnTaker } from '../../turns';
import type { StagedFile } from '../staged-file';
import { ENTRY_BYTES, ENTRY_SIGNATURE, IN_ZIP64, LOCAL_HEADER_BYTES, LOCAL_SIGNATURE } from './zip-entry';

const ALIGNMENT = 64;
/** Bytes whose checksum is computed in one go, a millisecond or two. */
const SUM_BYTES = 8 * 1024 * 1024;
const FLAG_UTF8 = 0x800;
const FLAG_DESCRIPTOR = 0x8;
const DESCRIPTOR_SIGNATURE = 0x08074b50;
/** The version that the end record names: 3.0 on Unix; and the one that zip64 needs. */
const MADE_BY = 0x031e;
const NEEDED = 45;

interface Written {
  name: Buffer;
  size: number;
  crc: number;
  offset: number;
}

/** Writes members one behind the other, then `end()`. */
export class ZipWriter {
  private readonly members: Written[] = [];

  constructor(
    private readonly staged: StagedFile,
    private readonly root: string,
  ) {}

  /** Writes one member of `size` bytes below the root. @returns its checksum */
  async add(name: string, size: number, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    const member: Written = { name: Buffer.from(`${this.root}/${name}`), size, crc: 0, offset: this.staged.byteLength };
    await this.staged.write(localHeader(member));
    for await (const piece of content) {
      for (let at = 0; at < piece.byteLength; at += SUM_BYTES) {
        const part = piece.subarray(at, at + SUM_BYTES);
        member.crc = crc32(part, member.crc);
        await this.staged.write(part);
      }
    }
    if (size > 0) await this.staged.write(descriptor(member));
    this.members.push(member);
    return member.crc;
  }

  /** Writes the directory and the end records. */
  async end(signal?: AbortSignal): Promise<void> {
    const turns = new TurnTaker(signal);
    const offset = this.staged.byteLength;
    for (const member of this.members) {
      await this.staged.write(directoryEntry(member));
      await turns.next();
    }
    const size = this.staged.byteLength - offset;
    await this.staged.write(endRecords(this.members.length, size, offset));
  }
}

function flagsOf({ size }: Written): number {
  return size > 0 ? FLAG_UTF8 | FLAG_DESCRIPTOR : FLAG_UTF8;
}

function localHeader(member: Written): Buffer {
  const { name, offset } = member;
  const zip64 = zip64Field(member, 0);
  const unpadded = offset + LOCAL_HEADER_BYTES + name.byteLength + zip64.byteLength + 4;
  const padding = Buffer.alloc(4 + ((ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT), 'Z');
  padding.write('FB', 'latin1');
  padding.writeUInt16LE(padding.byteLength - 4, 2);
  const header = Buffer.alloc(LOCAL_HEADER_BYTES);
  header.writeUInt32LE(LOCAL_SIGNATURE);
  header.writeUInt16LE(flagsOf(member), 6);
  header.writeUInt16LE(name.byteLength, 26);
  header.writeUInt16LE(zip64.byteLength + padding.byteLength, 28);
  return Buffer.concat([header, name, zip64, padding]);
}

function descriptor(member: Written): Buffer {
  const wide = zip64Field(member).byteLength > 0;
  const bytes = Buffer.alloc(wide ? 24 : 16);
  bytes.writeUInt32LE(DESCRIPTOR_SIGNATURE);
  bytes.writeUInt32LE(member.crc, 4);
  for (const i of [0, 1]) {
    if (wide) bytes.writeBigUInt64LE(BigInt(member.size), 8 + 8 * i);
    else bytes.writeUInt32LE(member.size, 8 + 4 * i);
  }
  return bytes;
}

function directoryEntry(member: Written): Buffer {
  const { name, size, crc, offset } = member;
  const zip64 = zip64Field(member);
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry.writeUInt32LE(ENTRY_SIGNATURE);
  entry.writeUInt16LE(flagsOf(member), 8);
  entry.writeUInt32LE(crc, 16);
  entry.writeUInt32LE(Math.min(size, IN_ZIP64), 20);
  entry.writeUInt32LE(Math.min(size, IN_ZIP64), 24);
  entry.writeUInt16LE(name.byteLength, 28);
  entry.writeUInt16LE(zip64.byteLength, 30);
  entry.writeUInt32LE(Math.min(offset, IN_ZIP64), 42);
  return Buffer.concat([entry, name, zip64]);
}

/**
 * The extra field for what does not fit 32 bits; empty when all does. PyTorch writes it in front of the content before it
 * knows the size in the file, which is 0 there.
 */
function zip64Field({ size, offset }: Written, compressedSize = size): Buffer {
  const values = [...(size >= IN_ZIP64 ? [size, compressedSize] : []), ...(offset >= IN_ZIP64 ? [offset] : [])];
  if (values.length === 0) return Buffer.alloc(0);
  const field = Buffer.alloc(4 + values.length * 8);
  field.writeUInt16LE(1);
  field.writeUInt16LE(values.length * 8, 2);
  values.forEach((value, i) => {
    field.writeBigUInt64LE(BigInt(value), 4 + 8 * i);
  });
  return field;
}

function endRecords(count: number, size: number, offset: number): Buffer {
  const bytes = Buffer.alloc(56 + 20 + 22);
  bytes.writeUInt32LE(0x06064b50);
  bytes.writeBigUInt64LE(44n, 4);
  bytes.writeUInt16LE(MADE_BY, 12);
  bytes.writeUInt16LE(NEEDED, 14);
  bytes.writeBigUInt64LE(BigInt(count), 24);
  bytes.writeBigUInt64LE(BigInt(count), 32);
  bytes.writeBigUInt64LE(BigInt(size), 40);
  bytes.writeBigUInt64LE(BigInt(offset), 48);
  bytes.writeUInt32LE(0x07064b50, 56);
  bytes.writeBigUInt64LE(BigInt(offset + size), 64);
  bytes.writeUInt32LE(1, 72);
  bytes.writeUInt32LE(0x06054b50, 76);
  bytes.writeUInt16LE(Math.min(count, 0xffff), 84);
  bytes.writeUInt16LE(Math.min(count, 0xffff), 86);
  bytes.writeUInt32LE(Math.min(size, IN_ZIP64), 88);
  bytes.writeUInt32LE(Math.min(offset, IN_ZIP64), 92);
  return bytes;
}
