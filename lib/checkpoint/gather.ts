/** Brings the elements of a strided view side by side, reading its storage in blocks of bounded size. */

/** A view whose elements do not lie side by side. Sizes and strides in elements. */
export interface StridedView {
  shape: readonly number[];
  strides: readonly number[];
  /** Bytes of an element. */
  item: number;
  /** First byte of the first element in the storage. */
  begin: number;
}

/** Fills `target` with the storage's bytes from `position` on. */
export type ReadStorage = (target: Uint8Array, position: number) => Promise<void>;

/** Most bytes of a storage held and moved at once. */
const BLOCK_BYTES = 4 * 1024 ** 2;
/** A read costs about as much as moving so many bytes. */
const READ_COST = 32 * 1024;

interface Axis {
  size: number;
  /** Bytes between neighbours in the storage and in the target. */
  from: number;
  to: number;
}

/** How an axis is read: `chunk` of its positions at once with all inner axes, or (0) each position by itself. */
interface PlannedAxis extends Axis {
  chunk: number;
  /** Bytes from the first to behind the last element of one position. */
  inside: number;
}

/** Fills `target` with the view's elements in row-major order. It must be as long as they are. */
export async function gather(view: StridedView, target: Uint8Array, read: ReadStorage): Promise<void> {
  if (target.byteLength === 0) return;
  const unit = Math.min(view.item, 4);
  const axes = plan(axesOf(view, unit), unit);
  const walk = async (depth: number, from: number, to: number): Promise<void> => {
    const axis = axes[depth];
    if (axis === undefined) return read(target.subarray(to, to + unit), from);
    if (axis.chunk === 0) {
      for (let i = 0; i < axis.size; i++) await walk(depth + 1, from + i * axis.from, to + i * axis.to);
      return;
    }
    for (let i = 0; i < axis.size; i += axis.chunk) {
      const size = Math.min(axis.chunk, axis.size - i);
      const block = new Uint8Array(axis.inside + (size - 1) * axis.from);
      await read(block, from + i * axis.from);
      scatter(block, target, to + i * axis.to, [{ ...axis, size }, ...axes.slice(depth + 1)], unit);
    }
  };
  await walk(0, view.begin, 0);
}

/** The view's axes, the one whose neighbours are farthest apart first. Elements of eight bytes are two of four. */
function axesOf({ shape, strides, item }: StridedView, unit: number): Axis[] {
  const axes: Axis[] = item > unit ? [{ size: item / unit, from: unit, to: unit }] : [];
  let to = item;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] as number;
    if (size !== 1) axes.push({ size, from: (strides[i] as number) * item, to });
    to *= size;
  }
  return axes.sort((a, b) => b.from - a.from || b.to - a.to);
}

/** Chooses for each axis between few large reads, which bring bytes that nobody needs, and many small ones. */
function plan(axes: readonly Axis[], unit: number): PlannedAxis[] {
  const planned: PlannedAxis[] = [];
  let inside = unit;
  let cost = READ_COST + unit;
  for (const axis of [...axes].reverse()) {
    const fitting = axis.from === 0 ? axis.size : Math.floor((BLOCK_BYTES - inside) / axis.from) + 1;
    const most = inside > BLOCK_BYTES ? 0 : Math.min(axis.size, fitting);
    const oneByOne = axis.size * cost;
    const together =
      most === 0
        ? Number.POSITIVE_INFINITY
        : Math.ceil(axis.size / most) * (READ_COST + inside + (most - 1) * axis.from);
    planned.unshift({ ...axis, inside, chunk: together <= oneByOne ? most : 0 });
    cost = Math.min(together, oneByOne);
    inside += (axis.size - 1) * axis.from;
  }
  return planned;
}

/** Copies every element of `axes` from a block to its place in the target. */
function scatter(block: Uint8Array, target: Uint8Array, at: number, axes: readonly Axis[], unit: number): void {
  const source = asUnits(block, unit);
  const result = asUnits(target, unit);
  const inner = axes[axes.length - 1] as Axis;
  const [fromStep, toStep] = [inner.from / unit, inner.to / unit];
  const copy = (depth: number, from: number, to: number): void => {
    const axis = axes[depth] as Axis;
    if (depth < axes.length - 1) {
      for (let i = 0; i < axis.size; i++) copy(depth + 1, from + i * axis.from, to + i * axis.to);
      return;
    }
    for (let i = 0, f = from / unit, t = to / unit; i < axis.size; i++, f += fromStep, t += toStep) {
      result[t] = source[f] as number;
    }
  };
  copy(0, 0, at);
}

function asUnits(bytes: Uint8Array, unit: number): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (unit === 1) return bytes;
  return unit === 2
    ? new Uint16Array(buffer, byteOffset, byteLength / 2)
    : new Uint32Array(buffer, byteOffset, byteLength / 4);
}

/**
 * The bytes `start` to `end` of a view's elements. `start` is before `end`.
 * @param allocate - makes the memory for so many bytes
 */
export async function readView(
  view: StridedView,
  { start, end }: { start: number; end: number },
  allocate: (length: number) => Uint8Array,
  read: ReadStorage,
): Promise<Uint8Array> {
  const part = narrowed(view, start, end);
  const bytes = allocate(part.view.shape.reduce((n, size) => n * size, view.item));
  await gather(part.view, bytes, read);
  const from = start - part.start;
  return end - start === bytes.byteLength ? bytes : bytes.slice(from, from + end - start);
}

/** The distances of neighbours along each axis of a tensor whose elements lie row-major, in elements. */
export function rowMajor(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] as number) * (dims[i + 1] as number);
  return strides;
}

/** The smallest part of a view that holds bytes `start` to `end` of its elements, and where the part begins in them. */
export function narrowed(view: StridedView, start: number, end: number): { view: StridedView; start: number } {
  const axis = view.shape.findIndex((size) => size > 1);
  if (axis < 0) return { view, start: 0 };
  const row = view.shape.slice(axis + 1).reduce((bytes, size) => bytes * size, view.item);
  const first = Math.floor(start / row);
  const shape = [...view.shape];
  shape[axis] = Math.ceil(end / row) - first;
  const begin = view.begin + first * (view.strides[axis] as number) * view.item;
  return { view: { ...view, shape, begin }, start: first * row };
}
