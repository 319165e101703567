import { readFileSync } from 'node:fs';
import { readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { errorCode, runLocked } from '../job-error';
import { createDurable, temporaryName } from './durable';

/** Who works in a folder. */
interface Holder {
  pid: number;
  host: string;
  /** Tells a process from a later one of the same number; null where the system does not say. */
  born: string | null;
  since: string;
}

const BEAT_MS = 10_000;
/** A holder on another machine whose lock has been still for this long is gone. */
const STILL_MS = 60_000;

/** The right to write into a folder. A lock whose process has died counts no more. */
export class Lock {
  readonly #path: string;
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string) {
    this.#path = path;
    this.#beat = setInterval(() => {
      const now = new Date();
      utimes(path, now, now).catch(() => {});
    }, BEAT_MS).unref();
  }

  /** @throws RuntimeError `RUN_LOCKED` when a live process has it */
  static async take(path: string): Promise<Lock> {
    const own = `${JSON.stringify(self())}\n`;
    for (;;) {
      if (await createDurable(path, own)) return new Lock(path);
      const text = await readFile(path, 'utf8').catch(() => null);
      if (text === null) continue;
      if (await isHeld(path, text)) throw runLocked(lockedBy(path, text));
      await removeStale(path, text);
    }
  }

  async release(): Promise<void> {
    clearInterval(this.#beat);
    await rm(this.#path, { force: true });
  }
}

function self(): Holder {
  return { pid: process.pid, host: hostname(), born: birth(process.pid), since: new Date().toISOString() };
}

async function isHeld(path: string, text: string): Promise<boolean> {
  const holder = parse(text);
  if (holder === null) return false;
  if (holder.host !== hostname()) {
    const info = await stat(path).catch(() => null);
    return info !== null && Date.now() - info.mtimeMs < STILL_MS;
  }
  return isAlive(holder.pid) && (holder.born === null || holder.born === birth(holder.pid));
}

/** Moves the lock aside before it goes: of two processes that found it stale, one gets it. */
async function removeStale(path: string, text: string): Promise<void> {
  const aside = temporaryName(path);
  try {
    await rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await readFile(aside, 'utf8');
  await rm(aside, { force: true });
  // the other process was quicker and this was its fresh lock: give it back
  if (moved !== text) await createDurable(path, moved);
}

function parse(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Holder;
    return typeof holder.pid === 'number' && typeof holder.host === 'string' ? holder : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
  return status(pid)?.state !== 'Z';
}

/** When a process was started, with the boot it belongs to. */
function birth(pid: number): string | null {
  const started = status(pid)?.started;
  if (started === undefined) return null;
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${started}`;
  } catch {
    return started;
  }
}

/** State and start time of a process, from Linux' /proc. */
function status(pid: number): { state: string; started: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // the name in parentheses may hold anything; state is the first field behind it, the start time the twentieth
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, started: fields[19]! };
  } catch {
    return null;
  }
}

function lockedBy(path: string, text: string): string {
  const { pid, host, since } = parse(text)!;
  const who = host === hostname() ? `process ${pid}` : `process ${pid} on ${host}`;
  return `${who} has been working in this folder since ${since} (${path}); wait for it, or give another --output`;
}
