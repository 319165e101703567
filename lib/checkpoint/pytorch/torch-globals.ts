/** The names that a file of weights may contain, and what kind of thing each stands for. Nothing is ever imported. */
import { dtypeName, dtypeNumber, type PlainDType } from '../dtype';
import { PickleObject } from './pickle-values';

/** What can be made of a recognised name. */
export type TorchRole =
  /** A storage class; null: bytes without a type; a text: elements that no weight can have. */
  | { is: 'storage'; dtype: PlainDType | null; unsupported: string | null }
  /** An element type. */
  | { is: 'dtype'; dtype: PlainDType | null }
  /** A function that makes a tensor of a storage. */
  | { is: 'rebuild'; version: 'plain' | 'v2' | 'v3' | 'parameter' | 'from_type' }
  /** A function that makes a tensor which cannot be a weight. */
  | { is: 'unsupported'; kind: string }
  /** `Parameter` and `Tensor`. */
  | { is: 'tensor' }
  /** A class of TorchScript, whose objects are records of attributes. */
  | { is: 'module' }
  /** A function of TorchScript that gives back what it is given. */
  | { is: 'identity' }
  | { is: 'dict' }
  | { is: 'set' }
  | { is: 'size' }
  | { is: 'encode' }
  /** May be called and given a state; what comes out is ignored. */
  | { is: 'inert' }
  /** Stands for itself; cannot be called. */
  | { is: 'type' };

/** A name that has been recognised. */
export class TorchGlobal extends PickleObject {
  readonly what: string;
  constructor(
    readonly name: string,
    readonly role: TorchRole,
  ) {
    super();
    this.what = name;
  }
}

const STORAGES: Readonly<Record<string, string>> = {
  Double: 'float64',
  Float: 'float32',
  Half: 'float16',
  BFloat16: 'bfloat16',
  Long: 'int64',
  Int: 'int32',
  Short: 'int16',
  Char: 'int8',
  Byte: 'uint8',
  Bool: 'bool',
  ComplexFloat: 'complex64',
  ComplexDouble: 'complex128',
  QInt8: 'qint8',
  QUInt8: 'quint8',
  QInt32: 'qint32',
  QUInt4x2: 'quint4x2',
  QUInt2x4: 'quint2x4',
};

/** Element types of PyTorch that no tensor here has. */
const OTHER_DTYPES = [
  'complex32',
  'complex128',
  'qint8',
  'quint8',
  'qint32',
  'quint4x2',
  'quint2x4',
  'bits1x8',
  'bits2x4',
  'bits4x2',
  'bits8',
  'bits16',
  'float4_e2m1fn_x2',
];
/** Types of safetensors that PyTorch has under no name of its own. */
const NOT_TORCH = ['float4_e2m1fn', 'float6_e2m3fn', 'float6_e3m2fn'];

const UNSUPPORTED: Readonly<Record<string, string>> = {
  _rebuild_qtensor: 'a quantized tensor',
  _rebuild_sparse_tensor: 'a sparse tensor',
  _rebuild_sparse_csr_tensor: 'a sparse tensor',
  _rebuild_nested_tensor: 'a nested tensor',
  _rebuild_meta_tensor_no_storage: 'a tensor of the meta device, which has no values',
  _rebuild_wrapper_subclass: 'a wrapper tensor',
  _rebuild_device_tensor_from_numpy: 'a tensor of another device',
  _rebuild_device_tensor_from_cpu_tensor: 'a tensor of another device',
};

const table = new Map<string, TorchRole>([
  ['collections.OrderedDict', { is: 'dict' }],
  ['collections.defaultdict', { is: 'dict' }],
  ['collections.Counter', { is: 'dict' }],
  ['torch.Size', { is: 'size' }],
  ['torch.device', { is: 'inert' }],
  ['torch.serialization._get_layout', { is: 'inert' }],
  ['torch.Tensor', { is: 'tensor' }],
  ['torch._tensor.Tensor', { is: 'tensor' }],
  ['torch.nn.parameter.Parameter', { is: 'tensor' }],
  ['torch.nn.Parameter', { is: 'tensor' }],
  ['torch._utils._rebuild_tensor', { is: 'rebuild', version: 'plain' }],
  ['torch._utils._rebuild_tensor_v2', { is: 'rebuild', version: 'v2' }],
  ['torch._utils._rebuild_tensor_v3', { is: 'rebuild', version: 'v3' }],
  ['torch._utils._rebuild_parameter', { is: 'rebuild', version: 'parameter' }],
  ['torch._utils._rebuild_parameter_with_state', { is: 'rebuild', version: 'parameter' }],
  ['torch._tensor._rebuild_from_type_v2', { is: 'rebuild', version: 'from_type' }],
  // Names of torch before 1.8, and before 0.4.
  ['torch.tensor._rebuild_from_type_v2', { is: 'rebuild', version: 'from_type' }],
  ['torch.tensor.Tensor', { is: 'tensor' }],
  ['torch.autograd.variable.Variable', { is: 'tensor' }],
  ['torch.storage.UntypedStorage', { is: 'storage', dtype: null, unsupported: null }],
  ['torch.UntypedStorage', { is: 'storage', dtype: null, unsupported: null }],
  ['argparse.Namespace', { is: 'inert' }],
  ['_codecs.encode', { is: 'encode' }],
  ['numpy.dtype', { is: 'inert' }],
  ['numpy.ndarray', { is: 'type' }],
]);
for (const [name, dtype] of Object.entries(STORAGES)) {
  const known = dtypeNumber(dtype) < 0 ? null : (dtype as PlainDType);
  for (const module of ['torch', 'torch.cuda']) {
    table.set(`${module}.${name}Storage`, { is: 'storage', dtype: known, unsupported: known === null ? dtype : null });
    table.set(`${module}.${name}Tensor`, { is: 'type' });
  }
}
for (let number = 0; number <= dtypeNumber('uint64'); number++) {
  const dtype = dtypeName(number);
  if (!NOT_TORCH.includes(dtype)) table.set(`torch.${dtype}`, { is: 'dtype', dtype });
}
for (const dtype of OTHER_DTYPES) table.set(`torch.${dtype}`, { is: 'dtype', dtype: null });
for (const [name, kind] of Object.entries(UNSUPPORTED)) table.set(`torch._utils.${name}`, { is: 'unsupported', kind });
for (const scheme of ['tensor_affine', 'channel_affine', 'tensor_symmetric', 'channel_symmetric']) {
  table.set(`torch.per_${scheme}`, { is: 'type' });
}
for (const core of ['numpy.core', 'numpy._core']) {
  table.set(`${core}.multiarray.scalar`, { is: 'inert' });
  table.set(`${core}.multiarray._reconstruct`, { is: 'inert' });
  table.set(`${core}.numeric._frombuffer`, { is: 'inert' }); // an ndarray in protocol 5
}
for (const module of ['builtins', '__builtin__']) {
  table.set(`${module}.set`, { is: 'set' });
  table.set(`${module}.complex`, { is: 'inert' });
  // What a defaultdict makes of a missing key; int and str are long and unicode in protocol 2.
  for (const type of ['int', 'long', 'float', 'str', 'unicode', 'bool', 'list', 'dict', 'tuple'])
    table.set(`${module}.${type}`, { is: 'type' });
}

for (const name of ['build_intlist', 'build_doublelist', 'build_boollist', 'build_tensorlist', 'restore_type_tag'])
  table.set(`torch.jit._pickle.${name}`, { is: 'identity' });

/** What `module.name` stands for, or null for a name that weights have no use for. */
export function torchGlobal(module: string, name: string): TorchGlobal | null {
  // The dot in a name would reach into a class; no name of the table needs it.
  if (name.includes('.')) return null;
  const full = `${module}.${name}`;
  const role = table.get(full) ?? (isScriptClass(module) ? { is: 'module' as const } : undefined);
  return role === undefined ? null : new TorchGlobal(full, role);
}

/** Whether a module is one of an archive of TorchScript, which holds its own code. */
function isScriptClass(module: string): boolean {
  return /^__torch__(\.|$)/.test(module);
}

/** Bytes of an element of the types that no tensor here has, where a storage of them is to be passed over. */
export const UNSUPPORTED_ITEM_BYTES: Readonly<Record<string, number>> = {
  complex128: 16,
  qint8: 1,
  quint8: 1,
  qint32: 4,
  quint4x2: 1,
  quint2x4: 1,
};
