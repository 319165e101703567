/** What a group holds, in either of the two ways in which HDF5 writes it. */
import { quote } from '../fault';
import { textOf } from './attribute';
import { btree1 } from './btree1';
import { btree2 } from './btree2';
import { type Fields, UNDEFINED } from './fields';
import { FractalHeap } from './fractal-heap';
import type { MetadataReader } from './metadata-reader';
import { MESSAGE, type ObjectHeader } from './object-header';

/** A name in a group, and what it leads to. */
export type Link =
  | { kind: 'hard'; name: string; address: number }
  | { kind: 'soft'; name: string; path: string }
  | { kind: 'external'; name: string; path: string };

const SOFT = 1;
const EXTERNAL = 64;
/** What an entry of an old group says when it is a soft link. */
const CACHED_SOFT_LINK = 2;

export function isGroup(header: ObjectHeader): boolean {
  return [MESSAGE.symbolTable, MESSAGE.linkInfo, MESSAGE.link].some((type) => header.find(type) !== undefined);
}

/** Every link of a group, in the order in which it lists them. */
export async function readLinks(reader: MetadataReader, header: ObjectHeader, mostLinks: number): Promise<Link[]> {
  const links: Link[] = [];
  const add = (link: Link, fields: Fields) => {
    if (link.name === '' || link.name === '.' || link.name.includes('/'))
      throw fields.invalid(`a link is called ${quote(link.name)}`);
    if (links.push(link) > mostLinks)
      throw fields.fail('TOO_MANY_TENSORS', `a group holds more than ${mostLinks} links`, header.address);
  };
  for (const { fields } of header.all(MESSAGE.link)) add(linkOf(fields), fields);
  const info = header.find(MESSAGE.linkInfo)?.fields;
  if (info) for await (const fields of denseObjects(reader, info)) add(linkOf(fields), fields);
  const table = header.find(MESSAGE.symbolTable)?.fields;
  if (table) for await (const { link, fields } of oldLinks(reader, table)) add(link, fields);
  return links;
}

/** Objects of the heap that a message of 'link info' points to. */
async function* denseObjects(reader: MetadataReader, info: Fields): AsyncGenerator<Fields> {
  const version = info.u8();
  if (version !== 0) throw info.unsupported(`has version ${version}`);
  if (info.u8() & 1) info.skip(8);
  const [heapAt, namesAt] = [info.address(), info.address()];
  if (heapAt === UNDEFINED || namesAt === UNDEFINED) return;
  const heap = await FractalHeap.open(reader, heapAt);
  for await (const record of btree2(reader, namesAt, [5])) yield await heap.object(record.skip(4));
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
async function* oldLinks(reader: MetadataReader, table: Fields): AsyncGenerator<{ link: Link; fields: Fields }> {
  const { offset, length } = reader.widths;
  const [treeAt, heapAt] = [table.address(), table.address()];
  if (treeAt === UNDEFINED || heapAt === UNDEFINED) throw table.invalid('it has no tree or no heap');
  const heap = await reader.fields(heapAt, 8 + 2 * length + offset, "a group's heap");
  const heapBytes = heap.signed('HEAP').skip(3).length();
  heap.skip(length);
  const names = await reader.bytes(heap.address(), heapBytes, 'the names of a group');
  const text = (at: number, fields: Fields) => {
    const end = at < names.byteLength ? names.indexOf(0, at) : -1;
    if (end < 0) throw fields.invalid(`a name at ${at} lies outside of the heap of ${names.byteLength} bytes`);
    return names.toString('utf8', at, end);
  };
  const entryBytes = 2 * offset + 24;
  for await (const { child } of btree1(reader, treeAt, 0, length)) {
    const head = await reader.fields(child, 8, 'a node of a group');
    const count = head.signed('SNOD', 1).skip(1).u16();
    const node = await reader.fields(child, 8 + count * entryBytes, head.what);
    node.skip(8);
    for (let i = 0; i < count; i++) {
      const fields = node.part(entryBytes);
      const name = text(fields.uint(offset), fields);
      const address = fields.address();
      const cached = fields.u32();
      if (cached === CACHED_SOFT_LINK) {
        const path = text(fields.skip(4).u32(), fields);
        yield { link: { kind: 'soft', name, path }, fields };
      } else if (address === UNDEFINED) {
        throw fields.invalid(`${quote(name)} leads nowhere`);
      } else {
        yield { link: { kind: 'hard', name, address }, fields };
      }
    }
  }
}
