import { foreignFormat, isGitLfsPointer } from '../foreign-format';
import { UNDEFINED } from './fields';
import type { MetadataReader } from './metadata-reader';

const SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
/** A file may begin with something else: HDF5 then begins at 512, 1024, 2048 … */
const FIRST_USER_BLOCK = 512;
/** Bytes of the longest superblock. */
const LONGEST = 108;

/** Finds the superblock, sets the reader's widths by it, and gives the address of the root group's header: a piece of work. */
export function readSuperblock(reader: MetadataReader): number {
  const { size } = reader.file;
  const start = findSignature(reader);
  const fields = reader.now(start, Math.min(LONGEST, size - start), 'its superblock');
  const version = fields.skip(SIGNATURE.byteLength).u8();
  if (version > 3) throw fields.unsupported(`has version ${version}`);
  if (version < 2) fields.skip(4);
  const widths = { offset: fields.u8(), length: fields.u8(), base: 0 };
  for (const width of [widths.offset, widths.length]) {
    if (width !== 2 && width !== 4 && width !== 8) throw fields.unsupported(`counts in numbers of ${width} bytes`);
  }
  // The group's and index's K, and flags: every node tells its own size.
  if (version < 2) fields.skip(version === 0 ? 9 : 13);
  else fields.skip(1);
  Object.assign(fields.widths, widths);
  reader.widths = fields.widths;
  const base = fields.address();
  // Version 0 and 1: free space; 2 and 3: an extension, of which a reader needs nothing.
  fields.address();
  const end = fields.address();
  if (base !== 0 && base !== start) throw fields.invalid(`it counts from ${base}; expected 0 or ${start}`);
  if (end === UNDEFINED || end > size) {
    throw reader.fail('H5_INVALID', `it should have ${end} bytes and has ${size}; it is truncated: fetch it again`);
  }
  if (version < 2) {
    if (fields.address() !== UNDEFINED) throw fields.unsupported('belongs to a file in several parts');
    fields.skip(widths.offset);
  }
  const root = fields.address();
  if (version >= 2) reader.checkSum(fields.bytes.subarray(0, fields.skip(4).at), 'its superblock', start);
  if (root === UNDEFINED) throw fields.invalid('it names no root group');
  reader.widths = { ...widths, base };
  return root + base;
}

function findSignature(reader: MetadataReader): number {
  const { size } = reader.file;
  if (size === 0) throw reader.fail('EMPTY_FILE', 'it has no bytes; fetch it again');
  for (let start = 0; start + SIGNATURE.byteLength <= size; start = Math.max(FIRST_USER_BLOCK, start * 2)) {
    const found = reader.now(start, SIGNATURE.byteLength, 'its superblock').bytes;
    if (found.equals(SIGNATURE)) return start;
    if (start === 0 && isGitLfsPointer(found)) {
      throw reader.fail('GIT_LFS_POINTER', "it is a pointer of git-lfs; run 'git lfs pull' in its folder");
    }
  }
  const foreign = foreignFormat(reader.now(0, Math.min(SIGNATURE.byteLength, size), 'its superblock').bytes);
  const what = foreign ?? 'does not begin with that signature; fetch or save it again';
  throw reader.fail('UNKNOWN_FORMAT', `it is no HDF5 file: it ${foreign === null ? '' : 'is '}${what}`);
}
