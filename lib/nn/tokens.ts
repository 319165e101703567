import { TypeError, ValueError } from '../errors';
import { cast } from '../tensor/ops/cast';
import { Tensor } from '../tensor/tensor';
import { checkRange, type IdInput, toIds } from './ids';
import { Layout } from './layout';

/** The inputs that encoders share. */
export interface TokenInputs {
  /** [B, T] */
  input_ids?: IdInput | null;
  /** [B, T], or [B, T, T] with a row for each query; 1 is kept, 0 masked */
  attention_mask?: IdInput | null;
  /** [B, T] */
  token_type_ids?: IdInput | null;
  /** [B, T], or [1, T] for all rows */
  position_ids?: IdInput | null;
  /** [B, T, C] float32, in place of input_ids */
  inputs_embeds?: Tensor | null;
  /** [H] or [L, H]: factors on the heads' probabilities */
  head_mask?: Tensor | number[] | number[][] | null;
}

/** What ids of an architecture may be. */
export interface TokenLimits {
  vocab_size: number;
  /** Rows of the position table; Infinity without one. */
  positions: number;
  /** Rows of the token type table; 0 when the architecture has none. */
  types: number;
  /** C of inputs_embeds. */
  width: number;
  layers: number;
  heads: number;
  /** Before the inputs' names in errors: 'decoder_' where a model has both kinds. */
  prefix?: string;
  /** Position ids when the call gives none; 0 … T-1 when left out. */
  defaultPositions?: (ids: Int32Array | null, batch: number, length: number) => Int32Array;
}

/** Positions whose values the head needs although the mask hides them: where a label is not -100, or all. */
export type Counted = Int32Array | 'all' | null;

/** The tokens of a batch as one sequence: see Layout. */
export class Tokens {
  /** [N] */
  readonly input_ids: Tensor | null;
  /** [N, C] */
  readonly inputs_embeds: Tensor | null;
  /** [N] */
  readonly position_ids: Tensor;
  /** 1 + the highest of them. */
  readonly seq_len: number;
  /** [N], or null when the architecture has no token types */
  readonly token_type_ids: Tensor | null;
  private readonly headFactors: Float32Array[] | null;

  /**
   * @param counted - [B, T], true where a label counts in the loss
   * @throws ValueError for shapes that disagree, ids out of range, more tokens than positions
   */
  constructor(
    inputs: TokenInputs,
    limits: TokenLimits,
    readonly layout: Layout,
    ids: Int32Array | null,
  ) {
    const { batch, length } = layout;
    const packed = (values: Int32Array) => new Tensor('int32', layout.pack(values), [layout.total]);
    this.input_ids = ids && packed(ids);
    this.inputs_embeds = inputs.inputs_embeds ? layout.packRows(inFloat32(inputs.inputs_embeds)) : null;

    const positions = inputs.position_ids
      ? givenPositions(inputs.position_ids, layout, limits)
      : countedPositions(ids, layout, limits);
    this.position_ids = packed(positions);
    this.seq_len = positions.reduce((most, p) => Math.max(most, p + 1), 0);

    if (inputs.token_type_ids && limits.types > 0) {
      const types = fitRows('token_type_ids', inputs.token_type_ids, batch, length);
      checkRange('token_type_ids', types, limits.types, 'config.type_vocab_size');
      this.token_type_ids = packed(types);
    } else this.token_type_ids = limits.types > 0 ? packed(new Int32Array(batch * length)) : null;
    this.headFactors = inputs.head_mask
      ? headFactors(inputs.head_mask, limits, `${limits.prefix ?? ''}head_mask`)
      : null;
  }

  /** [H] factors for `layer`, or null. */
  head_mask(layer: number): Tensor | null {
    const factors = this.headFactors?.[layer];
    return factors ? new Tensor('float32', factors) : null;
  }
}

/**
 * The tokens of a call.
 * @param counted - [B·T] labels when the loss is over tokens: a row with a masked position that counts is computed whole;
 *   'all' when every position counts
 */
export function packTokens(inputs: TokenInputs, limits: TokenLimits, counted: Counted = null): Tokens {
  const { ids, batch, length } = readTokens(inputs, limits);
  const mask = inputs.attention_mask ? readMask(inputs.attention_mask, batch, length) : null;
  return new Tokens(inputs, limits, new Layout(batch, length, mask, counting(counted)), ids);
}

/** For Layout: whether position i of [B·T] counts. */
export function counting(counted: Counted): ((i: number) => boolean) | undefined {
  return counted === 'all' ? () => true : counted ? (i) => counted[i] !== -100 : undefined;
}

/** Ids of a call, [B·T], or null when it gives inputs_embeds; and its shape. @throws ValueError, TypeError */
export function readTokens(
  inputs: TokenInputs,
  limits: TokenLimits,
): { ids: Int32Array | null; batch: number; length: number } {
  const { input_ids, inputs_embeds } = inputs;
  const { prefix = '' } = limits;
  if (input_ids && inputs_embeds)
    throw new ValueError(`You cannot specify both ${prefix}input_ids and ${prefix}inputs_embeds at the same time`);
  let ids: Int32Array | null = null;
  let dims: readonly number[];
  if (input_ids) {
    const read = toIds(`${prefix}input_ids`, input_ids);
    ids = read.data;
    dims = read.dims;
    if (dims.length !== 2) throw wrongShape(`${prefix}input_ids`, dims, '[batch, length]');
    checkRange(`${prefix}input_ids`, ids, limits.vocab_size, 'config.vocab_size');
  } else if (inputs_embeds) {
    if (!(inputs_embeds instanceof Tensor))
      throw new TypeError(`${prefix}inputs_embeds must be a Tensor of floating numbers, [batch, length, width]`);
    dims = inputs_embeds.dims.slice(0, 2);
    if (inputs_embeds.dims.length !== 3 || inputs_embeds.dims[2] !== limits.width)
      throw wrongShape(`${prefix}inputs_embeds`, inputs_embeds.dims, `[batch, length, ${limits.width}]`);
  } else throw new ValueError(`You have to specify either ${prefix}input_ids or ${prefix}inputs_embeds`);
  const [batch, length] = dims as [number, number];
  return { ids, batch, length };
}

function inFloat32(x: Tensor): Tensor {
  return x.type === 'float32' ? x : cast(x, 'float32');
}

export function wrongShape(name: string, dims: readonly number[], wanted: string): ValueError {
  return new ValueError(`Wrong shape for ${name}: [${dims}]; it must be ${wanted}`, { code: 'ERR_SHAPE' });
}

function fromZero(_ids: Int32Array | null, batch: number, length: number): Int32Array {
  return Int32Array.from({ length: batch * length }, (_, i) => i % length);
}

/** [B, T], repeating [1, T] and [T]. */
function fitRows(name: string, input: IdInput, batch: number, length: number): Int32Array {
  const { data, dims } = toIds(name, input);
  const rows = dims.length === 1 ? 1 : (dims[0] as number);
  if (dims.length > 2 || dims[dims.length - 1] !== length || (rows !== batch && rows !== 1))
    throw wrongShape(name, dims, `[${batch}, ${length}]`);
  if (rows === batch) return data;
  return Int32Array.from({ length: batch * length }, (_, i) => data[i % length] as number);
}

function readMask(input: IdInput, batch: number, length: number): Uint8Array {
  const { data, dims } = toIds('attention_mask', input);
  const wanted = dims.length === 3 ? [batch, length, length] : [batch, length];
  if (dims.length !== wanted.length || dims.some((d, i) => d !== wanted[i]))
    throw wrongShape('attention_mask', dims, `[${batch}, ${length}] or [${batch}, ${length}, ${length}]`);
  return maskBytes(data);
}

/** @throws ValueError for what is neither 0 nor 1 */
export function maskBytes(data: Int32Array): Uint8Array {
  const mask = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== 0 && data[i] !== 1)
      throw new ValueError(`attention_mask holds ${data[i]} at element ${i}; it must be 0 (masked) or 1 (kept)`);
    mask[i] = data[i] as number;
  }
  return mask;
}

/** The call's position_ids, [B, T]. Without a table of positions any number is one. @throws ValueError */
function givenPositions(input: IdInput, { batch, length }: Layout, { positions: rows }: TokenLimits): Int32Array {
  const positions = fitRows('position_ids', input, batch, length);
  if (Number.isFinite(rows)) checkRange('position_ids', positions, rows, 'config.max_position_embeddings');
  return positions;
}

/** The positions of a call that gives none, [B, T]. @throws ValueError when a row is longer than the table */
function countedPositions(ids: Int32Array | null, { batch, length }: Layout, limits: TokenLimits): Int32Array {
  const positions = (limits.defaultPositions ?? fromZero)(ids, batch, length);
  const beyond = positions.find((position) => position < 0 || position >= limits.positions);
  if (beyond === undefined) return positions;
  throw new ValueError(
    `a row of ${length} tokens needs position ${beyond}, but this model has positions 0 to ${limits.positions - 1} ` +
      '(config.max_position_embeddings); tokenize with { truncation: true }',
    { code: 'ERR_TOO_MANY_TOKENS' },
  );
}

/** Factors of a head mask, [H] a layer. @throws ValueError for another shape than [H] or [L, H]; TypeError */
export function headFactors(
  mask: Tensor | number[] | number[][],
  { layers, heads }: Pick<TokenLimits, 'layers' | 'heads'>,
  name = 'head_mask',
): Float32Array[] {
  if (!(mask instanceof Tensor) && !Array.isArray(mask))
    throw new TypeError(`${name} must be a Tensor or arrays of numbers, not a ${typeof mask}`);
  const tensor = mask instanceof Tensor ? mask : nestedFloats(name, mask, `[${heads}] or [${layers}, ${heads}]`);
  const { dims } = tensor;
  const values = Float32Array.from(tensor.data as ArrayLike<number>);
  const perLayer = dims.length === 2 || dims.length === 5;
  const shape = dims.length === 5 ? [dims[0], dims[2]] : dims;
  const wanted = perLayer ? [layers, heads] : [heads];
  const fits =
    shape.length === wanted.length && shape.every((d, i) => d === wanted[i]) && values.length === product(wanted);
  if (!fits) throw wrongShape(name, dims, `[${heads}] or [${layers}, ${heads}]`);
  return Array.from({ length: layers }, (_, l) => (perLayer ? values.subarray(l * heads, (l + 1) * heads) : values));
}

function product(dims: readonly number[]): number {
  return dims.reduce((n, d) => n * d, 1);
}

/** A head mask that was given as arrays. @param wanted - the shapes that it may have, for errors */
function nestedFloats(name: string, rows: number[] | number[][], wanted: string): Tensor {
  const nested = rows.length > 0 && Array.isArray(rows[0]);
  const dims = nested ? [rows.length, (rows[0] as number[]).length] : [rows.length];
  const values = nested ? (rows as number[][]).flat() : (rows as number[]);
  const other = rows.find((row) => Array.isArray(row) !== nested || (nested && (row as number[]).length !== dims[1]));
  if (other !== undefined || !values.every((value) => typeof value === 'number'))
    throw new ValueError(`${name} must be arrays of numbers of shape ${wanted}, got ${JSON.stringify(rows)}`, {
      code: 'ERR_SHAPE',
    });
  return new Tensor('float32', values, dims);
}
