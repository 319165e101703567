/** What a group holds, in either of the two ways in which HDF5 writes it. */
import { quote } from '../fault';
import { textOf } from './attribute';
import { btree1, readOnlyNode } from './btree1';
import { type Fields, UNDEFINED } from './fields';
import { type MetadataReader, NOTHING, type Reading } from './metadata-reader';
import { MESSAGE, type ObjectHeader } from './object-header';
import { denseReader } from './rare';

/** A name in a group, and what it leads to. */
export type Link =
  | { kind: 'hard'; name: string; address: number }
  | { kind: 'soft'; name: string; path: string }
  | { kind: 'external'; name: string; path: string };

type EachLink = (link: Link, fields: Fields) => void;

/** Bytes of a node of entries, as HDF5 makes it. */
const MOST_ALONG = 512;
/** Links that are read as one piece of work, and the nodes that they lie in. */
const MOST_FEW = 1024;
const MOST_NODES = 64;
const SOFT = 1;
const EXTERNAL = 64;
/** What an entry of an old group says when it is a soft link. */
const CACHED_SOFT_LINK = 2;

export function isGroup(header: ObjectHeader): boolean {
  return header.has(MESSAGE.symbolTable) || header.has(MESSAGE.linkInfo) || header.has(MESSAGE.link);
}

/** Every link of a group, in the order in which it lists them. */
export function* readLinks(reader: MetadataReader, header: ObjectHeader, mostLinks: number): Reading<Link[]> {
  const few = yield* reader.patiently(() => readFewLinks(reader, header, mostLinks));
  if (few !== null) return few;
  const links: Link[] = [];
  const add = adder(links, mostLinks, header);
  for (const { type, fields } of header.messages) if (type === MESSAGE.link) add(linkOf(fields), fields);
  const info = header.find(MESSAGE.linkInfo)?.fields;
  if (info)
    yield* denseReader().denseLinks(reader, info, (fields) => {
      add(linkOf(fields), fields);
      return NOTHING;
    });
  const table = header.find(MESSAGE.symbolTable)?.fields;
  if (table) yield* oldLinks(reader, table, add);
  return links;
}

/** Every link of an old group whose tree is one node, as most have it, as a piece of work; null for any other group. */
function readFewLinks(reader: MetadataReader, header: ObjectHeader, mostLinks: number): Link[] | null {
  const table = header.find(MESSAGE.symbolTable)?.fields;
  if (table === undefined || header.has(MESSAGE.link) || header.has(MESSAGE.linkInfo)) return null;
  const { tree, heap } = placesOf(table.again());
  const children = readOnlyNode(reader, tree, 0, reader.widths.length);
  if (children === null || children.length > MOST_NODES) return null;
  const links: Link[] = [];
  const add = adder(links, mostLinks, header);
  const names = readNames(reader, heap);
  for (const child of children) {
    readEntries(reader, child, names, add);
    if (links.length > MOST_FEW) return null;
  }
  return links;
}

function adder(links: Link[], mostLinks: number, { address }: ObjectHeader): EachLink {
  return (link, fields) => {
    checkLink(link, fields);
    if (links.push(link) > mostLinks)
      throw fields.fail('TOO_MANY_TENSORS', `a group holds more than ${mostLinks} links`, address);
  };
}

function checkLink({ name }: Link, fields: Fields): void {
  if (name === '' || name === '.' || name.includes('/')) throw fields.invalid(`a link is called ${quote(name)}`);
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
  const { tree, heap } = placesOf(table.again());
  const names = yield* reader.patiently(() => readNames(reader, heap));
  yield* btree1(reader, tree, 0, reader.widths.length, (_, child) =>
    reader.patiently(() => readEntries(reader, child, names, each)),
  );
}

function placesOf(table: Fields): { tree: number; heap: number } {
  const tree = table.address();
  const heap = table.address();
  if (tree === UNDEFINED || heap === UNDEFINED) throw table.invalid('it has no tree or no heap');
  return { tree, heap };
}

function readNames(reader: MetadataReader, address: number): Fields {
  const { offset, length } = reader.widths;
  const heap = reader.now(address, 8 + 2 * length + offset, "a group's heap");
  const bytes = heap.signed('HEAP').skip(3).length();
  return reader.now(heap.skip(length).address(), bytes, 'the names of a group');
}

function readEntries(reader: MetadataReader, address: number, names: Fields, each: EachLink): void {
  const { offset } = reader.widths;
  const head = reader.now(address, 8, 'a node of a group', MOST_ALONG);
  const count = head.signed('SNOD', 1).skip(1).u16();
  const entryBytes = 2 * offset + 24;
  const node = reader.rest(head, count * entryBytes);
  for (let i = 0; i < count; i++) each(oldLink(node, offset, names), node);
}

function oldLink(node: Fields, offset: number, names: Fields): Link {
  const name = textAt(names, node.uint(offset), node);
  const address = node.address();
  const cached = node.u32();
  node.skip(4);
  const scratch = node.u32();
  node.skip(12);
  if (cached === CACHED_SOFT_LINK) return { kind: 'soft', name, path: textAt(names, scratch, node) };
  if (address === UNDEFINED) throw node.invalid(`${quote(name)} leads nowhere`);
  return { kind: 'hard', name, address };
}

function textAt(names: Fields, at: number, fields: Fields): string {
  const found = names.textAt(at);
  if (found !== null) return found;
  throw fields.invalid(`a name at ${at} lies outside of the heap of ${names.byteLength} bytes`);
}
