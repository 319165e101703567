import { ValueError } from '../errors';

/** Random numbers for new weights and for `rand` and `randn`. */

let state = 0x9e3779b9;

/** Seeds every random number that this package draws. @throws ValueError for what is no whole number */
export function set_seed(seed: number): void {
  if (!Number.isSafeInteger(seed)) throw new ValueError(`set_seed takes a whole number, not ${String(seed)}`);
  state = (seed ^ 0x9e3779b9) >>> 0;
}

/** What `draw` makes with random numbers of that seed; those of others go on as if it had not been. */
export function withSeed<T>(seed: number, draw: () => T): T {
  const before = state;
  set_seed(seed);
  try {
    return draw();
  } finally {
    state = before;
  }
}

/** A number in (0, 1): mulberry32. */
export function uniform(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
}

/** Two whole numbers below 2^32 that seed what native threads draw. */
export function drawSeed(): [number, number] {
  return [Math.floor(uniform() * 2 ** 32), Math.floor(uniform() * 2 ** 32)];
}

/** Fills with numbers of mean 0: Box and Muller's method. */
export function fillNormal(values: Float32Array, std: number): void {
  for (let i = 0; i < values.length; i += 2) {
    const radius = std * Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
  }
}
