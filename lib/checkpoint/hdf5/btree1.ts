import { type Fields, UNDEFINED } from './fields';
import type { MetadataReader } from './metadata-reader';

/** Levels of a tree: each has at least one entry, so a real one is never this deep. */
const DEEPEST = 32;

/** A leaf's entry: the key in front of the child, and where the child lies. */
export interface TreeEntry {
  key: Fields;
  child: number;
}

/**
 * The entries of the leaves of a tree of version 1, in order.
 * @param type - 0 for the names of a group, 1 for chunks
 */
export async function* btree1(
  reader: MetadataReader,
  address: number,
  type: 0 | 1,
  keyBytes: number,
): AsyncGenerator<TreeEntry> {
  const seen = new Set<number>();
  yield* walk(null, address);

  async function* walk(level: number | null, place: number): AsyncGenerator<TreeEntry> {
    visit(reader, seen, place);
    const node = await readNode(reader, place, type, keyBytes);
    if (level !== null && node.level !== level) throw node.fields.invalid(`its level is ${node.level}, not ${level}`);
    if (node.level > DEEPEST) throw node.fields.invalid(`its level is ${node.level}; at most ${DEEPEST}`);
    for (const [i, child] of node.children.entries()) {
      const key = node.keys[i] as Fields;
      if (child === UNDEFINED) throw node.fields.invalid('a child has no address');
      // A group's entries lie in nodes of their own.
      if (node.level === 0 && type === 0) visit(reader, seen, child);
      if (node.level === 0) yield { key, child };
      else yield* walk(node.level - 1, child);
    }
  }
}

/** Two ways to one node would be two to all below it, and so without end. @throws CheckpointError `H5_INVALID` */
export function visit(reader: MetadataReader, seen: Set<number>, place: number): void {
  if (seen.size === seen.add(place).size)
    throw reader.fail('H5_INVALID', `two parents in a tree have one child, at byte ${place}`, place);
}

async function readNode(reader: MetadataReader, address: number, type: number, keyBytes: number) {
  const what = type === 0 ? "a group's tree" : 'a tree of chunks';
  const { offset } = reader.widths;
  const headerBytes = 8 + 2 * offset;
  const header = await reader.fields(address, headerBytes, what);
  const signature = header.take(4).toString('latin1');
  if (signature !== 'TREE') throw header.invalid(`it does not begin with 'TREE'`);
  const [found, level, count] = [header.u8(), header.u8(), header.u16()];
  if (found !== type) throw header.invalid(`it is of type ${found} and not ${type}`);
  const fields = await reader.fields(address, headerBytes + count * (keyBytes + offset) + keyBytes, what);
  fields.skip(headerBytes);
  const keys: Fields[] = [];
  const children: number[] = [];
  for (let i = 0; i < count; i++) {
    keys.push(fields.part(keyBytes));
    children.push(fields.address());
  }
  return { fields, level, keys, children };
}
