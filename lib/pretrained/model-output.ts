/**
 * What a model returns: named fields, and index access that skips the absent ones, as in Transformers.
 * `const [loss, logits] = output.to_tuple()`; `output[0]`.
 */
export class ModelOutput {
  [index: number]: unknown;

  constructor(fields: Record<string, unknown>) {
    let index = 0;
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined || value === null) continue;
      (this as Record<string, unknown>)[name] = value;
      Object.defineProperty(this, index++, { value, enumerable: false });
    }
  }

  /** The fields that are present, in order. */
  to_tuple(): unknown[] {
    return Object.values(this);
  }

  keys(): string[] {
    return Object.keys(this);
  }
}
