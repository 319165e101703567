/** Makes zip archives and pickles by hand, valid ones and others. */
import { crc32, deflateRawSync } from 'node:zlib';

/** A member of an archive; what is given beside name and content is written instead of the truth. */
export interface Member {
  name: string;
  content: Uint8Array;
  deflate?: boolean;
  flags?: number;
  method?: number;
  crc?: number;
  /** In the directory. */
  size?: number;
  compressedSize?: number;
  offset?: number;
  disk?: number;
  extra?: Buffer;
  /** In the local header; sizes are 0 there otherwise, as PyTorch writes them. */
  localName?: string;
  localMethod?: number;
  localSizes?: [compressed: number, size: number];
  localSignature?: number;
}

/** What to write into the end record instead of the truth. */
export interface End {
  count?: number;
  size?: number;
  offset?: number;
  disk?: number;
  comment?: string;
  /** Bytes between directory and end record. */
  before?: Buffer;
}

export function zipBytes(members: readonly Member[], end: End = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const stored = member.deflate ? deflateRawSync(member.content) : Buffer.from(member.content);
    const local = localHeader(member);
    directory.push(directoryEntry(member, stored.byteLength, offset));
    parts.push(local, stored);
    offset += local.byteLength + stored.byteLength;
  }
  const size = directory.reduce((sum, entry) => sum + entry.byteLength, 0);
  return Buffer.concat([
    ...parts,
    ...directory,
    end.before ?? Buffer.alloc(0),
    endRecord(members.length, size, offset, end),
  ]);
}

function localHeader(member: Member): Buffer {
  const name = Buffer.from(member.localName ?? member.name);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(member.localSignature ?? 0x04034b50);
  header.writeUInt16LE(member.flags ?? 0x808, 6);
  header.writeUInt16LE(member.localMethod ?? member.method ?? (member.deflate ? 8 : 0), 8);
  header.writeUInt32LE(member.localSizes?.[0] ?? 0, 18);
  header.writeUInt32LE(member.localSizes?.[1] ?? 0, 22);
  header.writeUInt16LE(name.byteLength, 26);
  return Buffer.concat([header, name]);
}

function directoryEntry(member: Member, stored: number, offset: number): Buffer {
  const name = Buffer.from(member.name);
  const extra = member.extra ?? Buffer.alloc(0);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50);
  entry.writeUInt16LE(member.flags ?? 0x808, 8);
  entry.writeUInt16LE(member.method ?? (member.deflate ? 8 : 0), 10);
  entry.writeUInt32LE(member.crc ?? crc32(member.content), 16);
  entry.writeUInt32LE(member.compressedSize ?? stored, 20);
  entry.writeUInt32LE(member.size ?? member.content.byteLength, 24);
  entry.writeUInt16LE(name.byteLength, 28);
  entry.writeUInt16LE(extra.byteLength, 30);
  entry.writeUInt16LE(member.disk ?? 0, 34);
  entry.writeUInt32LE(member.offset ?? offset, 42);
  return Buffer.concat([entry, name, extra]);
}

function endRecord(count: number, size: number, offset: number, end: End): Buffer {
  const comment = Buffer.from(end.comment ?? '');
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50);
  record.writeUInt16LE(end.disk ?? 0, 4);
  record.writeUInt16LE(end.count ?? count, 8);
  record.writeUInt16LE(end.count ?? count, 10);
  record.writeUInt32LE(end.size ?? size, 12);
  record.writeUInt32LE(end.offset ?? offset, 16);
  record.writeUInt16LE(comment.byteLength, 20);
  return Buffer.concat([record, comment]);
}

/** What `make` gave for a text before: most pieces of pickles are made thousands of times. */
function kept(make: (text: string) => Buffer): (text: string) => Buffer {
  const made = new Map<string, Buffer>();
  return (text) => {
    const found = made.get(text);
    if (found !== undefined) return found;
    const bytes = make(text);
    if (made.size < 1000) made.set(text, bytes);
    return bytes;
  };
}

/** Pieces of a pickle; none of them may be written to. */
const codes = Array.from({ length: 256 }, (_, byte) => Buffer.from([byte]));
const code = (...bytes: number[]) => (bytes.length === 1 ? (codes[bytes[0] as number] as Buffer) : Buffer.from(bytes));
const smallInts = codes.map((byte) => Buffer.concat([code(0x4b), byte]));
const globalOf = kept((lines) => Buffer.from(`c${lines}\n`));
const textOf = kept((text) => {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(5);
  length[0] = 0x58;
  length.writeUInt32LE(bytes.byteLength, 1);
  return Buffer.concat([length, bytes]);
});
export const pickle = {
  code,
  none: code(0x4e),
  true: code(0x88),
  false: code(0x89),
  emptyDict: code(0x7d),
  int(value: number): Buffer {
    const small = smallInts[value];
    if (small !== undefined) return small;
    const bytes = Buffer.alloc(10);
    bytes[0] = 0x8a;
    bytes[1] = 8;
    bytes.writeBigInt64LE(BigInt(value), 2);
    return bytes;
  },
  text: textOf,
  global: (module: string, name: string) => globalOf(`${module}\n${name}`),
  stackGlobal: (module: string, name: string) => Buffer.concat([pickle.text(module), pickle.text(name), code(0x93)]),
  tuple: (...items: Buffer[]) => Buffer.concat([code(0x28), ...items, code(0x74)]),
  ints: (values: readonly number[]) => pickle.tuple(...values.map((value) => pickle.int(value))),
  list: (...items: Buffer[]) => Buffer.concat([code(0x5d, 0x28), ...items, code(0x65)]),
  dict: (entries: Record<string, Buffer>) =>
    Buffer.concat([
      code(0x7d, 0x28),
      ...Object.entries(entries).flatMap(([key, value]) => [pickle.text(key), value]),
      code(0x75),
    ]),
  call: (callable: Buffer, ...args: Buffer[]) => Buffer.concat([callable, pickle.tuple(...args), code(0x52)]),
  create: (callable: Buffer, ...args: Buffer[]) => Buffer.concat([callable, pickle.tuple(...args), code(0x81)]),
  build: (object: Buffer, state: Buffer) => Buffer.concat([object, state, code(0x62)]),
  storage: (type: string, key: string, elements: number) =>
    Buffer.concat([
      pickle.tuple(
        pickle.text('storage'),
        type.includes(' ') ? Buffer.from(`c${type.replace(' ', '\n')}\n`) : pickle.global('torch', type),
        pickle.text(key),
        pickle.text('cpu'),
        pickle.int(elements),
      ),
      code(0x51),
    ]),
  hooks: Buffer.concat([Buffer.from('ccollections\nOrderedDict\n'), code(0x29, 0x52)]),
  /** A view of a storage as `_rebuild_tensor_v2` makes it. */
  tensor: (storage: Buffer, offset: number, shape: readonly number[], strides: readonly number[], ...more: Buffer[]) =>
    pickle.call(
      pickle.global('torch._utils', '_rebuild_tensor_v2'),
      storage,
      pickle.int(offset),
      pickle.ints(shape),
      pickle.ints(strides),
      pickle.false,
      pickle.hooks,
      ...more,
    ),
  /** A whole pickle. */
  of: (value: Buffer) => Buffer.concat([code(0x80, 2), value, code(0x2e)]),
};

/** The members of an archive as torch.save writes them. */
export function torchMembers(value: Buffer, storages: Record<string, Uint8Array> = {}): Member[] {
  return [
    { name: 'archive/data.pkl', content: pickle.of(value) },
    { name: 'archive/byteorder', content: Buffer.from('little') },
    ...Object.entries(storages).map(([key, content]) => ({ name: `archive/data/${key}`, content })),
    { name: 'archive/version', content: Buffer.from('3\n') },
  ];
}

/** The bytes of a typed array. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
