import { resultOf } from './run-program';

describe('the event loop', () => {
  it('turns while native ops run one after another', async () => {
    const { ms, ticks, p99Ms } = await resultOf<{ ms: number; ticks: number; p99Ms: number }>('event-loop');
    // A loop that waited for the work would tick once or twice; how often it ticks depends on what else is running.
    expect(ticks).toBeGreaterThan(ms / 40);
    expect(p99Ms).toBeLessThan(ms / 4);
  });
});
