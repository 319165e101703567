import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kLanes, kMostBytes, kSilenceMs, type Order, type Report } from './protocol';

const kStartMs = 60_000;

/** How a process ended. */
export interface Ending {
  /** Empty when it ended by itself. */
  death: string;
  /** What it was reading. */
  seeds: number[];
  stderr: string;
}

/** A folder in memory where there is such a place. */
export function memoryFolder(): string {
  const base = process.platform === 'linux' ? '/dev/shm' : tmpdir();
  return mkdtempSync(join(base, 'native-transformers-fuzz-'));
}

/** Runs a process that carries out `wanted`, and kills it when it is silent or grows. */
export async function read(
  base: string,
  wanted: Pick<Order, 'target' | 'first' | 'count' | 'ms' | 'alone'>,
  hear: (report: Report) => void,
  silenceMs = kSilenceMs,
): Promise<Ending> {
  const folder = mkdtempSync(join(base, 'process-'));
  const code = join(base, 'code');
  mkdirSync(code, { recursive: true });
  const order: Order = { ...wanted, folder, diary: join(folder, 'diary') };
  const child = fork(join(__dirname, 'main.cjs'), [], {
    execArgv: ['--expose-gc', '--max-old-space-size=384', '--stack-trace-limit=6'],
    env: {
      ...process.env,
      FUZZ_ORDER: JSON.stringify(order),
      FUZZ_CODE: code,
      NATIVE_TRANSFORMERS_THREADS: '1',
      NATIVE_TRANSFORMERS_MEMORY: '128MB',
      UV_THREADPOOL_SIZE: '1',
      HF_HUB_OFFLINE: '1',
      HF_HOME: join(folder, 'home'),
    },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.on('data', (data: Buffer) => {
    stderr = (stderr + data.toString()).slice(-4000);
  });
  const death = await watch(child, wanted.alone ? 3 * silenceMs : silenceMs, hear);
  const seeds = wanted.alone ? [wanted.first] : diarySeeds(order.diary);
  rmSync(folder, { recursive: true, force: true });
  return { death, seeds, stderr };
}

function watch(child: ChildProcess, silence: number, hear: (report: Report) => void): Promise<string> {
  return new Promise((resolve) => {
    // A process without a report yet is starting, which a busy machine makes slow.
    let heard = Date.now() + kStartMs;
    let killed = '';
    const kill = (why: string) => {
      killed ||= why;
      child.kill('SIGKILL');
    };
    const timer = setInterval(() => {
      if (Date.now() - heard > silence) kill(`it hangs: no sign of life for ${silence} ms`);
      else if (rssOf(child.pid as number) > kMostBytes) kill(`it needs more than ${kMostBytes} bytes of memory`);
    }, 200);
    child.on('message', (report: Report) => {
      heard = Date.now();
      hear(report);
    });
    child.on('close', (status, signal) => {
      clearInterval(timer);
      if (killed || status === 0) resolve(killed);
      else resolve(signal ? `it dies of ${signal}` : `it exits with ${status}`);
    });
  });
}

function rssOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096;
  } catch {
    return 0;
  }
}

function diarySeeds(path: string): number[] {
  try {
    const bytes = readFileSync(path);
    const noted = Array.from({ length: Math.min(kLanes, bytes.length / 8) }, (_, i) => bytes.readDoubleLE(i * 8));
    return noted.filter((seed) => seed >= 0);
  } catch {
    return [];
  }
}
