import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogLevel, memoryStats, setLogLevel } from '../../lib';
import { lookAtOnce } from './fast-files';
import { Diary, judge, type Verdict } from './judge';
import { kBlockedMs, kGrowthBytes, kLanes, kLeakBytes, kSlowestMs, type Order, type Report } from './protocol';
import type { Target } from './target';
import { targetNamed } from './targets';

/** Odd inputs of one block that are read again. */
const kMostOdd = 40;

/** A process that reads inputs. It may die at any of them: its diary says which. */

const order = JSON.parse(process.env['FUZZ_ORDER'] as string) as Order;
const send = (report: Report) => process.send?.(report);

/** Bytes, descriptors and tensors that are held while nothing is read. */
function held() {
  global.gc?.();
  return {
    rss: process.memoryUsage.rss(),
    descriptors: readdirSync('/proc/self/fd').length,
    tensors: memoryStats().live,
  };
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
  if (order.alone) await readAlone(target);
  else await readMany(target);
  process.disconnect();
  process.exit(0);
}

const current = new Array<number>(kLanes).fill(-1);
const diarySeeds = () => current.filter((seed) => seed >= 0);

/** Seeds from `first` on, in lanes, until the time is over; whatever looks odd is told as a suspect. */
async function readMany(target: Target): Promise<void> {
  lookAtOnce();
  const diary = new Diary(order.diary);
  let next = order.first;
  const end = order.first + order.count;
  // Caches and compiled code come first: what is held behind them must not grow.
  const warm = Math.min(order.count, 500);
  await readSome(target, diary, () => (next < order.first + warm ? next++ : null));
  const before = held();
  await readSome(target, diary, () => (next < end && Date.now() < order.deadline ? next++ : null));
  const after = held();
  const seeds = [order.first, next - 1];
  if (after.descriptors > before.descriptors)
    send({ kind: 'finding', seeds, what: `${after.descriptors - before.descriptors} files are still open` });
  if (after.tensors > before.tensors)
    send({ kind: 'finding', seeds, what: `${after.tensors - before.tensors} bytes of tensors are still held` });
  if (after.rss - before.rss > kLeakBytes)
    send({ kind: 'finding', seeds, what: `the process has grown by ${after.rss - before.rss} bytes` });
  send({ kind: 'done', next });
}

async function readSome(target: Target, diary: Diary, take: () => number | null): Promise<void> {
  const slowest = target.slowestMs ?? kSlowestMs;
  let tally: Record<string, number> = {};
  let told = Date.now();
  const odd: number[] = [];
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
      const most = peak();
      const verdict = await judge(target, seed, folder);
      if (isOdd(verdict, slowest, peak() - most)) odd.push(seed);
      const outcome = verdict.outcome ?? 'FINDING';
      tally[outcome] = (tally[outcome] ?? 0) + 1;
      if (i % 16 === 0) await nextTurn();
      if (Date.now() - told > 250) tell();
    }
    current[number] = -1;
  };
  await Promise.all(Array.from({ length: kLanes }, (_, i) => lane(i)));
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
    // What grows the peak grows it once: that is seen alone only.
    if (verdict.ms <= Math.min(slowest, kBlockedMs)) return false;
  }
  return true;
}

function isOdd({ finding, ms }: Verdict, slowest: number, growth: number): boolean {
  return finding !== '' || ms > Math.min(slowest, kBlockedMs) || growth > kGrowthBytes / 4;
}

/** One seed, by Node's own file calls, thrice for its times: a busy machine slows one of them, a slow reader all. */
async function readAlone(target: Target): Promise<void> {
  const folder = join(order.folder, 'alone');
  mkdirSync(folder, { recursive: true });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const before = held();
  const most = peak();
  let best: Verdict | null = null;
  let blocked = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    delay.reset();
    delay.enable();
    await nextTurn();
    const verdict = await judge(target, order.first, folder);
    await nextTurn();
    delay.disable();
    blocked = Math.min(blocked, delay.max / 1e6 || 0);
    if (best === null || verdict.finding || verdict.ms < best.ms) best = verdict;
    if (verdict.finding) break;
  }
  const after = held();
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
