import type { PinnedFile } from '../pinned-file';

/** Where the bytes of a storage lie. */
export interface StorageBytes {
  /** Tells it from the other storages of its file. */
  readonly name: string;
  /** First byte in the file. */
  readonly offset: number;
  /** Bytes of the storage. */
  readonly size: number;
  /** Whether the file holds them compressed. */
  readonly isDeflated: boolean;
  /** Fills `target` with the storage's bytes from `start` on. */
  readInto(target: Uint8Array, start: number, signal?: AbortSignal): Promise<void>;
}

/** A storage whose bytes lie in the file as they are. */
export class PlainStorage implements StorageBytes {
  readonly isDeflated = false;

  constructor(
    private readonly file: PinnedFile,
    readonly name: string,
    readonly offset: number,
    readonly size: number,
  ) {}

  readInto(target: Uint8Array, start: number, signal?: AbortSignal): Promise<void> {
    return this.file.readInto(target, this.offset + start, signal);
  }
}
