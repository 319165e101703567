/** Reads the sorted table of names that is a checkpoint's index: blocks of entries, and a block of blocks. */
import { TurnTaker } from '../../turns';
import type { HeaderLimits } from '../header-limits';
import type { PinnedFile } from '../pinned-file';
import { type Fail, failing } from './bundle-fault';
import { crc32c, masked } from './crc32c';
import { VarintReader } from './proto-fields';
import { unsnapped } from './snappy';

const FOOTER = 48;
const MAGIC = Buffer.from('57fb808b247547db', 'hex');
/** Behind each block: how it is compressed, and its checksum. */
const TRAILER = 5;
const SNAPPY = 1;
/** Entries that are taken between two chances for other work to have its turn. */
const ENTRIES_AT_ONCE = 64;

interface Handle {
  offset: number;
  size: number;
}

/** An entry. */
export interface TableEntry {
  key: Buffer;
  value: Buffer;
}

export type TableFile = Pick<PinnedFile, 'path' | 'size' | 'readInto'>;

/**
 * Every entry in the order of the keys.
 * @throws CheckpointError `TF_INVALID`, `TF_TOO_LARGE`, `CHECKSUM_MISMATCH`, `UNKNOWN_FORMAT`
 */
export async function readTable(file: TableFile, limits: HeaderLimits, signal?: AbortSignal): Promise<TableEntry[]> {
  const fail = failing(file.path);
  if (file.size === 0) throw fail('EMPTY_FILE', 'it has no bytes; fetch it again');
  if (file.size > limits.headerBytes)
    throw fail('TF_TOO_LARGE', `it has ${file.size} bytes; an index may have ${limits.headerBytes}`);
  const bytes = Buffer.allocUnsafeSlow(file.size);
  await file.readInto(bytes, 0, signal);
  const turns = new TurnTaker(signal);
  const table = new Table(bytes, limits, fail);
  const entries: TableEntry[] = [];
  let last: Buffer | null = null;
  let keyBytes = 0;
  for (const block of table.blocks()) {
    await turns.next();
    for (const entry of table.entries(block)) {
      if (last !== null && Buffer.compare(last, entry.key) >= 0) throw fail('TF_INVALID', 'its keys are not in order');
      last = entry.key;
      // Each key may take over the most of the one before at the cost of a few bytes.
      keyBytes += entry.key.byteLength;
      if (keyBytes > limits.headerBytes)
        throw fail('TF_TOO_LARGE', `its keys have more than ${limits.headerBytes} bytes together`);
      if (entries.push(entry) > limits.tensors)
        throw fail('TOO_MANY_TENSORS', `it lists more than ${limits.tensors} tensors`);
      if (entries.length % ENTRIES_AT_ONCE === 0) await turns.next();
    }
  }
  return entries;
}

class Table {
  /** Bytes that compressed blocks have become. */
  private decompressed = 0;

  constructor(
    private readonly bytes: Buffer,
    private readonly limits: HeaderLimits,
    private readonly fail: Fail,
  ) {}

  /** Where the blocks of entries lie. */
  *blocks(): Generator<Handle> {
    const { bytes, fail } = this;
    if (bytes.byteLength < FOOTER || !bytes.subarray(-MAGIC.byteLength).equals(MAGIC)) {
      const isText = bytes.subarray(0, 7).toString('latin1') === 'version';
      if (isText) throw fail('GIT_LFS_POINTER', "it is a pointer of git-lfs; run 'git lfs pull' in its folder");
      throw fail('UNKNOWN_FORMAT', 'it does not end like the index of a TensorFlow checkpoint');
    }
    const footer = new VarintReader(bytes.subarray(-FOOTER, -MAGIC.byteLength), (what) =>
      this.invalid(`its end ${what}`),
    );
    handleOf(footer);
    let end = 0;
    for (const { value } of this.entries(handleOf(footer))) {
      const handle = handleOf(new VarintReader(value, (what) => this.invalid(`the place of a block ${what}`)));
      if (handle.offset < end) throw this.invalid('its blocks share bytes, or are not in order');
      end = handle.offset + handle.size + TRAILER;
      yield handle;
    }
  }

  /** The entries of a block: each key is what it shares with the one before, and a rest. */
  *entries(handle: Handle): Generator<TableEntry> {
    const content = this.content(handle);
    const invalid = (what: string) => this.invalid(`the block at byte ${handle.offset} ${what}`);
    if (content.byteLength < 4) throw invalid('has no end');
    const restarts = content.readUInt32LE(content.byteLength - 4);
    const end = content.byteLength - 4 - restarts * 4;
    if (end < 0) throw invalid(`states ${restarts} restarts`);
    const reader = new VarintReader(content.subarray(0, end), invalid);
    let key = Buffer.alloc(0);
    while (reader.left > 0) {
      const [shared, rest, length] = [reader.length(), reader.length(), reader.length()];
      if (shared > key.byteLength) throw invalid(`shares ${shared} bytes of a key of ${key.byteLength}`);
      if (shared + rest > this.limits.nameBytes)
        throw this.fail('NAME_TOO_LONG', `a key has ${shared + rest} bytes; at most ${this.limits.nameBytes}`);
      key = Buffer.concat([key.subarray(0, shared), reader.take(rest)]);
      yield { key, value: reader.take(length) };
    }
  }

  private content({ offset, size }: Handle): Buffer {
    const { bytes, fail } = this;
    if (offset + size + TRAILER > bytes.byteLength)
      throw this.invalid(`a block of ${size} bytes at ${offset} ends outside`);
    const stored = bytes.subarray(offset, offset + size);
    const type = bytes[offset + size] as number;
    const sum = bytes.readUInt32LE(offset + size + 1);
    if (masked(crc32c(bytes.subarray(offset, offset + size + 1))) !== sum)
      throw fail('CHECKSUM_MISMATCH', `the block at byte ${offset} does not have its checksum; fetch the file again`);
    if (type === 0) return stored;
    if (type !== SNAPPY)
      throw this.invalid(`the block at byte ${offset} is compressed in way ${type}, which is unknown`);
    const most = this.limits.headerBytes - this.decompressed;
    const content = unsnapped(stored, most, (what) => this.invalid(`the block at byte ${offset} ${what}`));
    this.decompressed += content.byteLength;
    return content;
  }

  private invalid(what: string) {
    return this.fail('TF_INVALID', `${what}; it is damaged`);
  }
}

function handleOf(reader: VarintReader): Handle {
  return { offset: reader.length(), size: reader.length() };
}
