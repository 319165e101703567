/** Variables that TensorFlow has cut into parts, which are tensors under keys of their own. */
import type { CheckpointError } from '../../errors';
import type { BundleEntry, Extent } from './bundle-entry';
import type { Fail } from './bundle-fault';

/** A part: its entry, where it begins along each dimension, and how far it goes. */
export interface Part {
  entry: BundleEntry;
  starts: number[];
  sizes: number[];
}

/**
 * The key of a part. Keys are made so that they sort like what they say: a zero, the name and its end, the number of
 * dimensions, and of each dimension start and length (-1 for the whole).
 * Source: EncodeTensorNameSlice and OrderedCode of TensorFlow.
 */
export function sliceKey(name: string, extents: readonly Extent[]): Buffer {
  const escaped: number[] = [];
  for (const byte of Buffer.from(name)) {
    if (byte === 0) escaped.push(0, 0xff);
    else if (byte === 0xff) escaped.push(0xff, 0);
    else escaped.push(byte);
  }
  const numbers = extents.flatMap(({ start, length }) => [signed(start), signed(length ?? -1)]);
  return Buffer.concat([Buffer.from([0, ...escaped, 0, 1]), unsigned(extents.length), ...numbers]);
}

/** A count: how many bytes, and those, the highest first. */
function unsigned(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([bytes.length, ...bytes]);
}

/** A number with its sign: leading ones say how many bytes follow the first; of a negative one all bits are turned. */
function signed(value: number): Buffer {
  const bits = BigInt(value < 0 ? ~value : value);
  let length = 1;
  while (bits >= 1n << BigInt(7 * length - 1)) length++;
  const total = BigInt(8 * length);
  // `length` ones, then (for a positive number) the number itself below a zero.
  const header = ((1n << BigInt(length)) - 1n) << (total - BigInt(length));
  const encoded = header | bits;
  const turned = value < 0 ? encoded ^ ((1n << total) - 1n) : encoded;
  return Buffer.from(turned.toString(16).padStart(length * 2, '0'), 'hex');
}

/**
 * The parts of a variable.
 * @throws CheckpointError `TF_SLICES` unless they cover it exactly once
 */
export function partsOf(
  name: string,
  { dims, dtype, slices }: BundleEntry,
  find: (key: Buffer) => BundleEntry | undefined,
  fail: Fail,
): Part[] {
  const wrong = (what: string) => fail('TF_SLICES', `the parts of '${name}' ${what}; save the checkpoint again`, name);
  const parts = slices.map((extents) => {
    if (extents.length !== dims.length) throw wrong(`have ${extents.length} dimensions and not ${dims.length}`);
    const entry = find(sliceKey(name, extents));
    if (entry === undefined) throw wrong('are not all in the index');
    const starts = extents.map(({ start }) => start);
    const sizes = extents.map(({ start, length }, i) => length ?? (dims[i] as number) - start);
    if (entry.slices.length > 0 || entry.dtype !== dtype || entry.dims.join() !== sizes.join())
      throw wrong(`are not what the variable's entry says: [${entry.dims}] and not [${sizes}]`);
    if (sizes.some((size, i) => size < 0 || (starts[i] as number) + size > (dims[i] as number)))
      throw wrong('reach out of the variable');
    return { entry, starts, sizes };
  });
  const volume = (sizes: readonly number[]) => sizes.reduce((product, size) => product * size, 1);
  const covered = parts.reduce((sum, { sizes }) => sum + volume(sizes), 0);
  if (covered !== volume(dims)) throw wrong(`hold ${covered} elements of ${volume(dims)}`);
  if (overlap(parts, () => wrong('are too many, cut along several dimensions'))) throw wrong('overlap');
  return parts;
}

/** Pairs of parts that are compared. TensorFlow cuts along one dimension, where only neighbours are. */
const MOST_PAIRS = 1_000_000;

/**
 * Whether two parts share an element.
 * @throws what `endless` makes when that would take too many comparisons
 */
function overlap(parts: readonly Part[], endless: () => CheckpointError): boolean {
  const filled = parts.filter(({ sizes }) => !sizes.includes(0));
  const axis = mostCut(filled);
  const sorted = [...filled].sort((a, b) => (a.starts[axis] ?? 0) - (b.starts[axis] ?? 0));
  let pairs = 0;
  for (const [i, a] of sorted.entries()) {
    for (let j = i + 1; j < sorted.length; j++) {
      const b = sorted[j] as Part;
      if ((b.starts[axis] ?? 0) >= (a.starts[axis] ?? 0) + (a.sizes[axis] ?? 1)) break;
      if (++pairs > MOST_PAIRS) throw endless();
      const apart = a.starts.some((start, dim) => {
        const [from, to] = [b.starts[dim] as number, (b.starts[dim] as number) + (b.sizes[dim] as number)];
        return from >= start + (a.sizes[dim] as number) || start >= to;
      });
      if (!apart) return true;
    }
  }
  return false;
}

/** The dimension along which most parts begin at places of their own. */
function mostCut(parts: readonly Part[]): number {
  const rank = parts[0]?.starts.length ?? 0;
  const cuts = Array.from({ length: rank }, (_, dim) => new Set(parts.map(({ starts }) => starts[dim])).size);
  return cuts.indexOf(Math.max(...cuts, 0));
}
