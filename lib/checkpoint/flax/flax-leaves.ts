/** Takes the arrays by name out of the tree that a Flax file is, and puts leaves together that were cut into chunks. */
import type { Steps } from '../../turns';
import type { StoredDType } from '../dtype';
import { dtypeNumber } from '../dtype';
import { quote } from '../fault';
import type { HeaderLimits } from '../header-limits';
import type { FileRange } from '../source';
import { tensorBytes } from '../tensor-table';
import type { ArrayLeaf, Branch, TreeNode } from './msgpack-tree';
import type { MsgpackFail } from './msgpack-window';

/** A tensor whose place has been checked. */
export interface FlaxTensor {
  dtype: StoredDType;
  shape: number[];
  byteLength: number;
  /** Where its bytes lie, one part behind the other. */
  pieces: FileRange[];
}

export interface FlaxLeaves {
  /** By path in the tree, joined by '/', in the order of the file. */
  tensors: Map<string, FlaxTensor>;
  otherKeys: string[];
}

/** The key of a branch that is one array in chunks. */
export const CHUNKED = '__msgpack_chunked_array__';
/** Nodes between two steps. */
const AT_ONCE = 64;
/** How a leaf begins that stands in for an array of several hosts, which lies in files of its own. */
const MULTI_HOST = '//GDAPlaceholder:';

/** @throws CheckpointError `NOT_A_STATE_DICT`, `DUPLICATE_NAME`, `NAME_TOO_LONG`, `TOO_MANY_TENSORS`, `UNSUPPORTED_TENSOR`, `MSGPACK_CHUNKS` */
export function* flaxLeaves(root: TreeNode, limits: HeaderLimits, fail: MsgpackFail): Steps<FlaxLeaves> {
  if (root.kind !== 'branch' || root.isList || root.children.has(CHUNKED)) {
    const what = root.kind === 'branch' && root.isList ? 'a list' : 'a single value';
    return fail('NOT_A_STATE_DICT', `it holds ${what}; expected a tree of arrays by name`);
  }
  return yield* new Leaves(limits, fail).of(root);
}

class Leaves {
  private readonly tensors = new Map<string, FlaxTensor>();
  private readonly otherKeys: string[] = [];
  private nameBytes = 0;
  private seen = 0;

  constructor(
    private readonly limits: HeaderLimits,
    private readonly fail: MsgpackFail,
  ) {}

  *of(root: Branch): Steps<FlaxLeaves> {
    yield* this.walk(root, '');
    return { tensors: this.tensors, otherKeys: this.otherKeys };
  }

  /** The tree is no deeper than the limits allow. */
  private *walk(branch: Branch, prefix: string): Steps<void> {
    for (const [key, node] of branch.children) {
      const path = prefix === '' ? key : `${prefix}/${key}`;
      if (++this.seen % AT_ONCE === 0) yield;
      this.count(path);
      if (node.kind === 'array') this.add(path, whole(node));
      else if (node.kind === 'branch') {
        if (node.children.has(CHUNKED)) this.add(path, this.chunked(node, path));
        else yield* this.walk(node, path);
      } else {
        if (typeof node.value === 'string' && node.value.startsWith(MULTI_HOST)) this.refuseMultiHost(path);
        this.otherKeys.push(path);
      }
    }
  }

  private add(name: string, tensor: FlaxTensor): void {
    if (this.tensors.has(name)) this.fail('DUPLICATE_NAME', `two of its arrays are called ${quote(name)}`);
    this.tensors.set(name, tensor);
    const { tensors } = this.limits;
    if (this.tensors.size > tensors) this.fail('TOO_MANY_TENSORS', `it holds more than ${tensors} tensors`);
  }

  /** A long key above many others would stand in each of their names. */
  private count(name: string): void {
    const { nameBytes, headerBytes } = this.limits;
    if (name.length > nameBytes) this.fail('NAME_TOO_LONG', `a name has more than ${nameBytes} characters`);
    this.nameBytes += name.length;
    if (this.nameBytes > headerBytes) {
      this.fail('MSGPACK_TOO_LARGE', `its names have more than ${headerBytes} characters together`);
    }
  }

  private refuseMultiHost(path: string): never {
    return this.fail(
      'UNSUPPORTED_TENSOR',
      `${quote(path)} is an array of several hosts, whose parts lie in other files; gather it on one host and save it again`,
    );
  }

  /** `{__msgpack_chunked_array__: true, shape: {'0': …}, chunks: {'0': …}}` as one tensor. */
  private chunked({ children }: Branch, path: string): FlaxTensor {
    const wrong: (what: string) => never = (what) =>
      this.fail('MSGPACK_CHUNKS', `${quote(path)}, an array cut into chunks, ${what}`);
    const stray = [...children.keys()].find((key) => ![CHUNKED, 'shape', 'chunks'].includes(key));
    if (stray !== undefined) wrong(`has an entry ${quote(stray)} beside shape and chunks`);
    const shape = inOrder(children.get('shape')).map((node) => {
      const value = node?.kind === 'other' ? node.value : null;
      if (typeof value !== 'number' || !(value >= 0 && value <= this.limits.dimension)) {
        wrong('has a shape that is not numbered from 0 on, or holds no whole numbers');
      }
      return value as number;
    });
    if (shape.length > this.limits.dimensions) {
      this.fail('TOO_MANY_DIMENSIONS', `${quote(path)} has ${shape.length} dimensions`);
    }
    const chunks = inOrder(children.get('chunks'));
    const [first] = chunks;
    if (first?.kind !== 'array') wrong('has no chunks');
    const { dtype } = first as ArrayLeaf;
    const pieces = chunks.map((node): FileRange => {
      if (node?.kind !== 'array') return wrong('lacks a chunk: they are not numbered from 0 on');
      if (node.dtype !== dtype || node.shape.length !== 1) {
        wrong(`has a chunk of ${node.dtype} [${node.shape}] behind one of ${dtype}; expected vectors of one type`);
      }
      return { offset: node.begin, length: node.byteLength };
    });
    const byteLength = pieces.reduce((sum, { length }) => sum + length, 0);
    const needed = tensorBytes(dtypeNumber(dtype), shape, shape.length);
    if (needed !== byteLength) wrong(`of ${dtype} [${shape}] needs ${needed} bytes, and its chunks have ${byteLength}`);
    return { dtype, shape, byteLength, pieces };
  }
}

function whole({ dtype, shape, begin, byteLength }: ArrayLeaf): FlaxTensor {
  return { dtype, shape, byteLength, pieces: [{ offset: begin, length: byteLength }] };
}

/** What stands under '0', '1' …, as many as there are entries; undefined where a number is missing. */
function inOrder(node: TreeNode | undefined): (TreeNode | undefined)[] {
  if (node?.kind !== 'branch') return [];
  return Array.from({ length: node.children.size }, (_, i) => node.children.get(String(i)));
}
