import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new empty folder that goes away after the tests of the file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'checkpoint-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Paths in a new empty folder that each test of the file has to itself. */
export function scratchOfEachTest(): (...names: string[]) => string {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return (...names) => join(folder, ...names);
}

/** The bytes of a safetensors file with this JSON and so much data; `length` in place of the true length of the JSON. */
export function safetensorsBytes(json: string | Uint8Array, data: number | Uint8Array = 0, length?: bigint): Buffer {
  const header = Buffer.from(json as string);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(header.byteLength));
  return Buffer.concat([prefix, header, typeof data === 'number' ? Buffer.alloc(data) : data]);
}

/** Writes a safetensors file of float32 vectors: name → values. */
export function writeVectors(path: string, vectors: Record<string, number[]>, metadata?: Record<string, string>): void {
  const entries: string[] = metadata ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  let offset = 0;
  for (const [name, values] of Object.entries(vectors)) {
    const end = offset + values.length * 4;
    entries.push(
      `${JSON.stringify(name)}:{"dtype":"F32","shape":[${values.length}],"data_offsets":[${offset},${end}]}`,
    );
    offset = end;
  }
  const data = Buffer.from(Float32Array.from(Object.values(vectors).flat()).buffer);
  writeFileSync(path, safetensorsBytes(`{${entries.join(',')}}`, data));
}

/** What `action` throws or rejects with; fails when it does neither. */
export async function errorOf(
  action: () => unknown,
): Promise<Error & { code: string; file?: string; tensor?: string }> {
  try {
    await action();
  } catch (error) {
    return error as Error & { code: string };
  }
  throw new Error('expected an error, there was none');
}
