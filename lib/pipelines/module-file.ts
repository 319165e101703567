import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NotImplementedError, nearest, OSError, ValueError } from '../errors';

type Json = Record<string, unknown>;

/** What is JSON in `folder/name`; null when there is no such file. @throws OSError when it cannot be read or is not JSON */
export async function readJson(folder: string, name: string): Promise<{ path: string; value: unknown } | null> {
  const path = join(folder, name);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new OSError(`'${path}' cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return { path, value: JSON.parse(text) };
  } catch (error) {
    throw new OSError(`'${path}' is not a valid JSON file: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The settings of one module of a sentence-transformers folder: each is read by its name and its type, and those that
 * nobody reads are refused.
 */
export class ModuleFile {
  private readonly read = new Set<string>();

  private constructor(
    readonly path: string,
    private readonly fields: Json,
  ) {}

  /** The file `folder/name`; null when there is none. @throws OSError, ValueError when it does not hold an object */
  static async open(folder: string, name: string): Promise<ModuleFile | null> {
    const found = await readJson(folder, name);
    if (!found) return null;
    const { path, value } = found;
    if (!isObject(value))
      throw new ValueError(`'${path}' must hold an object, not ${JSON.stringify(value)}`, { code: 'ERR_CONFIG_TYPE' });
    return new ModuleFile(path, value);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.fields, name);
  }

  /** A field as it stands there; undefined when it does not. */
  any(name: string): unknown {
    this.read.add(name);
    return this.has(name) ? this.fields[name] : undefined;
  }

  /** @throws ValueError unless it is true, false or left out */
  flag(name: string, usual: boolean): boolean {
    const value = this.any(name) ?? usual;
    if (typeof value === 'boolean') return value;
    throw this.wrong(name, 'true or false');
  }

  /** @throws ValueError unless it is a whole number above 0, null or left out */
  count(name: string): number | null {
    const value = this.any(name) ?? null;
    if (value === null || (Number.isSafeInteger(value) && (value as number) > 0)) return value as number | null;
    throw this.wrong(name, 'a whole number above 0');
  }

  /** An object; none when null or left out. @throws ValueError when it is something else */
  object(name: string): Json {
    const value = this.any(name) ?? {};
    if (isObject(value)) return value;
    throw this.wrong(name, 'an object');
  }

  /** @throws NotImplementedError for a value that changes what is computed and is not done here */
  only(name: string, ...values: unknown[]): void {
    const value = this.any(name);
    if (value === undefined || values.some((one) => JSON.stringify(one) === JSON.stringify(value))) return;
    throw new NotImplementedError(
      `${name} is ${JSON.stringify(value)} in '${this.path}', which is not supported here; ` +
        `${values.map((one) => JSON.stringify(one)).join(' or ')} is`,
      { code: 'ERR_CONFIG_FIELD' },
    );
  }

  /** Fields that change nothing of the vectors. */
  inert(...names: string[]): void {
    for (const name of names) this.read.add(name);
  }

  /** Fields that nobody has read. */
  others(): string[] {
    return Object.keys(this.fields).filter((name) => !this.read.has(name));
  }

  /** @throws ValueError for a field that nobody has read */
  refuseOthers(): void {
    for (const name of this.others()) {
      const guess = nearest(name, this.read);
      throw new ValueError(
        `'${this.path}' has a field '${name}', which the module does not have; ` +
          (guess ? `did you mean '${guess}'?` : `known: ${[...this.read].sort().join(', ')}`),
        { code: 'ERR_CONFIG_FIELD' },
      );
    }
  }

  /** An error for a field whose value cannot be. */
  wrong(name: string, wanted: string): ValueError {
    return new ValueError(`${name} is ${JSON.stringify(this.fields[name])} in '${this.path}'; it must be ${wanted}`, {
      code: 'ERR_CONFIG_TYPE',
    });
  }
}
