/** How frameworks name and arrange the weights of one and the same model. PyTorch's way is the one that models have here. */

/** What a stored tensor is in the model's terms. */
export interface Reading {
  /** The name that PyTorch gives it. */
  name: string;
  /** Which stored axis each axis of the PyTorch tensor is; left out where they are the same. */
  axes?: readonly number[];
}

/** What a dialect may ask about the model that is to be filled. */
export interface DialectTarget {
  className: string;
  base_model_prefix: string;
  /** `state_dict` name → shape. */
  shapes: ReadonlyMap<string, readonly number[]>;
}

/** The names and layouts of one framework. */
export interface Dialect {
  /** The framework, as messages name it. */
  readonly framework: string;
  /**
   * Whether stored shapes give way to the model's where the number of elements is the same: TensorFlow adds and drops axes
   * of one.
   */
  readonly reshapes: boolean;
  /** What a stored tensor is; null for what is no weight of a model, such as an optimizer's slots. */
  read(name: string, shape: readonly number[], target: DialectTarget): Reading | null;
  /** What something is called that is no tensor; default: as it is stored. */
  readOther?(name: string): string;
}

/**
 * The shape that the model has for a name, or for the same name with its prefix or without: base models and heads fill
 * each other.
 */
export function wantedShape(target: DialectTarget, name: string): readonly number[] | undefined {
  const { shapes, base_model_prefix } = target;
  const prefix = `${base_model_prefix}.`;
  const found = shapes.get(name) ?? shapes.get(prefix + name);
  return found ?? (name.startsWith(prefix) ? shapes.get(name.slice(prefix.length)) : undefined);
}

/** The axes of a matrix, or of any tensor, back to front. */
export function reversed(rank: number): number[] {
  return Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/** A convolution over two dimensions: [height, width, in, out] as [out, in, height, width]. */
export const CONV2D_AXES: readonly number[] = [3, 2, 0, 1];
