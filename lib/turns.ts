import { performance } from 'node:perf_hooks';
import { throwIfAborted } from './errors';

/** Milliseconds for which a long loop may hold the event loop. */
const kTurnMs = 3;

/** Lets other events in between the rounds of a long loop, and stops it when its call is aborted. */
export class TurnTaker {
  private due = performance.now() + kTurnMs;

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** To be awaited after every round; takes a new turn of the event loop when this one was long enough. */
  next(): Promise<void> | undefined {
    if (performance.now() < this.due) return undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      throwIfAborted(this.signal);
      this.due = performance.now() + kTurnMs;
    });
  }
}

/** Work that yields wherever it may be left for a while. */
export type Steps<T> = Generator<void, T>;

/** The result of `steps`, between which other events are let in. @throws AbortError */
export async function inTurns<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  const turns = new TurnTaker(signal);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    const turn = turns.next();
    if (turn) await turn;
  }
}

/** The result of `steps`, at once: for those who have nobody beside them. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Items that are visited between two steps. */
const kVisits = 256;

/** Calls `visit` with each of `items`, in their order. */
export function* visitInSteps<T>(items: Iterable<T>, visit: (item: T) => void): Steps<void> {
  let visited = 0;
  for (const item of items) {
    visit(item);
    if (++visited % kVisits === 0) yield;
  }
}

/** `texts.join(separator)`. */
export function* joinInSteps(texts: readonly string[], separator: string): Steps<string> {
  const runs: string[] = [];
  for (let at = 0; at < texts.length; at += kRun) {
    runs.push(texts.slice(at, at + kRun).join(separator));
    yield;
  }
  return runs.join(separator);
}

/** Items that are joined, sorted or compared between two steps. */
const kRun = 2048;

/** `items` in order, equal ones as they were. */
export function* sortInSteps<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<readonly T[]> {
  if (yield* isSorted(items, compare)) return items;
  let sorted: T[] = [];
  for (let at = 0; at < items.length; at += kRun) {
    sorted.push(...items.slice(at, at + kRun).sort(compare));
    yield;
  }
  for (let width = kRun; width < sorted.length; width *= 2) {
    const merged: T[] = [];
    for (let at = 0; at < sorted.length; at += 2 * width)
      yield* merge(
        sorted,
        at,
        Math.min(at + width, sorted.length),
        Math.min(at + 2 * width, sorted.length),
        compare,
        merged,
      );
    sorted = merged;
  }
  return sorted;
}

function* isSorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<boolean> {
  for (let i = 1; i < items.length; i++) {
    if (i % kRun === 0) yield;
    if (compare(items[i - 1] as T, items[i] as T) > 0) return false;
  }
  return true;
}

/** Puts what is sorted from `begin` to `middle` and from there to `end` into `merged` as one. */
function* merge<T>(
  items: readonly T[],
  begin: number,
  middle: number,
  end: number,
  compare: (a: T, b: T) => number,
  merged: T[],
): Steps<void> {
  let [a, b] = [begin, middle];
  while (a < middle || b < end) {
    const isFirst = b >= end || (a < middle && compare(items[a] as T, items[b] as T) <= 0);
    merged.push(items[isFirst ? a++ : b++] as T);
    if (merged.length % kRun === 0) yield;
  }
}
