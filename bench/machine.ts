import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';

/** What the machine can do, as measured in this run. */
export interface Limits {
  peak: { isa: string; threads: number; gflops: number }[];
  read: { threads: number; gbps: number }[];
}

export interface Machine {
  cpu: string;
  cores: number;
  memory: number;
  node: string;
  date: string;
  /** Load averages over 1, 5 and 15 minutes when the run began: figures of a busy machine are worth little. */
  load: number[];
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    node: process.version,
    date: new Date().toISOString(),
    load: loadavg().map((x) => Number(x.toFixed(2))),
  };
}

const root = join(__dirname, '..', '..');

/** Compiles and runs bench/native/limits.cc. @throws when there is no C++ compiler */
export function measureLimits(threads: number): Limits {
  const source = join(root, 'bench', 'native', 'limits.cc');
  const program = join(root, '.cache', 'bench', 'limits');
  mkdirSync(join(root, '.cache', 'bench'), { recursive: true });
  if (isOlder(program, source))
    execFileSync(process.env['CXX'] ?? 'g++', ['-O3', '-std=c++17', '-pthread', source, '-o', program], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  return JSON.parse(execFileSync(program, [String(threads)], { encoding: 'utf8' })) as Limits;
}

function isOlder(file: string, than: string): boolean {
  try {
    return statSync(file).mtimeMs < statSync(than).mtimeMs;
  } catch {
    return true;
  }
}

/** The better of two measurements of the same machine, figure by figure. */
export function bestLimits(a: Limits, b: Limits): Limits {
  return {
    peak: a.peak.map((p, i) => ({ ...p, gflops: Math.max(p.gflops, b.peak[i]?.gflops ?? 0) })),
    read: a.read.map((r, i) => ({ ...r, gbps: Math.max(r.gbps, b.read[i]?.gbps ?? 0) })),
  };
}

/** Multiply-adds of an instruction set in GFLOP/s. */
export function peakOf(limits: Limits, isa: string, threads: number): number {
  return limits.peak.find((p) => p.isa === isa && p.threads === threads)?.gflops ?? Number.NaN;
}

/** GB/s read from memory. */
export function readRateOf(limits: Limits, threads: number): number {
  return limits.read.find((r) => r.threads === threads)?.gbps ?? Number.NaN;
}
