import { AbortError } from '../lib/errors';
import { atOnce, inTurns, joinInSteps, type Steps, sortInSteps, visitInSteps } from '../lib/turns';
import { turnsDuring } from './turns-during';

function* spin(milliseconds: number): Steps<string> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) yield;
  return 'done';
}

describe('work in steps', () => {
  it('lets other events in every few milliseconds', async () => {
    expect(await turnsDuring(inTurns(spin(200)))).toBeGreaterThan(5);
  });

  it('takes no turn where it is short', async () => {
    let isOver = false;
    setImmediate(() => expect(isOver).toBe(true));
    expect(await inTurns(spin(0))).toBe('done');
    isOver = true;
  });

  it('ends when its call is aborted', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5);
    await expect(inTurns(spin(60_000), controller.signal)).rejects.toBeInstanceOf(AbortError);
  });
});

describe('sorting in steps', () => {
  const random = (seed: number) => () => (seed = (seed * 48_271) % 0x7fff_ffff) / 0x7fff_ffff;

  it.each([0, 1, 2, 2047, 2048, 2049, 10_000])('gives what sort() gives of %i items', (length) => {
    const next = random(length + 1);
    const items = Array.from({ length }, (_, place) => ({ key: Math.floor(next() * 500), place }));
    const compare = (a: { key: number }, b: { key: number }) => a.key - b.key;
    expect(atOnce(sortInSteps(items, compare))).toEqual([...items].sort(compare));
  });

  it('leaves what is in order as it is', () => {
    const items = [1, 2, 2, 3];
    expect(atOnce(sortInSteps(items, (a, b) => a - b))).toBe(items);
  });
});

describe('lists in steps', () => {
  it.each([0, 1, 255, 256, 10_000])('are visited one after the other: %i items', (length) => {
    const items = Array.from({ length }, (_, i) => i);
    const visited: number[] = [];
    let steps = 0;
    for (const _ of visitInSteps(items, (item) => visited.push(item))) steps++;
    expect(visited).toEqual(items);
    expect(steps).toBe(Math.floor(length / 256));
  });

  it.each([0, 1, 2048, 2049, 10_000])('are joined as by join(): %i texts', (length) => {
    const texts = Array.from({ length }, (_, i) => (i % 3 === 0 ? '' : `t${i}`));
    expect(atOnce(joinInSteps(texts, ', '))).toBe(texts.join(', '));
  });
});
