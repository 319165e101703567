import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { LogLevel, memoryStats, setLogLevel } from '../../lib';
import { lookAtOnce, openFilesInMemory } from './fast-files';
import { Diary, judge, type Verdict } from './judge';
import { kBlockedMs, kGrowthBytes, kLanes, kLeakBytes, kSlowestMs, type Order, type Report } from './protocol';
import type { Target } from './target';
import { targetNamed } from './targets';

/** Odd inputs of one block that are read again. */
const kMostOdd = 40;
/** Inputs between two looks at the process's peak, which take as long as a tenth of a reading each. */
const kPeakEvery = 16;

/** A process that reads inputs. It may die at any of them: its diary says which. */

const order = JSON.parse(process.env['FUZZ_ORDER'] as string) as Order;
const send = (report: Report) => process.send?.(report);

/** Bytes, descriptors and tensors that are held while nothing is read. */
function held() {
  global.gc?.();
  const { live, mapped } = memoryStats();
  return {
    rss: process.memoryUsage.rss(),
    descriptors: readdirSync('/proc/self/fd').length + openFilesInMemory(),
    tensors: live + mapped,
  };
}

type Held = ReturnType<typeof held>;

/**
 * What is held once others have given back what the last reading left to them, as native threads do tensors and the thread of
 * tokenizers its own files, or a second has passed.
 */
async function heldAtRest(before: Held): Promise<Held> {
  const isMore = (now: Held) => kLeaks.some(([what]) => now[what] > before[what]);
  for (let waited = 0; waited < 1000 && isMore(held()); waited += 20) await pause(20);
  return held();
}

const peak = () => process.resourceUsage().maxRSS * 1024;

async function main(): Promise<void> {
  setLogLevel(LogLevel.ERROR);
  process.on('unhandledRejection', (error) => {
    send({ kind: 'finding', seeds: diarySeeds(), what: `a rejection that nobody hears: ${(error as Error).stack}` });
    process.exit(1);
  });
  const target = targetNamed(order.target);
  const kept = join(order.folder, 'kept');
  mkdirSync(kept, { recursive: true });
  await target.prepare?.(kept);
  send({ kind: 'progress', tally: {} });
  if (order.alone) await readAlone(target);
  else await readMany(target);
  process.disconnect();
  process.exit(0);
}

const current = new Array<number>(kLanes).fill(-1);
function diarySeeds(): number[] {
  const seeds = current.filter((seed) => seed >= 0);
  return seeds.length > 0 ? seeds : [order.first, order.first + order.count - 1];
}

/** Seeds from `first` on, in lanes, until the time is over; whatever looks odd is told as a suspect. */
async function readMany(target: Target): Promise<void> {
  lookAtOnce();
  // A refusal's stack costs as much as the rest of a quick reading. A finding is read again alone, with its stack.
  if (target.quick) Error.stackTraceLimit = 0;
  const diary = new Diary(order.diary);
  let next = order.first;
  const end = order.first + order.count;
  const deadline = Date.now() + order.ms;
  const isTime = () => Date.now() < deadline;
  // Caches and compiled code come first: what is held behind them must not grow.
  const warm = Math.min(order.count, 500);
  await readSome(target, diary, () => (next < order.first + warm && isTime() ? next++ : null));
  const warmed = next;
  const before = held();
  await readSome(target, diary, () => (next < end && isTime() ? next++ : null));
  const after = await heldAtRest(before);
  const seeds = [warmed, next - 1];
  for (const [what, name] of kLeaks)
    if (after[what] > before[what])
      send({
        kind: 'finding',
        seeds: await leakingSeeds(target, what, warmed, next),
        what: `${after[what] - before[what]} ${name}`,
      });
  if (after.rss - before.rss > kLeakBytes)
    send({ kind: 'finding', seeds, what: `the process has grown by ${after.rss - before.rss} bytes` });
  send({ kind: 'done', next });
}

const kLeaks = [
  ['descriptors', 'files are still open'],
  ['tensors', 'bytes of tensors are still held'],
] as const;

/** The seed from `from` to `end` - 1 that leaks, found by halving; all of them when none does so again. */
async function leakingSeeds(
  target: Target,
  what: 'descriptors' | 'tensors',
  from: number,
  end: number,
): Promise<number[]> {
  const folder = join(order.folder, 'lane0');
  const leaks = async (low: number, high: number) => {
    const before = held();
    for (let seed = low; seed < high; seed++) {
      await judge(target, seed, folder);
      if (seed % 64 === 0) send({ kind: 'progress', tally: {} });
    }
    return (await heldAtRest(before))[what] > before[what];
  };
  let [low, high] = [from, end];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await leaks(low, middle)) high = middle;
    else low = middle;
  }
  return (await leaks(low, high)) ? [low] : [from, end - 1];
}

async function readSome(target: Target, diary: Diary, take: () => number | null): Promise<void> {
  const slowest = target.slowestMs ?? kSlowestMs;
  let tally: Record<string, number> = {};
  let told = Date.now();
  const odd: number[] = [];
  let most = peak();
  let since: number[] = [];
  const lookAtPeak = () => {
    const now = peak();
    // What grows the peak grows it once: which of them it was is seen again only alone.
    if (now - most > kGrowthBytes / 4) for (const seed of since) send({ kind: 'suspect', seed });
    most = now;
    since = [];
  };
  const tell = () => {
    send({ kind: 'progress', tally });
    tally = {};
    told = Date.now();
  };
  const lane = async (number: number) => {
    const folder = join(order.folder, `lane${number}`);
    mkdirSync(folder, { recursive: true });
    for (let seed = take(), i = 0; seed !== null; seed = take(), i++) {
      diary.note(number, seed);
      current[number] = seed;
      const verdict = await judge(target, seed, folder);
      if (isOdd(verdict, slowest)) odd.push(seed);
      since.push(seed);
      if (since.length >= kPeakEvery) lookAtPeak();
      const outcome = verdict.outcome ?? 'FINDING';
      tally[outcome] = (tally[outcome] ?? 0) + 1;
      if (i % 16 === 0) await nextTurn();
      if (Date.now() - told > 250) tell();
    }
    current[number] = -1;
  };
  await Promise.all(Array.from({ length: kLanes }, (_, i) => lane(i)));
  lookAtPeak();
  tell();
  // Most of what looks odd is another lane's time, or another process's: it is read again while all else rests.
  const folder = join(order.folder, 'lane0');
  for (const seed of odd.slice(0, kMostOdd))
    if (await isOddAgain(target, seed, folder, slowest)) send({ kind: 'suspect', seed });
}

async function isOddAgain(target: Target, seed: number, folder: string, slowest: number): Promise<boolean> {
  for (let i = 0; i < 3; i++) {
    current[0] = seed;
    const verdict = await judge(target, seed, folder);
    if (verdict.finding !== '') return true;
    if (verdict.ms <= Math.min(slowest, kBlockedMs)) return false;
  }
  return true;
}

function isOdd({ finding, ms }: Verdict, slowest: number): boolean {
  return finding !== '' || ms > Math.min(slowest, kBlockedMs);
}

/**
 * One seed, by Node's own file calls, thrice for its times, of which none counts beyond the processor time that it took: a
 * busy machine slows a read, a slow reader slows all and works meanwhile.
 */
async function readAlone(target: Target): Promise<void> {
  const folder = join(order.folder, 'alone');
  mkdirSync(folder, { recursive: true });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const before = held();
  // Making an input takes some of its sizes: one of a hundred megabytes is no fault of its reader.
  target.make(order.first);
  global.gc?.();
  const most = peak();
  let best: Verdict | null = null;
  let blocked = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    delay.reset();
    delay.enable();
    await nextTurn();
    const began = process.cpuUsage();
    const verdict = await judge(target, order.first, folder);
    const { user, system } = process.cpuUsage(began);
    const worked = (user + system) / 1000;
    verdict.ms = Math.min(verdict.ms, worked);
    await nextTurn();
    delay.disable();
    blocked = Math.min(blocked, delay.max / 1e6 || 0, worked);
    if (best === null || verdict.finding || verdict.ms < best.ms) best = verdict;
    if (verdict.finding) break;
  }
  const after = await heldAtRest(before);
  const verdict = best as Verdict;
  const slowest = target.slowestMs ?? kSlowestMs;
  const growth = peak() - most;
  const problems = [
    verdict.finding,
    verdict.ms > slowest && `it takes ${verdict.ms.toFixed(0)} ms; at most ${slowest}`,
    blocked > kBlockedMs && `it keeps the event loop waiting for ${blocked.toFixed(0)} ms; at most ${kBlockedMs}`,
    growth > kGrowthBytes && `it needs ${growth} bytes of memory; at most ${kGrowthBytes}`,
    after.descriptors > before.descriptors && `it leaves ${after.descriptors - before.descriptors} files open`,
    after.tensors > before.tensors && `it leaves ${after.tensors - before.tensors} bytes of tensors`,
  ];
  const what = problems.filter(Boolean).join('; ');
  send({ kind: 'alone', seed: order.first, outcome: verdict.outcome, what, ms: verdict.ms, blocked, growth });
}

main().catch((error: Error) => {
  console.error(error);
  process.exit(3);
});
