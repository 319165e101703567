import { TypeError, ValueError } from '../../errors';
import { type DType, isFloating } from '../../tensor/dtype';
import { cast } from '../../tensor/ops/cast';
import { Tensor } from '../../tensor/tensor';

/** Parameters as Flax holds them: tensors in a tree of names. */
export interface FlaxTree {
  [name: string]: Tensor | FlaxTree;
}

/** A tree of the same names whose leaves say which tensors are meant. */
export interface FlaxMask {
  [name: string]: boolean | FlaxMask;
}

/** The tree of tensors under names that are paths. @throws ValueError when a path leads through a tensor */
export function treeOf(leaves: Iterable<readonly [path: readonly string[], tensor: Tensor]>): FlaxTree {
  const root: FlaxTree = emptyTree();
  for (const [path, tensor] of leaves) {
    let branch = root;
    for (const name of path.slice(0, -1)) {
      const next = branch[name] ?? emptyTree();
      if (next instanceof Tensor) throw new ValueError(`'${path.join('/')}' lies below a tensor`);
      branch[name] = next;
      branch = next;
    }
    branch[path.at(-1) as string] = tensor;
  }
  return root;
}

/** The tensors of a tree by their paths, joined by '/'. @throws TypeError for a leaf that is none */
export function leavesOf(tree: FlaxTree, where: string): Map<string, Tensor> {
  const leaves = new Map<string, Tensor>();
  const walk = (branch: FlaxTree, prefix: string) => {
    for (const [name, value] of Object.entries(checkBranch(branch, prefix, where))) {
      if (value instanceof Tensor) leaves.set(prefix + name, value);
      else walk(value, `${prefix}${name}/`);
    }
  };
  walk(tree, '');
  return leaves;
}

/**
 * A new tree in which the floating tensors are of another type; others, and those whose place in `mask` is false, are the
 * same tensors.
 * @throws TypeError for what is no tree; ValueError for a mask of other names
 */
export function castTree(tree: FlaxTree, type: DType, mask: FlaxMask | null, where: string): FlaxTree {
  const castBranch = (branch: FlaxTree, of: FlaxMask | null, prefix: string): FlaxTree => {
    const made = emptyTree();
    if (of !== null) checkNames(branch, of, prefix, where);
    for (const [name, value] of Object.entries(checkBranch(branch, prefix, where))) {
      const chosen = of === null ? null : (of[name] as boolean | FlaxMask);
      if (value instanceof Tensor) made[name] = chosen === false ? value : castLeaf(value, type);
      else made[name] = castBranch(value, chosen as FlaxMask | null, `${prefix}${name}/`);
    }
    return made;
  };
  return castBranch(tree, mask, '');
}

/** A copy of a tree, which may be changed; the tensors are the same. */
export function copyTree(tree: FlaxTree, where: string): FlaxTree {
  return treeOf([...leavesOf(tree, where)].map(([path, tensor]) => [path.split('/'), tensor] as const));
}

function castLeaf(tensor: Tensor, type: DType): Tensor {
  return isFloating(tensor.type) && tensor.type !== type ? cast(tensor, type) : tensor;
}

function checkBranch(branch: unknown, prefix: string, where: string): FlaxTree {
  if (typeof branch === 'object' && branch !== null && !Array.isArray(branch)) return branch as FlaxTree;
  throw new TypeError(
    `${where} takes parameters as a tree of tensors, and ${prefix === '' ? 'it was given' : `'${prefix}' is`} ` +
      `${branch === null ? 'null' : typeof branch}`,
  );
}

function checkNames(branch: FlaxTree, mask: FlaxMask, prefix: string, where: string): void {
  const refuse = (what: string) => {
    throw new ValueError(`the mask of ${where} must have the names of the parameters: ${what}`);
  };
  for (const [name, value] of Object.entries(branch)) {
    const chosen = Object.hasOwn(mask, name) ? mask[name] : undefined;
    const wanted = value instanceof Tensor ? 'boolean' : 'object';
    if (chosen === null || typeof chosen !== wanted)
      refuse(
        `'${prefix}${name}' is ${chosen === undefined ? 'missing' : `no ${wanted === 'boolean' ? 'true or false' : 'branch'}`}`,
      );
  }
  for (const name of Object.keys(mask)) if (!Object.hasOwn(branch, name)) refuse(`there is no '${prefix}${name}'`);
}

/** A branch without a prototype: names come out of files, and one may be '__proto__'. */
function emptyTree(): FlaxTree {
  return Object.create(null) as FlaxTree;
}
