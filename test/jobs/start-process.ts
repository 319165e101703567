import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

/** A command line that runs, or has run. */
export class Running {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(file: string, args: readonly string[], env: Record<string, string>) {
    this.child = spawn(file, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    this.child.stdout!.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr!.on('data', (chunk) => {
      this.stderr += chunk;
    });
    // what is written to a process that was killed goes nowhere
    this.child.stdin!.on('error', () => {});
    this.ended = new Promise((resolve) => this.child.on('close', (code, signal) => resolve({ code, signal })));
  }

  /** Ends standard input with `bytes`. */
  feed(bytes: Uint8Array | string): this {
    this.child.stdin!.end(bytes);
    return this;
  }

  /** Waits for the next JSON line on stderr of that event. */
  async until(event: string): Promise<void> {
    while (!this.stderr.includes(`"event":"${event}"`)) {
      if (this.child.exitCode !== null) throw new Error(`ended before '${event}':\n${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Starts `embed` or `classify` with fake models. */
export function startJob(args: readonly string[], model: Record<string, unknown> = {}): Running {
  const script = join(__dirname, 'job-process.cjs');
  return new Running(process.execPath, [script, ...args], { FAKE_MODEL: JSON.stringify(model) });
}
