/** What a group holds, in either of the two ways in which HDF5 writes it. */
import { quote } from '../fault';
import { textOf } from './attribute';
import { btree1 } from './btree1';
import { btree2 } from './btree2';
import { type Fields, UNDEFINED } from './fields';
import { FractalHeap } from './fractal-heap';
import type { MetadataReader, Reading } from './metadata-reader';
import { MESSAGE, type ObjectHeader } from './object-header';

/** A name in a group, and what it leads to. */
export type Link =
  | { kind: 'hard'; name: string; address: number }
  | { kind: 'soft'; name: string; path: string }
  | { kind: 'external'; name: string; path: string };

type EachLink = (link: Link, fields: Fields) => void;

const SOFT = 1;
const EXTERNAL = 64;
/** What an entry of an old group says when it is a soft link. */
const CACHED_SOFT_LINK = 2;

export function isGroup({ messages }: ObjectHeader): boolean {
  for (const { type } of messages)
    if (type === MESSAGE.symbolTable || type === MESSAGE.linkInfo || type === MESSAGE.link) return true;
  return false;
}

/** Every link of a group, in the order in which it lists them. */
export function* readLinks(reader: MetadataReader, header: ObjectHeader, mostLinks: number): Reading<Link[]> {
  const links: Link[] = [];
  const add: EachLink = (link, fields) => {
    if (link.name === '' || link.name === '.' || link.name.includes('/'))
      throw fields.invalid(`a link is called ${quote(link.name)}`);
    if (links.push(link) > mostLinks)
      throw fields.fail('TOO_MANY_TENSORS', `a group holds more than ${mostLinks} links`, header.address);
  };
  for (const { type, fields } of header.messages) if (type === MESSAGE.link) add(linkOf(fields), fields);
  const info = header.find(MESSAGE.linkInfo)?.fields;
  if (info) yield* denseLinks(reader, info, add);
  const table = header.find(MESSAGE.symbolTable)?.fields;
  if (table) yield* oldLinks(reader, table, add);
  return links;
}

/** Links in the heap that a message of 'link info' points to. */
function* denseLinks(reader: MetadataReader, info: Fields, each: EachLink): Reading<void> {
  const version = info.u8();
  if (version !== 0) throw info.unsupported(`has version ${version}`);
  if (info.u8() & 1) info.skip(8);
  const [heapAt, namesAt] = [info.address(), info.address()];
  if (heapAt === UNDEFINED || namesAt === UNDEFINED) return;
  const heap = yield* FractalHeap.open(reader, heapAt);
  yield* btree2(reader, namesAt, [5], function* (record) {
    const fields = yield* heap.object(record.skip(4));
    each(linkOf(fields), fields);
  });
}

function linkOf(fields: Fields): Link {
  const version = fields.u8();
  if (version !== 1) throw fields.unsupported(`has version ${version}`);
  const flags = fields.u8();
  const type = flags & 8 ? fields.u8() : 0;
  if (flags & 4) fields.skip(8);
  if (flags & 16) fields.skip(1);
  const name = fields.take(fields.uint(1 << (flags & 3))).toString('utf8');
  if (type === 0) {
    const address = fields.address();
    if (address === UNDEFINED) throw fields.invalid(`link ${quote(name)} leads nowhere`);
    return { kind: 'hard', name, address };
  }
  const value = fields.take(fields.u16());
  if (type === SOFT) return { kind: 'soft', name, path: value.toString('utf8') };
  // An external link: a byte of flags, then the file's name and the path in it, each ending with NUL.
  if (type === EXTERNAL) return { kind: 'external', name, path: textOf(value.subarray(1)) };
  throw fields.unsupported(`is a link of type ${type}, called ${quote(name)}`);
}

/** The entries of an old group: a tree of nodes of entries, whose names lie in a heap. */
function* oldLinks(reader: MetadataReader, table: Fields, each: EachLink): Reading<void> {
  const { offset, length } = reader.widths;
  const treeAt = table.address();
  const heapAt = table.address();
  if (treeAt === UNDEFINED || heapAt === UNDEFINED) throw table.invalid('it has no tree or no heap');
  const heap = yield* reader.fields(heapAt, 8 + 2 * length + offset, "a group's heap");
  const heapBytes = heap.signed('HEAP').skip(3).length();
  heap.skip(length);
  const names = yield* reader.fields(heap.address(), heapBytes, 'the names of a group');
  const entryBytes = 2 * offset + 24;
  yield* btree1(reader, treeAt, 0, length, function* (_, child) {
    const head = yield* reader.fields(child, 8, 'a node of a group');
    const count = head.signed('SNOD', 1).skip(1).u16();
    const node = (yield* reader.fields(child, 8 + count * entryBytes, head.what)).skip(8);
    for (let i = 0; i < count; i++) {
      const fields = node.part(entryBytes);
      each(oldLink(fields, offset, names), fields);
    }
  });
}

function oldLink(fields: Fields, offset: number, names: Fields): Link {
  const name = textAt(names, fields.uint(offset), fields);
  const address = fields.address();
  if (fields.u32() === CACHED_SOFT_LINK)
    return { kind: 'soft', name, path: textAt(names, fields.skip(4).u32(), fields) };
  if (address === UNDEFINED) throw fields.invalid(`${quote(name)} leads nowhere`);
  return { kind: 'hard', name, address };
}

function textAt(names: Fields, at: number, fields: Fields): string {
  const found = names.textAt(at);
  if (found !== null) return found;
  throw fields.invalid(`a name at ${at} lies outside of the heap of ${names.byteLength} bytes`);
}
