/**
 * The directory of a zip archive, read strictly: the directory and its end record are the last bytes of the file, the
 * first member begins at byte 0, and no two members share a byte or a name.
 *
 * Source: APPNOTE.TXT of the zip format, sections 4.3 to 4.5.
 */
import { isUtf8 } from 'node:buffer';
import { inTurns, type Steps, sortInSteps } from '../../turns';
import { quote } from '../fault';
import type { HeaderLimits } from '../header-limits';
import type { PinnedFile } from '../pinned-file';
import { pytorchFault } from './pytorch-fault';
import {
  checkReadable,
  ENTRY_BYTES,
  ENTRY_SIGNATURE,
  type Fail,
  IN_ZIP64,
  LOCAL_HEADER_BYTES,
  LOCAL_SIGNATURE,
  safeNumber,
  type ZipEntry,
  zip64Values,
} from './zip-entry';

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
/** Members beside those of tensors: pickle, version and the like. */
const OTHER_MEMBERS = 1000;
/** Members between two steps. */
const ENTRIES_A_STEP = 64;

/** Where the directory lies and how many members it lists. */
interface DirectoryPlace {
  offset: number;
  size: number;
  count: number;
}

/** The members of an archive by name, and where each one's bytes must end. */
export class ZipDirectory {
  private constructor(
    readonly file: PinnedFile,
    private readonly members: ReadonlyMap<string, ZipEntry>,
    private readonly ends: ReadonlyMap<ZipEntry, number>,
    private readonly fail: Fail,
  ) {}

  /** Reads and checks the directory. @throws CheckpointError `ZIP_…`. */
  static async read(file: PinnedFile, limits: HeaderLimits, signal?: AbortSignal): Promise<ZipDirectory> {
    const fail: Fail = (code, message, offset) => {
      throw pytorchFault(code, file.path, message, offset === undefined ? {} : { offset });
    };
    const place = await findDirectory(file, fail, signal);
    if (place.size > limits.headerBytes || place.count > limits.tensors + OTHER_MEMBERS) {
      fail('ZIP_TOO_LARGE', `its directory lists ${place.count} members in ${place.size} bytes`, place.offset);
    }
    const bytes = Buffer.allocUnsafeSlow(place.size);
    await file.readInto(bytes, place.offset, signal);
    const members = await inTurns(parseEntries(bytes, place, fail), signal);
    const ends = await inTurns(endsOf([...members.values()], place.offset, fail), signal);
    return new ZipDirectory(file, members, ends, fail);
  }

  names(): string[] {
    return [...this.members.keys()];
  }

  get(name: string): ZipEntry | undefined {
    return this.members.get(name);
  }

  /**
   * Finds the first byte of a member's content, which only its local header tells.
   * @throws CheckpointError `ZIP_MISMATCH` when that header and the directory disagree, `ZIP_OVERLAP`.
   */
  contentOffset(entry: ZipEntry, signal?: AbortSignal): number | Promise<number> {
    const { file } = this;
    const { headerOffset } = entry;
    const name = Buffer.from(entry.name);
    const header = Buffer.allocUnsafe(LOCAL_HEADER_BYTES + name.byteLength);
    if (file.readNow(header, headerOffset)) return this.offsetIn(header, entry, name, signal);
    return file.readInto(header, headerOffset, signal).then(() => this.offsetIn(header, entry, name, signal));
  }

  private offsetIn(header: Buffer, entry: ZipEntry, name: Buffer, signal?: AbortSignal): number | Promise<number> {
    const { fail } = this;
    const { headerOffset } = entry;
    const end = this.ends.get(entry) as number;
    if (header.readUInt32LE(0) !== LOCAL_SIGNATURE) {
      fail('ZIP_INVALID', `member ${quote(entry.name)} does not begin with a local header`, headerOffset);
    }
    const extraLength = header.readUInt16LE(28);
    const start = headerOffset + header.byteLength + extraLength;
    if (
      header.readUInt16LE(26) !== name.byteLength ||
      header.compare(name, 0, name.byteLength, LOCAL_HEADER_BYTES) !== 0 ||
      header.readUInt16LE(8) !== entry.method ||
      (header.readUInt16LE(6) & 1) !== (entry.flags & 1)
    ) {
      fail('ZIP_MISMATCH', `directory and local header describe member ${quote(entry.name)} differently`, headerOffset);
    }
    if (start + entry.compressedSize > end) {
      fail('ZIP_OVERLAP', `member ${quote(entry.name)} reaches into what follows it`, headerOffset);
    }
    const compressed = header.readUInt32LE(18);
    const size = header.readUInt32LE(22);
    if (compressed !== IN_ZIP64 && size !== IN_ZIP64) {
      this.checkSizes(entry, header, compressed, size);
      return start;
    }
    const extra = Buffer.allocUnsafe(extraLength);
    return this.file.readInto(extra, start - extraLength, signal).then(() => {
      const [wide, wideCompressed] = zip64Values(extra, 2, fail, headerOffset);
      this.checkSizes(entry, header, wideCompressed as number, wide as number);
      return start;
    });
  }

  private checkSizes(entry: ZipEntry, header: Buffer, compressed: number, size: number): void {
    // A writer that streams leaves zeros here and states the sizes behind the content.
    if ((header.readUInt16LE(6) & 8) !== 0 && compressed === 0 && size === 0) return;
    if (compressed === entry.compressedSize && size === entry.size) return;
    this.fail(
      'ZIP_MISMATCH',
      `directory and local header give member ${quote(entry.name)} other sizes`,
      entry.headerOffset,
    );
  }
}

/** Reads the records at the end of the file. */
async function findDirectory(file: PinnedFile, fail: Fail, signal?: AbortSignal): Promise<DirectoryPlace> {
  const length = Math.min(file.size, END_BYTES + LOCATOR_BYTES + END64_BYTES);
  const tail = Buffer.allocUnsafeSlow(length);
  const tailStart = file.size - length;
  await file.readInto(tail, tailStart, signal);
  const end = length - END_BYTES;
  if (end < 0 || tail.readUInt32LE(end) !== END_SIGNATURE || tail.readUInt16LE(end + 20) !== 0) {
    fail(
      'ZIP_NO_DIRECTORY',
      'it starts like a zip archive and does not end like one: it is truncated, or something was appended; fetch it again',
    );
  }
  const place = {
    count: tail.readUInt16LE(end + 10),
    size: tail.readUInt32LE(end + 12),
    offset: tail.readUInt32LE(end + 16),
  };
  const disks = [tail.readUInt16LE(end + 4), tail.readUInt16LE(end + 6)];
  let behind = tailStart + end;
  const locator = end - LOCATOR_BYTES;
  const has64 = locator >= 0 && tail.readUInt32LE(locator) === LOCATOR_SIGNATURE;
  if (has64) {
    const at = locator - END64_BYTES;
    behind = tailStart + at;
    if (at < 0 || tail.readUInt32LE(at) !== END64_SIGNATURE || tail.readBigUInt64LE(locator + 8) !== BigInt(behind)) {
      fail('ZIP_INVALID', 'its zip64 end record is not where its locator says', tailStart + locator);
    }
    disks.push(tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 20), tail.readUInt32LE(locator + 4));
    if (tail.readUInt32LE(locator + 16) > 1) fail('ZIP_MULTI_DISK', 'it is a part of an archive of several files');
    const read64 = (from: number) => safeNumber(tail.readBigUInt64LE(at + from), fail, behind);
    const wide = { count: read64(32), size: read64(40), offset: read64(48) };
    if (read64(24) !== wide.count) fail('ZIP_MULTI_DISK', 'some of its members are in another file');
    const agrees = (narrow: number, value: number, most: number) => narrow === most || narrow === value;
    if (
      !agrees(place.count, wide.count, 0xffff) ||
      !agrees(place.size, wide.size, IN_ZIP64) ||
      !agrees(place.offset, wide.offset, IN_ZIP64)
    ) {
      fail('ZIP_MISMATCH', 'its two end records disagree', behind);
    }
    Object.assign(place, wide);
  } else if (tail.readUInt16LE(end + 8) !== place.count) {
    fail('ZIP_MULTI_DISK', 'some of its members are in another file');
  }
  if (disks.some((disk) => disk !== 0 && disk !== (has64 ? 0xffff : 0))) {
    fail('ZIP_MULTI_DISK', 'it is a part of an archive of several files');
  }
  if (place.offset + place.size !== behind) {
    fail('ZIP_INVALID', `its directory of ${place.size} bytes at ${place.offset} does not end at ${behind}`, behind);
  }
  return place;
}

/** @throws CheckpointError `ZIP_…` */
function* parseEntries(bytes: Buffer, place: DirectoryPlace, fail: Fail): Steps<Map<string, ZipEntry>> {
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  while (at < bytes.byteLength) {
    if (entries.size % ENTRIES_A_STEP === ENTRIES_A_STEP - 1) yield;
    const offset = place.offset + at;
    if (at + ENTRY_BYTES > bytes.byteLength || bytes.readUInt32LE(at) !== ENTRY_SIGNATURE) {
      fail('ZIP_INVALID', `entry ${entries.size} of its directory is malformed`, offset);
    }
    const nameEnd = at + ENTRY_BYTES + bytes.readUInt16LE(at + 28);
    const extraEnd = nameEnd + bytes.readUInt16LE(at + 30);
    const end = extraEnd + bytes.readUInt16LE(at + 32);
    if (end > bytes.byteLength) fail('ZIP_INVALID', `entry ${entries.size} of its directory is cut off`, offset);
    const entry = parseEntry(bytes, at, nameEnd, extraEnd, fail, offset);
    if (entries.has(entry.name)) fail('ZIP_DUPLICATE_NAME', `two of its members are called ${quote(entry.name)}`);
    entries.set(entry.name, entry);
    at = end;
  }
  if (entries.size !== place.count) {
    fail('ZIP_MISMATCH', `its directory lists ${entries.size} members and says ${place.count}`, place.offset);
  }
  return entries;
}

function parseEntry(
  bytes: Buffer,
  at: number,
  nameEnd: number,
  extraEnd: number,
  fail: Fail,
  offset: number,
): ZipEntry {
  const name = bytes.subarray(at + ENTRY_BYTES, nameEnd);
  if (!isUtf8(name) || name.includes(0)) fail('ZIP_INVALID', 'the name of a member is not UTF-8', offset);
  const entry: ZipEntry = {
    name: name.toString('utf8'),
    flags: bytes.readUInt16LE(at + 8),
    method: bytes.readUInt16LE(at + 10),
    crc: bytes.readUInt32LE(at + 16),
    compressedSize: bytes.readUInt32LE(at + 20),
    size: bytes.readUInt32LE(at + 24),
    headerOffset: bytes.readUInt32LE(at + 42),
  };
  if (bytes.readUInt16LE(at + 34) !== 0)
    fail('ZIP_MULTI_DISK', `member ${quote(entry.name)} is in another file`, offset);
  if (entry.size === IN_ZIP64 || entry.compressedSize === IN_ZIP64 || entry.headerOffset === IN_ZIP64) {
    const fields = (['size', 'compressedSize', 'headerOffset'] as const).filter((field) => entry[field] === IN_ZIP64);
    const values = zip64Values(bytes.subarray(nameEnd, extraEnd), fields.length, fail, offset);
    fields.forEach((field, i) => {
      entry[field] = values[i] as number;
    });
  }
  checkReadable(entry, fail);
  return entry;
}

/** The byte that each member must end at or before: the header of the next, or the directory. */
function* endsOf(entries: readonly ZipEntry[], directory: number, fail: Fail): Steps<Map<ZipEntry, number>> {
  const sorted = yield* sortInSteps(entries, (a, b) => a.headerOffset - b.headerOffset);
  if (sorted[0] !== undefined && sorted[0].headerOffset !== 0) {
    fail('ZIP_INVALID', `${sorted[0].headerOffset} bytes stand before its first member`, 0);
  }
  const ends = new Map<ZipEntry, number>();
  for (let i = 0; i < sorted.length; i++) {
    const entry = sorted[i] as ZipEntry;
    const end = sorted[i + 1]?.headerOffset ?? directory;
    if (entry.headerOffset + LOCAL_HEADER_BYTES + Buffer.byteLength(entry.name) + entry.compressedSize > end) {
      fail('ZIP_OVERLAP', `member ${quote(entry.name)} reaches into what follows it`, entry.headerOffset);
    }
    ends.set(entry, end);
    if (ends.size % ENTRIES_A_STEP === 0) yield;
  }
  return ends;
}
