import { type Fields, UNDEFINED } from './fields';
import type { MetadataReader, Reading } from './metadata-reader';

/** Levels of a tree: each has at least one entry, so a real one is never this deep. */
const DEEPEST = 32;
/** Bytes of a node of a group's tree, as HDF5 makes it. */
const MOST_ALONG = 1024;

/** Is given each entry of the leaves: the key in front of a child, and where the child lies. */
export type EachEntry = (key: Fields, child: number) => Iterable<void>;

/**
 * Walks the entries of the leaves of a tree of version 1, in order.
 * @param type - 0 for the names of a group, 1 for chunks
 */
export function btree1(
  reader: MetadataReader,
  address: number,
  type: 0 | 1,
  keyBytes: number,
  each: EachEntry,
): Reading<void> {
  const seen = new Set<number>();
  return walk(null, address);

  function* walk(level: number | null, place: number): Reading<void> {
    visit(reader, seen, place);
    const node = yield* reader.patiently(() => readNode(reader, place, type, keyBytes));
    if (level !== null && node.level !== level) throw node.fields.invalid(`its level is ${node.level}, not ${level}`);
    if (node.level > DEEPEST) throw node.fields.invalid(`its level is ${node.level}; at most ${DEEPEST}`);
    for (let i = 0; i < node.count; i++) {
      const key = node.fields.part(keyBytes);
      const child = node.fields.address();
      if (child === UNDEFINED) throw node.fields.invalid('a child has no address');
      // A group's entries lie in nodes of their own.
      if (node.level === 0 && type === 0) visit(reader, seen, child);
      if (node.level === 0) yield* each(key, child);
      else yield* walk(node.level - 1, child);
    }
  }
}

/** The children of a tree that is one node, as a piece of work; null when it has more levels. */
export function readOnlyNode(
  reader: MetadataReader,
  address: number,
  type: 0 | 1,
  keyBytes: number,
): readonly number[] | null {
  const { fields, level, count } = readNode(reader, address, type, keyBytes);
  if (level > 0) return null;
  const children = new Array<number>(count);
  for (let i = 0; i < count; i++) {
    const child = fields.skip(keyBytes).address();
    if (child === UNDEFINED) throw fields.invalid('a child has no address');
    children[i] = child;
  }
  if (count > 1) {
    const seen = new Set([address]);
    for (const child of children) visit(reader, seen, child);
  }
  return children;
}

/** Two ways to one node would be two to all below it, and so without end. @throws CheckpointError `H5_INVALID` */
export function visit(reader: MetadataReader, seen: Set<number>, place: number): void {
  if (seen.size === seen.add(place).size)
    throw reader.fail('H5_INVALID', `two parents in a tree have one child, at byte ${place}`, place);
}

/** A node, and its fields from the first key on. */
interface Node {
  fields: Fields;
  level: number;
  count: number;
}

function readNode(reader: MetadataReader, address: number, type: number, keyBytes: number): Node {
  const what = type === 0 ? "a group's tree" : 'a tree of chunks';
  const { offset } = reader.widths;
  const headerBytes = 8 + 2 * offset;
  const header = reader.now(address, headerBytes, what, MOST_ALONG);
  if (!header.isSigned('TREE')) throw header.invalid(`it does not begin with 'TREE'`);
  const found = header.skip(4).u8();
  const level = header.u8();
  const count = header.u16();
  if (found !== type) throw header.invalid(`it is of type ${found} and not ${type}`);
  const fields = reader.rest(header.skip(2 * offset), count * (keyBytes + offset) + keyBytes);
  return { fields, level, count };
}
