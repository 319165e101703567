import type { HeaderLimits } from '../header-limits';
import { type Fields, UNDEFINED } from './fields';

/** The shape of a dataset or an attribute. */
export interface Dataspace {
  dims: number[];
  /** How far each dimension may grow; `UNDEFINED` for without end. */
  maxDims: number[];
  /** A null dataspace has no elements and no shape. */
  isNull: boolean;
}

export function readDataspace(fields: Fields, limits: HeaderLimits): Dataspace {
  const version = fields.u8();
  const rank = fields.u8();
  const flags = fields.u8();
  if (version !== 1 && version !== 2) throw fields.unsupported(`has version ${version}`);
  if (rank > Math.min(limits.dimensions, 32)) {
    throw fields.fail('TOO_MANY_DIMENSIONS', `${fields.what} has ${rank} dimensions; HDF5 knows 32`, fields.place);
  }
  const kind = version === 2 ? fields.u8() : fields.skip(5) && (rank === 0 ? 0 : 1);
  const dims = new Array<number>(kind === 1 ? rank : 0);
  for (let i = 0; i < dims.length; i++) {
    const dim = fields.length();
    if (dim > limits.dimension)
      throw fields.fail(
        'OVERFLOW',
        `${fields.what} has a dimension of ${dim}; at most ${limits.dimension}`,
        fields.place,
      );
    dims[i] = dim;
  }
  const maxDims = flags & 1 ? dims.map(() => limitOf(fields)) : dims;
  return { dims, maxDims, isNull: kind === 2 };
}

function limitOf(fields: Fields): number {
  const { length } = fields.widths;
  const isEndless = fields.take(length).every((byte) => byte === 0xff);
  if (isEndless) return UNDEFINED;
  fields.at -= length;
  return fields.length();
}

/** Elements of a shape; past 2^53 no longer exact, and large all the same. */
export function elementsOf({ dims, isNull }: Dataspace): number {
  return isNull ? 0 : dims.reduce((product, dim) => product * dim, 1);
}
