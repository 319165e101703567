/** Which objects a file of Keras' weights consists of, and where each lies. */
import type { PlainDType } from '../dtype';
import { invalid, type TensorToWrite } from '../safetensors-writer';
import {
  datasetMessages,
  groupMessages,
  headerBytes,
  linkMessage,
  MOST_MESSAGE_BYTES,
  objectHeader,
  SUPERBLOCK_BYTES,
  superblock,
  textMessage,
  textsMessage,
  widthOf,
} from './hdf5-encoder';

/** Keras cuts lists of names that take more, as HDF5 holds no more of an attribute in a header. */
const MOST_LIST_BYTES = 64_512;
/** Data begins at multiples of this. */
const ALIGNMENT = 64;

/** A tensor, and the groups of its path. */
export interface PlacedTensor {
  tensor: TensorToWrite;
  byteLength: number;
  path: string;
}

/** A list of names that a group has as an attribute. */
export interface NameList {
  group: string;
  name: string;
  texts: readonly string[];
}

interface Node {
  children: Map<string, Node>;
  /** Null for a group. */
  dataset: PlacedTensor | null;
  attributes: Buffer[];
  address: number;
  /** Where the dataset's bytes lie. */
  data: number;
}

/** The bytes in front of the data, and where each tensor's bytes begin. */
export interface Hdf5Plan {
  head: Buffer;
  offsets: Map<PlacedTensor, number>;
}

export function planFile(
  tensors: readonly PlacedTensor[],
  lists: readonly NameList[],
  texts: Readonly<Record<string, string>>,
): Hdf5Plan {
  const root = newNode();
  const nodes = new Map<TensorToWrite, Node>();
  for (const placed of tensors) {
    const { tensor, path } = placed;
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? root : at(root, path.slice(0, slash), tensor.name);
    const last = checkedPart(path.slice(slash + 1), tensor.name);
    if (parent.dataset || parent.children.has(last)) throw taken(tensor.name);
    // A weight of several layers is one dataset under several paths.
    const node = nodes.get(tensor) ?? { ...newNode(), dataset: placed };
    nodes.set(tensor, node);
    parent.children.set(last, node);
  }
  for (const { group, name, texts: items } of lists) {
    const node = group === '' ? root : at(root, group, group);
    if (node.dataset) throw taken(group);
    for (const [i, part, parts] of cut(items)) {
      node.attributes.push(textsMessage(parts === 1 ? name : `${name}${i}`, part));
    }
  }
  for (const [name, text] of Object.entries(texts)) root.attributes.push(textMessage(name, text));
  return layOut(root);
}

function newNode(): Node {
  return { children: new Map(), dataset: null, attributes: [], address: 0, data: 0 };
}

function at(root: Node, path: string, name: string): Node {
  let node = root;
  for (const part of path.split('/')) {
    checkedPart(part, name);
    if (node.dataset) throw taken(name);
    let child = node.children.get(part);
    if (child === undefined) {
      child = newNode();
      node.children.set(part, child);
    }
    node = child;
  }
  return node;
}

function checkedPart(part: string, name: string): string {
  if (part === '' || part === '.')
    throw invalid(
      'HEADER_INVALID_ENTRY',
      name,
      'has an empty part between slashes, or a dot, which is no path in HDF5',
    );
  if (Buffer.byteLength(part) > MOST_MESSAGE_BYTES - 32)
    throw invalid('NAME_TOO_LONG', name, 'has a part of its name that is too long');
  return part;
}

function taken(name: string) {
  return invalid('DUPLICATE_NAME', name, 'has the place of another, or lies inside of it');
}

/** Parts of a list that an attribute can hold each: equal ones, as Keras makes them. */
function cut(texts: readonly string[]): [index: number, part: readonly string[], parts: number][] {
  const width = widthOf(texts);
  if (width > MOST_LIST_BYTES)
    throw invalid('NAME_TOO_LONG', texts[0] as string, `is in a list with a name of ${width} bytes`);
  let parts = 1;
  while (Math.ceil(texts.length / parts) * width > MOST_LIST_BYTES) parts++;
  // The first ones are longer by one where the list does not divide.
  const [short, longer] = [Math.floor(texts.length / parts), texts.length % parts];
  let from = 0;
  return Array.from({ length: parts }, (_, i) => {
    const part = texts.slice(from, from + short + (i < longer ? 1 : 0));
    from += part.length;
    return [i, part, parts];
  });
}

/** Places every header, then every dataset's bytes, and writes the headers. */
function layOut(root: Node): Hdf5Plan {
  const nodes = new Set<Node>();
  const collect = (node: Node) => {
    nodes.add(node);
    for (const child of node.children.values()) if (!nodes.has(child)) collect(child);
  };
  collect(root);
  let end = SUPERBLOCK_BYTES;
  for (const node of nodes) {
    node.address = end;
    end += headerBytes(Buffer.concat(messagesOf(node)).byteLength);
  }
  const headEnd = aligned(end);
  const offsets = new Map<PlacedTensor, number>();
  let fileEnd = headEnd;
  for (const node of nodes) {
    if (node.dataset === null) continue;
    node.data = aligned(fileEnd);
    offsets.set(node.dataset, node.data);
    fileEnd = node.dataset.byteLength === 0 ? fileEnd : node.data + node.dataset.byteLength;
  }
  const headers = Array.from(nodes, (node) => objectHeader(messagesOf(node)));
  const head = Buffer.alloc(headEnd);
  Buffer.concat([superblock(fileEnd, root.address), ...headers]).copy(head);
  return { head, offsets };
}

function messagesOf({ dataset, children, attributes, data }: Node): Buffer[] {
  if (dataset)
    return datasetMessages(dataset.tensor.dtype as PlainDType, dataset.tensor.shape, data, dataset.byteLength);
  const links = Array.from(children, ([name, child]) => linkMessage(name, child.address));
  return [...groupMessages(), ...links, ...attributes];
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}
