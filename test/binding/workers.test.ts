import { resultOf, runProgram } from './run-program';

const kTerminations = 120;

describe('worker threads', () => {
  it('compute at once, each with its own instance', async () => {
    const values = await resultOf<number[][]>('several-workers');
    expect(values).toEqual([50, 10, 20, 30, 40].map((steps) => new Array(20).fill(steps)));
  });

  it('may be terminated in the middle of work, any number of times', async () => {
    const result = await resultOf<{ terminated: number; sum: number; live: number }>('terminated-workers', {
      args: [String(kTerminations)],
      timeoutMs: 240_000,
    });
    expect(result).toMatchObject({ terminated: kTerminations, sum: 10 });
    expect(result.live).toBeLessThan(1 << 20); // the last value, and nothing of the workers'
  }, 250_000);

  it('may be the only threads that load the addon, and end before the process does', async () => {
    expect(await resultOf('only-workers')).toEqual([11, 11, 11, 11, 11]);
  });
});

describe('the end of the process in the middle of work', () => {
  const kTimes = 5;
  it.each([
    ['exit', 7],
    ['exitAtOnce', 7],
    ['throw', 1],
    ['reject', 1],
    ['naturally', 0],
    ['exitWithWorkers', 7],
  ])(
    '%s: ends by itself with code %i',
    async (how, code) => {
      for (let i = 0; i < kTimes; i++) {
        const ended = await runProgram('end', { args: [how], timeoutMs: 30_000 });
        expect(ended).toMatchObject({ code, signal: null, timedOut: false });
      }
    },
    160_000,
  );
});
