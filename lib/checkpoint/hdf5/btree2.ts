/** Trees of version 2: records in order, in nodes of one size. */
import { visit } from './btree1';
import { type Fields, UNDEFINED } from './fields';
import type { MetadataReader, Reading } from './metadata-reader';

/** Bytes of a node beside records and pointers: signature, version, type, checksum. */
const FRAME = 10;
const DEEPEST = 32;

interface Tree {
  type: number;
  nodeBytes: number;
  recordBytes: number;
  /** Bytes of the numbers that count a child's records, by the child's depth: its own, and with all below it. */
  countBytes: number;
  totalBytes: number[];
}

/** Is given each record of a tree. */
export type EachRecord = (record: Fields) => Iterable<void>;

/** Walks the records of the tree whose header is at `address`, in order. */
export function* btree2(
  reader: MetadataReader,
  address: number,
  types: readonly number[],
  each: EachRecord,
): Reading<void> {
  const { length, offset } = reader.widths;
  const header = yield* reader.summed(address, 22 + offset + length, 'the header of a tree');
  const type = header.signed('BTHD').u8();
  if (!types.includes(type)) throw header.invalid(`it holds records of type ${type}; expected ${types.join(' or ')}`);
  const [nodeBytes, recordBytes, depth] = [header.u32(), header.u16(), header.u16()];
  if (recordBytes === 0 || nodeBytes < FRAME + recordBytes) throw header.invalid('no record fits its nodes');
  if (depth > DEEPEST) throw header.invalid(`it is ${depth} levels deep; at most ${DEEPEST}`);
  const root = header.skip(2).address();
  const count = header.u16();
  const total = header.length();
  if (root === UNDEFINED || total === 0) return;
  const tree = measured({ type, nodeBytes, recordBytes }, depth, offset);
  let seen = 0;
  const counted: EachRecord = (record) => {
    if (++seen > total) throw header.invalid(`it has more than the ${total} records that it states`);
    return each(record);
  };
  yield* walk(reader, tree, root, depth, count, new Set(), counted);
  if (seen !== total) throw header.invalid(`it has ${seen} records and states ${total}`);
}

function measured(tree: Pick<Tree, 'type' | 'nodeBytes' | 'recordBytes'>, depth: number, offset: number): Tree {
  const room = tree.nodeBytes - FRAME;
  let most = Math.floor(room / tree.recordBytes);
  const countBytes = bytesFor(most);
  const totalBytes = [0];
  for (let level = 1; level <= depth; level++) {
    const pointer = offset + countBytes + (totalBytes[level - 1] as number);
    const records = Math.floor((room - pointer) / (tree.recordBytes + pointer));
    most = Math.min((records + 1) * most + records, Number.MAX_SAFE_INTEGER);
    totalBytes.push(bytesFor(most));
  }
  return { ...tree, countBytes, totalBytes };
}

/** Bytes of a number up to `most`. */
export function bytesFor(most: number): number {
  return Math.floor(Math.log2(Math.max(most, 1)) / 8) + 1;
}

function* walk(
  reader: MetadataReader,
  tree: Tree,
  address: number,
  depth: number,
  count: number,
  seen: Set<number>,
  each: EachRecord,
): Reading<void> {
  visit(reader, seen, address);
  const { offset } = reader.widths;
  const pointer = offset + tree.countBytes + (tree.totalBytes[depth - 1] ?? 0);
  const bytes = FRAME + count * tree.recordBytes + (depth === 0 ? 0 : (count + 1) * pointer);
  if (bytes > tree.nodeBytes) throw reader.fail('H5_INVALID', `${count} records do not fit a node of a tree`, address);
  const node = yield* reader.summed(address, bytes, 'a node of a tree');
  const type = node.signed(depth === 0 ? 'BTLF' : 'BTIN').u8();
  if (type !== tree.type) throw node.invalid(`it holds records of type ${type} and not ${tree.type}`);
  const records = Array.from({ length: count }, () => node.part(tree.recordBytes));
  if (depth === 0) {
    for (const record of records) yield* each(record);
    return;
  }
  for (let i = 0; i <= count; i++) {
    const child = node.address();
    const childCount = node.uint(tree.countBytes);
    node.skip(tree.totalBytes[depth - 1] as number);
    if (child === UNDEFINED) throw node.invalid('a child has no address');
    yield* walk(reader, tree, child, depth - 1, childCount, seen, each);
    if (i < count) yield* each(records[i] as Fields);
  }
}
