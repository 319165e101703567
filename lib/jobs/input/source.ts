import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { errorCode, errorMessage, inputError } from '../job-error';

/** Bytes in order. */
export interface ByteSource {
  /** Fills the front of `target`; 0 at the end. */
  read(target: Buffer): Promise<number>;
  close(): Promise<void>;
  /** Bytes of the disk or the pipe that lie behind, compressed where the input is. */
  readonly taken: number;
}

/** Opens a plain file at `offset`. */
export async function openFile(path: string, offset: number): Promise<ByteSource> {
  return new FileSource(path, await open(path, 'r'), offset);
}

/** Opens a gzip file; its bytes come from the start, inflated. */
export function openGzip(path: string): ByteSource {
  return new StreamSource(path, createReadStream(path), true);
}

/** Takes over a stream that may be gzip. */
export async function openStream(name: string, stream: Readable): Promise<ByteSource> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first: Buffer[] = [];
  while (first.reduce((sum, chunk) => sum + chunk.length, 0) < 2) {
    const { value, done } = await chunks.next();
    if (done) break;
    first.push(Buffer.from(value));
  }
  const head = Buffer.concat(first);
  return new StreamSource(name, Readable.from(chain(head, chunks), { objectMode: false }), isGzip(head), stream);
}

/** The two bytes that every gzip file starts with. */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

async function* chain(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (head.length > 0) yield head;
    for (;;) {
      const { value, done } = await rest.next();
      if (done) return;
      yield Buffer.from(value);
    }
  } finally {
    await rest.return?.();
  }
}

class FileSource implements ByteSource {
  taken: number;
  readonly #path: string;
  readonly #file: FileHandle;
  #position: number;

  constructor(path: string, file: FileHandle, offset: number) {
    this.#path = path;
    this.#file = file;
    this.#position = offset;
    this.taken = offset;
  }

  async read(target: Buffer): Promise<number> {
    try {
      const { bytesRead } = await this.#file.read(target, 0, target.length, this.#position);
      this.#position += bytesRead;
      this.taken += bytesRead;
      return bytesRead;
    } catch (error) {
      throw unreadable(this.#path, error);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

class StreamSource implements ByteSource {
  readonly #name: string;
  readonly #raw: Readable & { bytesRead?: number };
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #owner: Readable | null;
  #chunk: Buffer = Buffer.alloc(0);
  #given = 0;

  constructor(name: string, raw: Readable, gzip: boolean, owner: Readable | null = null) {
    this.#name = name;
    this.#raw = raw;
    this.#owner = owner;
    // pipeline hands an error of `raw` to the inflater, where the iterator below meets it
    this.#stream = gzip ? pipeline(raw, createGunzip(), () => {}) : raw;
    this.#chunks = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  get taken(): number {
    return this.#raw.bytesRead ?? this.#given;
  }

  async read(target: Buffer): Promise<number> {
    while (this.#chunk.length === 0) {
      const { value, done } = await this.#next();
      if (done) return 0;
      this.#chunk = value as Buffer;
    }
    const count = this.#chunk.copy(target);
    this.#chunk = this.#chunk.subarray(count);
    this.#given += count;
    return count;
  }

  async #next(): Promise<IteratorResult<Buffer>> {
    try {
      return await this.#chunks.next();
    } catch (error) {
      throw unreadable(this.#name, error);
    }
  }

  async close(): Promise<void> {
    this.#stream.on('error', () => {});
    this.#stream.destroy();
    this.#owner?.destroy();
  }
}

function unreadable(name: string, error: unknown): unknown {
  if (errorCode(error)?.startsWith('Z_')) {
    return inputError('INPUT_CORRUPT', `${name} is damaged: ${errorMessage(error)}. Fetch it again`, error);
  }
  return inputError('INPUT_UNREADABLE', `cannot read ${name}: ${errorMessage(error)}`, error);
}
