/** Archives that are not what they claim, and files that only look like archives. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type OpenPyTorchOptions, openPyTorch } from '../../../lib/checkpoint/pytorch/pytorch';
import { errorOf, scratchFolder } from '../scratch';
import { bytesOf, type End, type Member, pickle, torchMembers, zipBytes } from './archive';

const folder = scratchFolder();
const path = join(folder, 'pytorch_model.bin');
const numbers = bytesOf(new Float32Array([0, 1, 2, 3, 4, 5]));
const plain = pickle.dict({ w: pickle.tensor(pickle.storage('FloatStorage', '0', 6), 0, [6], [1]) });

/** Members of a valid archive; `changes` are made to the storage. */
function members(changes: Partial<Member> = {}): Member[] {
  return torchMembers(plain, { 0: numbers }).map((member) =>
    member.name === 'archive/data/0' ? { ...member, ...changes } : member,
  );
}

async function values(bytes: Uint8Array, options?: OpenPyTorchOptions): Promise<number[]> {
  writeFileSync(path, bytes);
  await using source = await openPyTorch(path, options);
  return [...new Float32Array((await source.read('w')).buffer)];
}

const zip64 = (...sizes: bigint[]) => {
  const field = Buffer.alloc(4 + sizes.length * 8);
  field.writeUInt16LE(1);
  field.writeUInt16LE(sizes.length * 8, 2);
  sizes.forEach((size, i) => {
    field.writeBigUInt64LE(size, 4 + i * 8);
  });
  return field;
};

/** The end records of zip64 for a directory at `offset`. */
function end64(
  count: number,
  size: number,
  offset: number,
  changes: { count?: number; at?: number; disks?: number } = {},
) {
  const bytes = Buffer.alloc(76);
  bytes.writeUInt32LE(0x06064b50);
  bytes.writeBigUInt64LE(44n, 4);
  bytes.writeBigUInt64LE(BigInt(changes.count ?? count), 24);
  bytes.writeBigUInt64LE(BigInt(changes.count ?? count), 32);
  bytes.writeBigUInt64LE(BigInt(size), 40);
  bytes.writeBigUInt64LE(BigInt(offset), 48);
  bytes.writeUInt32LE(0x07064b50, 56);
  bytes.writeBigUInt64LE(BigInt(changes.at ?? offset + size), 64);
  bytes.writeUInt32LE(changes.disks ?? 1, 72);
  return bytes;
}

/** Where the directory of the valid archive lies. */
function directoryOf(bytes: Buffer) {
  const at = bytes.byteLength - 22;
  return { count: bytes.readUInt16LE(at + 10), size: bytes.readUInt32LE(at + 12), offset: bytes.readUInt32LE(at + 16) };
}

describe('a zip archive', () => {
  const six = [0, 1, 2, 3, 4, 5];

  it('gives the same whatever the order of members, their checksums and their flags', async () => {
    expect(await values(zipBytes(members()))).toEqual(six);
    expect(await values(zipBytes(members().reverse()))).toEqual(six);
    expect(await values(zipBytes(members({ flags: 0, localSizes: [24, 24] })))).toEqual(six);
    expect(await values(zipBytes(members({ crc: 1 })))).toEqual(six);
  });

  it('has its checksums compared on demand', async () => {
    expect((await errorOf(() => values(zipBytes(members({ crc: 1 })), { checksums: true }))).code).toBe('ZIP_CHECKSUM');
    expect(await values(zipBytes(members()), { checksums: true })).toEqual(six);
  });

  it('may keep sizes, places and its end in fields of 64 bits', async () => {
    const at = zipBytes(members()).indexOf('PK\x03\x04', zipBytes(members()).indexOf('little'));
    const wide = members({
      size: 0xffffffff,
      compressedSize: 0xffffffff,
      offset: 0xffffffff,
      extra: zip64(24n, 24n, BigInt(at)),
    });
    expect(await values(zipBytes(wide))).toEqual(six);
    const { count, size, offset } = directoryOf(zipBytes(members()));
    const before = end64(count, size, offset);
    expect(await values(zipBytes(members(), { before }))).toEqual(six);
    expect(await values(zipBytes(members(), { before, count: 0xffff, size: 0xffffffff, offset: 0xffffffff }))).toEqual(
      six,
    );
  });

  const { count, size, offset } = directoryOf(zipBytes(members()));
  const first = members()[0] as Member;
  it.each([
    ['encrypted', members({ flags: 0x809 }), {}, 'ZIP_ENCRYPTED'],
    ['of method 12', members({ method: 12 }), {}, 'ZIP_METHOD'],
    ['stored, with two sizes', members({ compressedSize: 20 }), {}, 'ZIP_MISMATCH'],
    ['a bomb', members({ deflate: true, size: 2 ** 31 }), {}, 'ZIP_BOMB'],
    ['two of one name', [...members(), first], {}, 'ZIP_DUPLICATE_NAME'],
    ['two roots', [...members(), { ...first, name: 'other/data.pkl' }], {}, 'ZIP_DUPLICATE_NAME'],
    ['at the place of another', members({ offset: 0 }), {}, 'ZIP_OVERLAP'],
    ['longer than its place', members({ size: 4000, compressedSize: 4000 }), {}, 'ZIP_OVERLAP'],
    ['behind the directory', members({ offset: 2 ** 31 }), {}, 'ZIP_OVERLAP'],
    ['of another local name', members({ localName: 'archive/data/1' }), {}, 'ZIP_MISMATCH'],
    ['of another local method', members({ localMethod: 8 }), {}, 'ZIP_MISMATCH'],
    ['of other local sizes', members({ localSizes: [24, 23] }), {}, 'ZIP_MISMATCH'],
    ['without a local header', members({ localSignature: 0x12345678 }), {}, 'ZIP_INVALID'],
    ['on another disk', members({ disk: 1 }), {}, 'ZIP_MULTI_DISK'],
    ['in an archive of several', members(), { disk: 1 }, 'ZIP_MULTI_DISK'],
    [
      'with a zip64 size that is not there',
      members({ size: 0xffffffff, compressedSize: 0xffffffff }),
      {},
      'ZIP_INVALID',
    ],
    [
      'with a zip64 size above 2^53',
      members({ size: 0xffffffff, compressedSize: 0xffffffff, extra: zip64(2n ** 60n, 2n ** 60n) }),
      {},
      'ZIP_INVALID',
    ],
    [
      'with an extra field that is cut off',
      members({ size: 0xffffffff, extra: Buffer.from([1, 0, 99, 0]) }),
      {},
      'ZIP_INVALID',
    ],
    ['with a NUL in its name', [...members(), { ...first, name: 'a\0b' }], {}, 'ZIP_INVALID'],
    ['with a comment behind it', members(), { comment: 'PK\x05\x06' }, 'ZIP_NO_DIRECTORY'],
    ['one of five', members(), { count: 5 }, 'ZIP_MISMATCH'],
    ['in a directory that is too short', members(), { size: size - 1 }, 'ZIP_INVALID'],
    ['in a directory elsewhere', members(), { offset: offset - 1 }, 'ZIP_INVALID'],
    ['counted differently by zip64', members(), { before: end64(count, size, offset, { count: 9 }) }, 'ZIP_MISMATCH'],
    [
      'under a locator that points elsewhere',
      members(),
      { before: end64(count, size, offset, { at: 3 }) },
      'ZIP_INVALID',
    ],
    ['on one of two disks of zip64', members(), { before: end64(count, size, offset, { disks: 2 }) }, 'ZIP_MULTI_DISK'],
    ['none', [], {}, 'UNKNOWN_FORMAT'],
    ['none of PyTorch', [{ name: 'word/document.xml', content: numbers }], {}, 'UNKNOWN_FORMAT'],
    ['not its version', members().slice(0, 3), {}, 'ZIP_INVALID'],
  ] as [string, Member[], End, string][])('is refused with a member that is %s', async (_, list, end, code) => {
    const error = await errorOf(() => values(zipBytes(list, end)));
    expect(error).toMatchObject({ name: 'CheckpointError', code, file: path });
    expect(error.message).toMatch(/^Unable to load weights from pytorch checkpoint file/);
  });

  it('is refused when something stands before it, follows it, or is missing', async () => {
    const bytes = zipBytes(members());
    expect((await errorOf(() => values(Buffer.concat([Buffer.from('PK\x03\x04'), bytes])))).code).toBe('ZIP_INVALID');
    expect((await errorOf(() => values(Buffer.concat([bytes, bytes])))).code).toBe('ZIP_INVALID');
    expect((await errorOf(() => values(Buffer.concat([bytes, Buffer.from('x')])))).code).toBe('ZIP_NO_DIRECTORY');
    for (let length = 4; length < bytes.byteLength; length += 13) {
      const error = await errorOf(() => values(bytes.subarray(0, length)));
      expect(error).toMatchObject({ code: 'ZIP_NO_DIRECTORY', message: expect.stringMatching(/truncated/) });
      expect(error.message).toContain('from_tf=True');
    }
  });

  it.each([
    ['inflates to too little', { size: 28 }, 'ZIP_INVALID'],
    ['inflates to too much', { size: 20 }, 'ZIP_INVALID'],
    ['is no deflated stream', { deflate: false, method: 8 }, 'ZIP_INVALID'],
  ])('is refused when a deflated pickle %s', async (_, change, code) => {
    const list = members().map((member) =>
      member.name === 'archive/byteorder' ? { ...member, deflate: true, content: numbers, ...change } : member,
    );
    expect((await errorOf(() => values(zipBytes(list)))).code).toBe(code);
  });

  it.each([
    ['big', 'BIG_ENDIAN', /byteorder is big/],
    ['middle', 'ZIP_INVALID', /byteorder is 'middle'/],
  ])('is refused by the byte order %s', async (order, code, message) => {
    const list = members().map((member) =>
      member.name === 'archive/byteorder' ? { ...member, content: Buffer.from(order) } : member,
    );
    const error = await errorOf(() => values(zipBytes(list)));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each([
    ['11\n', 'UNSUPPORTED_FORMAT'],
    ['x', 'ZIP_INVALID'],
    ['1'.repeat(65), 'ZIP_INVALID'],
  ])('is refused by version %j', async (version, code) => {
    const list = members().map((member) =>
      member.name === 'archive/version' ? { ...member, content: Buffer.from(version) } : member,
    );
    expect((await errorOf(() => values(zipBytes(list)))).code).toBe(code);
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'EMPTY_FILE', /no bytes/],
    [
      'the pointer of git-lfs',
      Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
      'GIT_LFS_POINTER',
      /git-lfs/,
    ],
    ['a web page', Buffer.from('<!DOCTYPE html>'), 'UNKNOWN_FORMAT', /web page/],
    ['a 7z archive', Buffer.from('377abcaf271c0004', 'hex'), 'UNKNOWN_FORMAT', /377abcaf/],
    ['a gzip file', gzipSync(zipBytes(members())), 'UNKNOWN_FORMAT', /gzip/],
    [
      'safetensors',
      Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}    ')]),
      'UNKNOWN_FORMAT',
      /safetensors/,
    ],
    ['three bytes', Buffer.from('PK\x03'), 'UNKNOWN_FORMAT', /504b03/],
  ])('is not %s', async (_, bytes, code, message) => {
    const error = await errorOf(() => values(bytes));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    if (code !== 'GIT_LFS_POINTER') expect(error.message).toContain('from_tf=True');
  });

  it('is noticed when it changes after it was opened', async () => {
    writeFileSync(path, zipBytes(members()));
    await using source = await openPyTorch(path);
    writeFileSync(path, zipBytes(members()).subarray(0, 100));
    expect((await errorOf(() => source.read('w'))).code).toBe('FILE_CHANGED');
    expect((await errorOf(() => source.verify())).code).toBe('FILE_CHANGED');
  });
});
