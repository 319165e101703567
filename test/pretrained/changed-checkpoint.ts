import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { writeSafetensors } from '../../lib/checkpoint/safetensors-writer';
import { LogLevel, setLogHook, setLogLevel } from '../../lib/logging';

/** The checkpoint whose tensors and config tests change. */
export const golden = join(__dirname, '..', 'goldens', 'bert', 'base');

export interface Entry {
  name: string;
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** What the tests of a file share: a folder of its own for each of them, and what is logged. */
export interface Checkpoints {
  readonly folder: string;
  readonly logged: [level: number, message: string][];
  /** A copy of the golden checkpoint with its tensors and config changed. @returns the folder */
  checkpoint(change?: (entries: Entry[]) => Entry[], config?: Record<string, unknown>): Promise<string>;
  /** Puts tensors in the place of the folder's. */
  write(entries: Entry[], metadata?: Record<string, string>): Promise<void>;
  /** The levels of what was logged in such words. */
  levels(pattern: RegExp): number[];
}

/** Gives each test of a file a folder, and hears what it logs from INFO on. */
export function useCheckpoints(): Checkpoints {
  let folder = '';
  let logged: [number, string][] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'from-pretrained-'));
    logged = [];
    setLogHook((level, message) => logged.push([level, message]));
    setLogLevel(LogLevel.INFO);
  });
  afterEach(() => {
    setLogHook(null);
    setLogLevel(LogLevel.WARNING);
    rmSync(folder, { recursive: true, force: true });
  });
  const write = async (entries: Entry[], metadata?: Record<string, string>) => {
    await writeSafetensors(join(folder, 'model.safetensors'), entries as never, metadata ? { metadata } : {});
  };
  return {
    get folder() {
      return folder;
    },
    get logged() {
      return logged;
    },
    write,
    levels: (pattern) => logged.filter(([, message]) => pattern.test(message)).map(([level]) => level),
    async checkpoint(change = (entries) => entries, config = {}) {
      const stored = JSON.parse(await readFile(join(golden, 'config.json'), 'utf8')) as Record<string, unknown>;
      await writeFile(join(folder, 'config.json'), JSON.stringify({ ...stored, ...config }));
      await using source = await openSafetensors(join(golden, 'model.safetensors'));
      const entries: Entry[] = [];
      for (const name of source.names()) {
        const { dtype, shape } = source.info(name);
        entries.push({ name, dtype, shape: [...shape], bytes: await source.read(name) });
      }
      await write(change(entries));
      return folder;
    },
  };
}

/** The numbers of a float32 entry. */
export const floats = (bytes: Uint8Array) => new Float32Array(bytes.slice().buffer);

/** float32 entries as bfloat16 bits. */
export function halved(entries: Entry[]): Entry[] {
  return entries.map((entry) => {
    if (entry.dtype !== 'float32') return entry;
    const words = new Uint16Array(entry.bytes.slice().buffer);
    const bits = Uint16Array.from({ length: words.length / 2 }, (_, i) => words[2 * i + 1] as number);
    return { ...entry, dtype: 'bfloat16', bytes: new Uint8Array(bits.buffer) };
  });
}
