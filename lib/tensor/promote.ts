import { TypeError } from '../errors';
import { type DType, isFloating } from './dtype';
import { describeValue } from './elements';
import { Tensor } from './tensor';

/** A number in an expression with tensors. */
export type Scalar = number | bigint | boolean;

/** What an arithmetic method takes: a Tensor that broadcasts, or a number. */
export type Operand = Tensor | Scalar;

/** Two types of one rank, such as float16 and bfloat16, meet in the next rank. */
const ranks: readonly DType[][] = [
  ['bool'],
  ['uint8', 'int8'],
  ['int16'],
  ['int32'],
  ['int64'],
  ['float16', 'bfloat16'],
  ['float32'],
  ['float64'],
];

const rankOf = (type: DType) => ranks.findIndex((types) => types.includes(type));

/** 0 bool, 1 whole numbers, 2 floating. */
const category = (type: DType) => (type === 'bool' ? 0 : isFloating(type) ? 2 : 1);

/** The type that holds both, as torch.promote_types. @throws TypeError where PyTorch has none */
export function promoteTypes(op: string, a: DType, b: DType): DType {
  if (a === b) return a;
  const [i, j] = [rankOf(a), rankOf(b)];
  if (i < 0 || j < 0)
    throw new TypeError(`${op}: '${a}' and '${b}' have no common type; convert one with .to(…)`, { code: 'ERR_DTYPE' });
  if (i === j) return (ranks[i + 1] as DType[])[0] as DType;
  return i > j ? a : b;
}

function typeOfScalar(op: string, value: unknown): DType {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint' || Number.isInteger(value)) return 'int64';
  if (typeof value === 'number') return 'float32';
  throw new TypeError(`${op} takes Tensors and numbers, not ${describeValue(value)}`);
}

/**
 * The type of an arithmetic result, as torch.result_type: numbers, and then scalar tensors, only matter when they are
 * of a higher kind (bool, whole, floating) than what has dimensions. A whole JS number counts as an integer.
 */
export function resultType(op: string, operands: readonly Operand[]): DType {
  const tiers: DType[][] = [[], [], []];
  for (const operand of operands)
    if (!(operand instanceof Tensor)) tiers[2]?.push(typeOfScalar(op, operand));
    else tiers[operand.dims.length > 0 ? 0 : 1]?.push(operand.type);
  let result: DType | null = null;
  for (const types of tiers) {
    if (types.length === 0) continue;
    const own = types.reduce((a, b) => promoteTypes(op, a, b));
    if (result === null || category(own) > category(result)) result = own;
  }
  return result as DType;
}

/** The type that kernels of elementwise ops and sums compute in for `type`. @throws TypeError for types without any */
export function computeType(op: string, type: DType): 'float32' | 'float64' | 'int64' | 'int32' {
  switch (type) {
    case 'float32':
    case 'float64':
    case 'int64':
    case 'int32':
      return type;
    case 'float16':
    case 'bfloat16':
      return 'float32';
    case 'bool':
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
      return 'int32';
    case 'uint32':
      return 'int64';
    default:
      throw new TypeError(`${op} does not compute with '${type}'; convert it first, such as .to('float32')`, {
        code: 'ERR_DTYPE',
      });
  }
}

/** `type` if it is floating, else float32: the type of a result that is no whole number. */
export function floatingType(type: DType): DType {
  return isFloating(type) ? type : 'float32';
}

/** The type that a floating kernel computes in. @throws TypeError when `type` is not floating, as in PyTorch */
export function computeFloating(op: string, type: DType): 'float32' | 'float64' {
  const computed = computeType(op, type);
  if (computed === 'float32' || computed === 'float64') return computed;
  throw new TypeError(`${op} takes floating point numbers, got '${type}'; convert it with .to('float32')`, {
    code: 'ERR_DTYPE',
  });
}

/** Whether a result of type `from` may be written into a tensor of type `to`, as torch.can_cast. */
export function canCast(from: DType, to: DType): boolean {
  return category(from) <= category(to);
}
