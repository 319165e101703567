import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as library from '../../lib';
import { BrokenClaim, type Target } from './target';

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
  const { name, code, message, stack } = (error ?? {}) as {
    name: string;
    code: unknown;
    message: string;
    stack: string;
  };
  if (error instanceof BrokenClaim) return `a claim does not hold: ${message}`;
  if (!kinds.some((Kind) => error instanceof Kind)) return `an error of another kind: ${stack ?? String(error)}`;
  if (typeof code !== 'string' || !/^[A-Z][A-Z0-9_]+$/.test(code)) return `${name} without a code: ${stack}`;
  if (message.length > kLongestMessage) return `${code} with a message of ${message.length} characters`;
  if (message.includes('[object Object]')) return `${code} with an object in its sentence: ${message}`;
  return '';
}

/** Writes input `seed` of `target` into `folder`, which holds what the last input left. */
export function writeInput(target: Target, seed: number, folder: string): void {
  const files = target.make(seed);
  const wanted = new Set<string>();
  for (const [name, bytes] of files) {
    const path = join(folder, name);
    wanted.add(name.split('/')[0] as string);
    if (name.includes('/')) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  for (const name of readdirSync(folder)) if (!wanted.has(name)) rmSync(join(folder, name), { recursive: true });
}

export async function judge(target: Target, seed: number, folder: string): Promise<Verdict> {
  writeInput(target, seed, folder);
  const start = performance.now();
  try {
    await target.open(folder, seed);
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
  }

  note(lane: number, seed: number): void {
    this.word.writeDoubleLE(seed);
    writeSync(this.fd, this.word, 0, 8, lane * 8);
  }

  close(): void {
    closeSync(this.fd);
  }
}
