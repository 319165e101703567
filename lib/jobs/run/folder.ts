import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { errorCode, notARunFolder, writeError } from '../job-error';
import { createDurable, syncFolder } from './durable';
import { parseReceipt, type Receipt, shardName } from './receipt';

const TOP_FILES = /^(manifest\.json|report\.json|report\.html|run\.json|run\.lock)\.[0-9a-f]{8}\.tmp$/;
/** What a finished run has beside its parts. */
const RESULTS = ['manifest.json', 'report.json', 'report.html'] as const;
/** Another process may be about to ask for the lock, so a fresh temporary file is not a leftover. */
const LEFTOVER_MS = 60_000;

/**
 * Makes a folder and those above it. Node's own recursive mkdir never returns where a file system answers ENOENT under a
 * folder that exists, as /proc does.
 */
async function makeFolders(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST') {
      if ((await stat(folder)).isDirectory()) return;
      throw error;
    }
    const above = dirname(folder);
    if (code !== 'ENOENT' || above === folder || (await exists(above))) throw error;
    await makeFolders(above);
    await mkdir(folder).catch((again: unknown) => {
      if (errorCode(again) !== 'EEXIST') throw again;
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The folder of one run: where its files are, and which of them count. */
export class RunFolder {
  readonly path: string;
  readonly parts: string;
  readonly errors: string;

  constructor(path: string) {
    this.path = path;
    this.parts = join(path, 'parts');
    this.errors = join(path, 'errors');
  }

  /** @throws OSError when the folder cannot be made, ValueError `NOT_A_RUN_FOLDER` when it is a file */
  async create(): Promise<void> {
    for (const folder of [this.path, this.parts, this.errors]) {
      await makeFolders(folder).catch((error: unknown) => {
        const code = errorCode(error);
        if (code === 'EEXIST' || code === 'ENOTDIR') throw notARunFolder(`${folder} is not a folder`, error);
        throw writeError(error, folder);
      });
    }
    await syncFolder(this.path);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  receiptPath(shard: number): string {
    return join(this.parts, `${shardName(shard)}.json`);
  }

  /** Text of a top-level file, or null. */
  async read(name: string): Promise<string | null> {
    return readFile(this.file(name), 'utf8').catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return null;
      throw error;
    });
  }

  /** The receipt of a shard, or null. */
  async receipt(shard: number): Promise<Receipt | null> {
    const text = await readFile(this.receiptPath(shard), 'utf8').catch(() => null);
    return text === null ? null : parseReceipt(text);
  }

  /** The first row in `errors/`, by its code and message; null when there is none. */
  async firstError(): Promise<{ code: string; message: string } | null> {
    const [name] = (await readdir(this.errors)).filter((file) => file.endsWith('.jsonl')).sort();
    if (name === undefined) return null;
    for await (const line of createInterface(createReadStream(join(this.errors, name)))) return JSON.parse(line);
    return null;
  }

  /** The commit point: false when another process was first. */
  async commit(receipt: Receipt): Promise<boolean> {
    return createDurable(this.receiptPath(receipt.shard), `${JSON.stringify(receipt)}\n`);
  }

  /**
   * Removes what no receipt vouches for, and receipts whose files are gone or of another length. Must hold the lock.
   * @returns the shards that are committed
   */
  async sweep(): Promise<Set<number>> {
    const names = await readdir(this.parts);
    const committed = new Set<number>();
    const counted = new Set<string>();
    for (const name of names) {
      if (!/^\d{5,}\.json$/.test(name)) continue;
      const shard = Number.parseInt(name, 10);
      const receipt = await this.receipt(shard);
      if (receipt === null || !(await this.#hasFilesOf(receipt))) continue;
      committed.add(shard);
      counted.add(`parts/${name}`);
      for (const { file } of [...receipt.files, ...(receipt.errors === null ? [] : [receipt.errors])])
        counted.add(file);
    }
    await removeFiles(this.parts, (name) => !counted.has(`parts/${name}`));
    await removeFiles(this.errors, (name) => !counted.has(`errors/${name}`));
    for (const name of await readdir(this.path)) {
      if (TOP_FILES.test(name) && (await isOld(this.file(name)))) await rm(this.file(name), { force: true });
    }
    return committed;
  }

  /** Drops the run that is here. A crash midway leaves a smaller run, never a wrong one. */
  async clear(): Promise<void> {
    for (const name of RESULTS) await rm(this.file(name), { force: true });
    await syncFolder(this.path);
    await removeFiles(this.parts, () => true);
    await removeFiles(this.errors, () => true);
    await rm(this.file('run.json'), { force: true });
    await syncFolder(this.path);
  }

  /** @throws ValueError `NOT_A_RUN_FOLDER` when there is something that a run would replace although none began here */
  async checkFresh(): Promise<void> {
    for (const name of RESULTS) {
      if (await exists(this.file(name)))
        throw notARunFolder(
          `${this.file(name)} would be replaced, but no run.json says what it is: give another --output`,
        );
    }
    for (const folder of [this.parts, this.errors]) {
      const names = await readdir(folder);
      if (names.length === 0) continue;
      throw notARunFolder(`${folder} holds ${names[0]} but no run.json says what it is: give another --output`);
    }
  }

  async #hasFilesOf(receipt: Receipt): Promise<boolean> {
    for (const { file, bytes } of [...receipt.files, ...(receipt.errors === null ? [] : [receipt.errors])]) {
      const info = await stat(join(this.path, file)).catch(() => null);
      if (info?.size !== bytes) return false;
    }
    return true;
  }
}

async function isOld(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  return info !== null && (!path.includes('run.lock') || Date.now() - info.mtimeMs > LEFTOVER_MS);
}

/** Receipts go first: a crash between must not leave one without its files. */
async function removeFiles(folder: string, isDoomed: (name: string) => boolean): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => !entry.isDirectory() && isDoomed(entry.name)).map(({ name }) => name);
  for (const name of names.sort(receiptsFirst)) await rm(join(folder, name), { force: true });
  await syncFolder(folder);
}

function receiptsFirst(a: string, b: string): number {
  return Number(/^\d+\.json$/.test(b)) - Number(/^\d+\.json$/.test(a));
}
