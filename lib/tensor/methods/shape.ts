import { TypeError, ValueError } from '../../errors';
import { refuseSurplus } from '../../options';
import { dimension, numbersOf } from '../dimension';
import { type DType, parseDtype } from '../dtype';
import { type Element, toElements } from '../elements';
import { as } from '../expression';
import * as ops from '../ops/layout';
import * as shapes from '../shapes';
import type { Tensor } from '../tensor';
import { ReductionMethods } from './reduction';

/** Methods that move elements or only look at them in another shape. */
export abstract class ShapeMethods extends ReductionMethods {
  /** The same elements in another shape, shared with this tensor; one size may be -1. */
  view(this: Tensor, ...dims: number[] | [readonly number[]]): Tensor {
    return shapes.view(this, shapes.inferDims('view', this, numbersOf('view', dims)));
  }

  /** As `view`: tensors are always contiguous here. */
  reshape(this: Tensor, ...dims: number[] | [readonly number[]]): Tensor {
    return shapes.view(this, shapes.inferDims('reshape', this, numbersOf('reshape', dims)));
  }

  /** Without the dimensions of size 1, or those of them that `dim` names; shares the elements. */
  squeeze(this: Tensor, dim: number | readonly number[] | null = null, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.squeeze', surplus);
    return shapes.view(this, shapes.squeezed(this, dim));
  }

  /** With a dimension of size 1 in front of `dim`; shares the elements. */
  unsqueeze(this: Tensor, dim: number, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.unsqueeze', surplus);
    return shapes.view(this, shapes.unsqueezed(this, dim));
  }

  /** The dimensions from `start_dim` to `end_dim` as one; shares the elements. */
  flatten(this: Tensor, start_dim = 0, end_dim = -1, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.flatten', surplus);
    return shapes.view(this, shapes.flattened(this, start_dim, end_dim));
  }

  squeeze_(this: Tensor, dim: number | readonly number[] | null = null, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.squeeze_', surplus);
    this.setDims(shapes.squeezed(this, dim));
    return this;
  }

  unsqueeze_(this: Tensor, dim: number, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.unsqueeze_', surplus);
    this.setDims(shapes.unsqueezed(this, dim));
    return this;
  }

  flatten_(this: Tensor, start_dim = 0, end_dim = -1, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.flatten_', surplus);
    this.setDims(shapes.flattened(this, start_dim, end_dim));
    return this;
  }

  /** A copy with axis dims[i] of this tensor as axis i. */
  permute(this: Tensor, ...dims: number[] | [readonly number[]]): Tensor {
    const axes = numbersOf('permute', dims).map((dim) => dimension('permute', this, dim));
    if (axes.length !== this.dims.length || new Set(axes).size !== axes.length)
      throw new ValueError(`permute: [${axes}] is no order of the ${this.dims.length} dimensions of ${this}`, {
        code: 'ERR_SHAPE',
      });
    return ops.permute(this, axes);
  }

  /** A copy with two axes swapped. */
  transpose(this: Tensor, ...dims: [dim0: number, dim1: number]): Tensor {
    if (dims.length !== 2)
      throw new TypeError(`transpose swaps two dimensions, as in PyTorch: permute(${dims}) is the order of them all`);
    const axes = this.dims.map((_, i) => i);
    const [a, b] = dims.map((dim) => dimension('transpose', this, dim)) as [number, number];
    if (axes.length > 0) [axes[a], axes[b]] = [b, a];
    return ops.permute(this, axes);
  }

  /** A copy with dimensions of size 1 repeated, and new ones in front, to get the shape; -1 leaves a size as it is. */
  expand(this: Tensor, ...dims: number[] | [readonly number[]]): Tensor {
    return ops.expand(this, shapes.expandedDims(this, numbersOf('expand', dims)));
  }

  /** Copies side by side: so many along each dimension; more numbers than dimensions add dimensions in front. */
  repeat(this: Tensor, ...repeats: number[] | [readonly number[]]): Tensor {
    return shapes.repeat('repeat', this, numbersOf('repeat', repeats));
  }

  /** As `repeat`; fewer numbers than dimensions are those of the last ones. */
  tile(this: Tensor, ...repeats: number[] | [readonly number[]]): Tensor {
    const given = numbersOf('tile', repeats);
    const missing = Math.max(this.dims.length - given.length, 0);
    return shapes.repeat('tile', this, [...Array<number>(missing).fill(1), ...given]);
  }

  /**
   * A copy of part of the tensor, an index for each dimension: a number takes one element and drops the dimension,
   * [start, end] takes a range, null (or nothing) takes all. Negative numbers count from the end.
   */
  slice(this: Tensor, ...indices: shapes.SliceIndex[]): Tensor {
    return shapes.slice(this, indices);
  }

  /** Element `index` of the first dimension, sharing the elements: what `tensor[index]` is. */
  _getitem(this: Tensor, index: number): Tensor {
    const at = shapes.element(this, index, 0);
    const dims = this.dims.slice(1);
    return shapes.window(this, at * dims.reduce((n, d) => n * d, 1), dims);
  }

  /** The elements of the first dimension: tensors that share elements, or numbers of a tensor with one dimension. */
  *[Symbol.iterator](this: Tensor): Generator<Tensor | Element> {
    const { data, dims } = this; // reads once, not row by row
    if (dims.length < 2) yield* Array.from(toElements(this.type, data));
    else for (let i = 0; i < (dims[0] as number); i++) yield this._getitem(i);
  }

  /** By how many elements a step along each dimension moves. */
  stride(this: Tensor, ...surplus: never[]): number[] {
    refuseSurplus('Tensor.stride', surplus);
    return this.dims.map((_, i) => this.dims.slice(i + 1).reduce((n, d) => n * d, 1));
  }

  /** A copy with elements of its own. */
  clone(this: Tensor, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.clone', surplus);
    return shapes.clone(this);
  }

  /**
   * As another type; the tensor itself when it has that type. To nearest even for floating types, towards zero for
   * whole ones, where numbers out of range wrap around.
   * @param type - such as 'float32' or 'int64'
   */
  to(this: Tensor, type: DType | string, ...surplus: never[]): Tensor {
    refuseSurplus('Tensor.to', surplus);
    this.assertAlive();
    return as(this, parseDtype(type));
  }
}
