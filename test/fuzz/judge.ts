import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as library from '../../lib';
import { keepInMemory, leaveToDisk } from './fast-files';
import { kLanes } from './protocol';
import { BrokenClaim, isQuick, type Target } from './target';

/** What one input came to. */
export interface Verdict {
  seed: number;
  /** 'loaded', the code of a refusal, or null for a finding. */
  outcome: string | null;
  /** What is wrong, in a sentence; empty when nothing is. */
  finding: string;
  ms: number;
}

const kinds = Object.values(library as unknown as Record<string, unknown>).filter(
  (value): value is new () => Error => typeof value === 'function' && value.prototype instanceof Error,
);
const kLongestMessage = 20_000;

/** Why an error is none that a user should see; empty for a proper refusal. */
export function flawOf(error: unknown): string {
  const { name, code, message } = (error ?? {}) as { name: string; code: unknown; message: string };
  // Asked for in a finding only: to write a stack down takes longer than to read a small file.
  const stack = () => (error as Error | undefined)?.stack ?? String(error);
  if (error instanceof BrokenClaim) return `a claim does not hold: ${message}`;
  if (!kinds.some((Kind) => error instanceof Kind)) return `an error of another kind: ${stack()}`;
  if (typeof code !== 'string' || !/^[A-Z][A-Z0-9_]+$/.test(code)) return `${name} without a code: ${stack()}`;
  if (message.length > kLongestMessage) return `${code} with a message of ${message.length} characters`;
  if (message.includes('[object Object]')) return `${code} with an object in its sentence: ${message}`;
  return '';
}

/** What lies in each folder. */
const written = new Map<string, ReadonlyMap<string, Uint8Array>>();

/** Writes `files` into `folder`, over what the last input left there. */
export function writeFiles(files: ReadonlyMap<string, Uint8Array>, folder: string): void {
  const old = written.get(folder);
  for (const [name, bytes] of files) {
    if (old?.get(name) === bytes) continue;
    const path = join(folder, name);
    if (name.includes('/')) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  for (const name of old?.keys() ?? []) if (!files.has(name)) rmSync(join(folder, name));
  written.set(folder, files);
}

export async function judge(target: Target, seed: number, folder: string): Promise<Verdict> {
  const files = target.make(seed);
  const quick = isQuick(target, seed);
  if (!quick) leaveToDisk(folder);
  if (!(quick && keepInMemory(folder, files))) writeFiles(files, folder);
  const start = performance.now();
  try {
    if (quick) await target.quick?.(folder, seed, files);
    else await target.open(folder, seed, files);
    return { seed, outcome: 'loaded', finding: '', ms: performance.now() - start };
  } catch (error) {
    const ms = performance.now() - start;
    const finding = flawOf(error);
    return { seed, outcome: finding ? null : (error as { code: string }).code, finding, ms };
  }
}

/** Says in a file of the machine's memory which seeds are being read, for whoever finds the process dead. */
export class Diary {
  private readonly fd: number;
  private readonly word = Buffer.alloc(8);

  constructor(path: string) {
    this.fd = openSync(path, 'w');
    for (let lane = 0; lane < kLanes; lane++) this.note(lane, -1);
  }

  note(lane: number, seed: number): void {
    this.word.writeDoubleLE(seed);
    writeSync(this.fd, this.word, 0, 8, lane * 8);
  }

  close(): void {
    closeSync(this.fd);
  }
}
