/**
 * The error classes that this package throws. Python exceptions keep their names, as Transformers' users know them;
 * every instance has a stable `code`. Programs should test `code`; the sentence is for people.
 */

interface CodedOptions {
  code?: string;
  cause?: unknown;
}

/** A value that has the right type but cannot be used. */
export class ValueError extends Error {
  override name = 'ValueError';
  code: string;
  constructor(message: string, options: CodedOptions = {}) {
    super(message, options);
    this.code = options.code ?? 'ERR_VALUE';
  }
}

const GlobalTypeError = globalThis.TypeError;

/** A value of the wrong type, an unknown option or input name. Extends the global `TypeError`. */
export class TypeError extends GlobalTypeError {
  override name = 'TypeError';
  code: string;
  constructor(message: string, options: CodedOptions = {}) {
    super(message, options);
    this.code = options.code ?? 'ERR_TYPE';
  }
}

/** A name that a table does not have. */
export class KeyError extends Error {
  override name = 'KeyError';
  code: string;
  constructor(message: string, options: CodedOptions = {}) {
    super(message, options);
    this.code = options.code ?? 'ERR_KEY';
  }
}

/** A failure while running: kernels, memory, shapes that do not fit a checkpoint. */
export class RuntimeError extends Error {
  override name = 'RuntimeError';
  code: string;
  constructor(message: string, options: CodedOptions = {}) {
    super(message, options);
    this.code = options.code ?? 'ERR_RUNTIME';
  }
}

/** A file, folder or network failure. Also exported as `EnvironmentError`, its other Python name. */
export class OSError extends Error {
  override name = 'OSError';
  code: string;
  constructor(message: string, options: CodedOptions = {}) {
    super(message, options);
    this.code = options.code ?? 'ERR_OS';
  }
}
export { OSError as EnvironmentError };

/** A file that is not there. */
export class FileNotFoundError extends OSError {
  override name = 'FileNotFoundError';
  constructor(message: string, options: CodedOptions = {}) {
    super(message, { code: 'FILE_NOT_FOUND', ...options });
  }
}

/** Something this build of the package does not contain. */
export class ImportError extends Error {
  override name = 'ImportError';
  code: string;
  constructor(message: string, options: CodedOptions = {}) {
    super(message, options);
    this.code = options.code ?? 'ERR_IMPORT';
  }
}

/** Something that is defined, but not for this class or not yet. */
export class NotImplementedError extends Error {
  override name = 'NotImplementedError';
  code: string;
  constructor(message: string, options: CodedOptions = {}) {
    super(message, options);
    this.code = options.code ?? 'ERR_NOT_IMPLEMENTED';
  }
}

/** A missing attribute. */
export class AttributeError extends Error {
  override name = 'AttributeError';
  code: string;
  constructor(message: string, options: CodedOptions = {}) {
    super(message, options);
    this.code = options.code ?? 'ERR_ATTRIBUTE';
  }
}

/** A call that its `signal` stopped. `cause` is the signal's reason. */
export class AbortError extends Error {
  override name = 'AbortError';
  readonly code = 'ABORT_ERR';
  constructor(reason?: unknown, message = 'The operation was aborted') {
    super(message, { cause: reason });
  }
}

/** Throws an `AbortError` when `signal` has been aborted already. @throws TypeError when it is no AbortSignal */
export function throwIfAborted(signal: AbortSignal | null | undefined): void {
  if (signal === undefined || signal === null) return;
  if (typeof signal.addEventListener !== 'function' || typeof signal.aborted !== 'boolean')
    throw new TypeError(
      `signal must be an AbortSignal, not ${typeof signal === 'object' ? 'another object' : `a ${typeof signal}`}`,
    );
  if (signal.aborted) throw new AbortError(signal.reason);
}

/** Where in a checkpoint a fault was found. */
export interface CheckpointErrorDetails {
  /** Path of the file. */
  file?: string;
  /** Byte offset in the file. */
  offset?: number | bigint;
  /** Name of the tensor. */
  tensor?: string;
  cause?: unknown;
}

/** A checkpoint file that is damaged, hostile or not what its name says. `code` is one word per kind of fault. */
export class CheckpointError extends OSError {
  override name = 'CheckpointError';
  readonly file?: string;
  readonly offset?: number | bigint;
  readonly tensor?: string;
  constructor(code: string, message: string, details: CheckpointErrorDetails = {}) {
    super(message, { code, cause: details.cause });
    if (details.file !== undefined) this.file = details.file;
    if (details.offset !== undefined) this.offset = details.offset;
    if (details.tensor !== undefined) this.tensor = details.tensor;
  }
}

/** The name in `known` that is most like `name`, or null: for "did you mean". */
export function nearest(name: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    previous = row;
  }
  return previous[b.length] as number;
}

/** An unknown option or input name: names it, the call, and the nearest known name. */
export function unknownName(kind: string, name: string, where: string, known: Iterable<string>): TypeError {
  const guess = nearest(name, known);
  const hint = guess === null ? `known: ${[...known].sort().join(', ')}` : `did you mean '${guess}'?`;
  return new TypeError(`${where} got an unexpected ${kind} '${name}'; ${hint}`, { code: 'ERR_UNKNOWN_NAME' });
}

/** A claim about an argument that does not hold, where Python asserts. */
export class AssertionError extends Error {
  override name = 'AssertionError';
  code: string;
  constructor(message: string, options: CodedOptions = {}) {
    super(message, options);
    this.code = options.code ?? 'ERR_ASSERTION';
  }
}
