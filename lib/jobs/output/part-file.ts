import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../input/identity';
import { writeError } from '../job-error';
import { UNFINISHED } from '../run/durable';
import type { CommittedFile } from '../run/receipt';

/** A file under `parts/` or `errors/` while it is written; it takes its name when it is whole and on the disk. */
export class PartFile {
  readonly #root: string;
  readonly #name: string;
  readonly #handle: FileHandle;
  #length = 0;

  private constructor(root: string, name: string, handle: FileHandle) {
    this.#root = root;
    this.#name = name;
    this.#handle = handle;
  }

  /** @param name relative to the run's folder `root` */
  static async create(root: string, name: string): Promise<PartFile> {
    const path = join(root, name) + UNFINISHED;
    const handle = await open(path, 'w').catch((error: unknown) => {
      throw writeError(error, path);
    });
    return new PartFile(root, name, handle);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#write(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Replaces the first bytes. */
  async patchStart(bytes: Uint8Array): Promise<void> {
    await this.#write(bytes, 0);
  }

  async finish(): Promise<CommittedFile> {
    const path = join(this.#root, this.#name);
    try {
      await this.#handle.sync();
      await this.#handle.close();
      await rename(path + UNFINISHED, path);
    } catch (error) {
      throw writeError(error, path);
    }
    return { file: this.#name, ...(await sha256(path)) };
  }

  /** Removes the file, finished or not. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => {});
    const path = join(this.#root, this.#name);
    await rm(path + UNFINISHED, { force: true });
    await rm(path, { force: true });
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
      }
    } catch (error) {
      throw writeError(error, join(this.#root, this.#name));
    }
  }
}
