import { dtypeName, type PlainDType, STORED_BITS } from './dtype';

/** One row of a `TensorTable`. Offsets count from the start of the data. */
export interface TensorRow {
  dtype: PlainDType;
  shape: number[];
  begin: number;
  end: number;
}

/**
 * The tensors of one file as columns: a million of them cost some tens of bytes each beside their names, and rows become
 * objects only when somebody asks.
 */
export class TensorTable {
  private readonly rows = new Map<string, number>();
  private readonly dtypes: Uint8Array;
  private readonly begins: Float64Array;
  private readonly ends: Float64Array;
  /** Where the dimensions of row i start in `dims`; they end where those of row i + 1 start. */
  private readonly dimStarts: Uint32Array;
  private dims = new Float64Array(64);
  private order: Uint32Array | null = null;

  /** @param capacity - an upper bound of the rows; columns that stay empty take no memory. */
  constructor(capacity: number) {
    this.dtypes = new Uint8Array(capacity);
    this.begins = new Float64Array(capacity);
    this.ends = new Float64Array(capacity);
    this.dimStarts = new Uint32Array(capacity + 1);
  }

  get size(): number {
    return this.rows.size;
  }

  has(name: string): boolean {
    return this.rows.has(name);
  }

  /** Begins a row; false when the name is there already. */
  claim(name: string): boolean {
    const row = this.rows.size;
    this.rows.set(name, row);
    return this.rows.size > row;
  }

  /** Fills the row that was claimed last. `dims[0 … rank)` is its shape. */
  fill(dtype: number, dims: Float64Array, rank: number, begin: number, end: number): void {
    const row = this.rows.size - 1;
    const start = this.dimStarts[row] as number;
    this.growDims(start + rank);
    for (let i = 0; i < rank; i++) this.dims[start + i] = dims[i] as number;
    this.dimStarts[row + 1] = start + rank;
    this.dtypes[row] = dtype;
    this.begins[row] = begin;
    this.ends[row] = end;
  }

  /** The row with this name, or undefined. */
  get(name: string): TensorRow | undefined {
    const row = this.rows.get(name);
    if (row === undefined) return undefined;
    const shape: number[] = [];
    const last = this.dimStarts[row + 1] as number;
    for (let i = this.dimStarts[row] as number; i < last; i++) shape.push(this.dims[i] as number);
    return { dtype: dtypeName(this.dtypes[row] as number), shape, begin: this.begin(row), end: this.end(row) };
  }

  /** First byte of row `row`. */
  begin(row: number): number {
    return this.begins[row] as number;
  }

  /** Byte behind the last one of row `row`. */
  end(row: number): number {
    return this.ends[row] as number;
  }

  /** Puts `names()` into the order of the rows' numbers in `order`. */
  setOrder(order: Uint32Array | null): void {
    this.order = order;
  }

  /** Every name, in the order that `setOrder` gave, else as added. */
  names(): string[] {
    const added = [...this.rows.keys()];
    if (this.order === null) return added;
    const ordered: string[] = [];
    for (const row of this.order) ordered.push(added[row] as string);
    return ordered;
  }

  /** Name of row `row`; walks the names, so for messages only. */
  nameOf(row: number): string {
    let i = 0;
    for (const name of this.rows.keys()) {
      if (i++ === row) return name;
    }
    return '';
  }

  private growDims(needed: number): void {
    if (needed <= this.dims.length) return;
    const grown = new Float64Array(Math.max(needed, this.dims.length * 2));
    grown.set(this.dims);
    this.dims = grown;
  }
}

const U64_MAX = (1n << 64n) - 1n;

/**
 * Bytes of a tensor of type number `dtype` and these dimensions (each at most 2^48), or which limit it breaks. A zero
 * dimension makes the size 0 whatever the others are.
 */
export function tensorBytes(
  dtype: number,
  dims: ArrayLike<number>,
  rank: number,
): number | bigint | 'OVERFLOW' | 'MISALIGNED' {
  const bits = STORED_BITS[dtype] as number;
  let elements = 1;
  for (let i = 0; i < rank; i++) elements *= dims[i] as number;
  const product = elements * bits;
  if (product <= Number.MAX_SAFE_INTEGER) return product % 8 === 0 ? product / 8 : 'MISALIGNED';
  for (let i = 0; i < rank; i++) if (dims[i] === 0) return 0;
  let exact = BigInt(bits);
  for (let i = 0; i < rank && exact <= U64_MAX; i++) exact *= BigInt(dims[i] as number);
  if (exact > U64_MAX) return 'OVERFLOW';
  return exact % 8n === 0n ? exact / 8n : 'MISALIGNED';
}
