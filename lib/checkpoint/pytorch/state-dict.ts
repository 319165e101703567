/** Takes the tensors by name out of what a pickle gave, and checks each against the storage that it is a view of. */
import type { Steps } from '../../turns';
import { dtypeNumber, STORED_BITS } from '../dtype';
import { quote, quoteSome } from '../fault';
import type { HeaderLimits } from '../header-limits';
import { tensorBytes } from '../tensor-table';
import { describePickled, PickleDict, type PickleValue } from './pickle-values';
import { PickledTensor, ScriptModule, UnsupportedTensor } from './pickled-tensor';
import { scriptTensors } from './script-modules';
import type { Fail as ZipFail } from './zip-entry';

/** Throws the error for a code, a sentence and perhaps a tensor. */
export type Fail = (code: Parameters<ZipFail>[0], message: string, tensor?: string) => never;

/** A state dict: its tensors, and the keys of everything else in it. */
export interface StateDict {
  tensors: Map<string, PickledTensor>;
  otherKeys: string[];
}

/** Entries between two steps. */
const ENTRIES_A_STEP = 64;

/**
 * The tensors of a pickled dictionary, in its order.
 * @throws CheckpointError `NOT_A_STATE_DICT`, `WRAPPED_STATE_DICT`, `DUPLICATE_NAME`, `NAME_TOO_LONG`, `TOO_MANY_TENSORS`,
 *   `UNSUPPORTED_TENSOR`.
 */
export function* stateDict(root: PickleValue, limits: HeaderLimits, fail: Fail): Steps<StateDict> {
  if (root instanceof ScriptModule) {
    const tensors = new Map<string, PickledTensor>();
    for (const [name, tensor] of scriptTensors(root, limits, fail)) {
      if (tensor instanceof UnsupportedTensor) refuseUnsupported(name, tensor, fail);
      else tensors.set(name, tensor);
    }
    return { tensors, otherKeys: [] };
  }
  if (!(root instanceof PickleDict)) {
    return fail('NOT_A_STATE_DICT', `it holds ${describePickled(root)}; expected a dictionary of tensors by name`);
  }
  const tensors = new Map<string, PickledTensor>();
  const otherKeys: string[] = [];
  const wrappers: string[] = [];
  const others = new Set<string>();
  const looked = new Map<PickleDict, boolean>();
  for (let i = 0; i < root.keys.length; i++) {
    if (i % ENTRIES_A_STEP === ENTRIES_A_STEP - 1) yield;
    const key = root.keys[i] as PickleValue;
    const value = root.values[i] as PickleValue;
    if (typeof key !== 'string') {
      otherKeys.push(typeof key === 'object' ? describePickled(key) : String(key));
      continue;
    }
    if (tensors.has(key) || others.has(key)) fail('DUPLICATE_NAME', `two of its entries are called ${quote(key)}`, key);
    if (value instanceof UnsupportedTensor) refuseUnsupported(key, value, fail);
    if (value instanceof PickledTensor) tensors.set(key, value);
    else {
      others.add(key);
      otherKeys.push(key);
      if (value instanceof PickleDict && holdsTensors(value, looked)) wrappers.push(key);
    }
    if (key.length > limits.nameBytes) fail('NAME_TOO_LONG', `a name has more than ${limits.nameBytes} characters`);
  }
  if (tensors.size > limits.tensors) fail('TOO_MANY_TENSORS', `it holds more than ${limits.tensors} tensors`);
  if (wrappers.length > 0 && (tensors.size === 0 || wrappers.includes('state_dict'))) {
    const [inner] = wrappers;
    fail(
      'WRAPPED_STATE_DICT',
      `its tensors lie in a dictionary inside the dictionary, under ${quoteSome(wrappers)}; ` +
        `save what is under ${quote(inner as string)} alone`,
    );
  }
  return { tensors, otherKeys };
}

function refuseUnsupported(name: string, { kind }: UnsupportedTensor, fail: Fail): never {
  return fail(
    'UNSUPPORTED_TENSOR',
    `${quote(name)} is ${kind}, which no weight can be; leave it out when saving`,
    name,
  );
}

/** Whether a dictionary holds tensors. One may stand under any number of keys: it is looked through once. */
function holdsTensors(dict: PickleDict, looked: Map<PickleDict, boolean>): boolean {
  const known = looked.get(dict);
  if (known !== undefined) return known;
  const holds = dict.values.some((value) => value instanceof PickledTensor || value instanceof UnsupportedTensor);
  looked.set(dict, holds);
  return holds;
}

/** A stride-0 view may be so many times larger than its storage … */
const MOST_SPREAD = 1000;
/** … or as large as this. */
const SPREAD_BYTES = 64 * 1024 ** 2;

/** Where a tensor lies in its storage, in bytes. */
export interface TensorExtent {
  /** First byte, and byte behind the last one that an element touches. */
  begin: number;
  end: number;
  /** Bytes of the tensor once its elements lie side by side. */
  byteLength: number;
  /** Strides in elements; null when its elements lie side by side, row-major. */
  strides: readonly number[] | null;
}

/**
 * Checks that every element of a view lies in its storage of `storageBytes` bytes.
 * @throws CheckpointError `TOO_MANY_DIMENSIONS`, `OVERFLOW`, `TENSOR_OUT_OF_RANGE`.
 */
export function extentOf(
  name: string,
  { dtype, offset, shape, strides }: PickledTensor,
  storageBytes: number,
  limits: HeaderLimits,
  fail: Fail,
): TensorExtent {
  const where = () => `tensor ${quote(name)} of size [${shape}], stride [${strides}] and offset ${offset}`;
  if (shape.length > limits.dimensions) {
    fail(
      'TOO_MANY_DIMENSIONS',
      `tensor ${quote(name)} has ${shape.length} dimensions; at most ${limits.dimensions}`,
      name,
    );
  }
  if (strides.length !== shape.length) fail('PICKLE_TYPE_ERROR', `${where()} has another number of strides`, name);
  const isNegative = (value: number) => value < 0;
  if (offset < 0 || shape.some(isNegative) || strides.some(isNegative))
    fail('TENSOR_OUT_OF_RANGE', `${where()} has a negative number`, name);
  if (shape.some((dim) => dim > limits.dimension)) fail('OVERFLOW', `${where()} has a dimension above 2^48`, name);
  const number = dtypeNumber(dtype);
  const item = (STORED_BITS[number] as number) / 8;
  const byteLength = tensorBytes(number, shape, shape.length);
  if (typeof byteLength !== 'number') return fail('OVERFLOW', `${where()} is larger than any file can be`, name);
  const empty = byteLength === 0;
  // Products beyond 2^53 are rounded, and still larger than any storage. An empty view may begin anywhere.
  const last = empty ? 0 : shape.reduce((sum, dim, i) => sum + (dim - 1) * (strides[i] as number), offset + 1);
  if (last * item > storageBytes) {
    fail('TENSOR_OUT_OF_RANGE', `${where()} reaches past its storage of ${storageBytes} bytes`, name);
  }
  const compact = empty || isCompact(shape, strides);
  return { begin: empty ? 0 : offset * item, end: last * item, byteLength, strides: compact ? null : strides };
}

/** Whether elements lie side by side in row-major order; strides of dimensions of 1 mean nothing. */
function isCompact(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const dim = shape[i] as number;
    if (dim !== 1 && strides[i] !== expected) return false;
    expected *= dim;
  }
  return true;
}

/** Refuses to write out a view that repeats a few elements so often that no weight can be meant. */
export function checkSpread(name: string, byteLength: number, extentBytes: number, fail: Fail): void {
  if (byteLength <= SPREAD_BYTES || byteLength <= extentBytes * MOST_SPREAD) return;
  fail('BUDGET_EXCEEDED', `tensor ${quote(name)} repeats ${extentBytes} bytes until they are ${byteLength}`, name);
}
