import { seededRandom } from '../checkpoint/mutant';

/** Numbers at which readers go wrong: ends of integer types, of doubles, and of what fits a file. */
export const kNumbers: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  2n ** 48n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
  -1n,
  -2n,
  -(2n ** 31n),
  -(2n ** 63n),
];

/** All chance of one input: the same seed throws the same dice. */
export class Dice {
  private readonly random: () => number;

  constructor(readonly seed: number) {
    this.random = seededRandom(seed);
  }

  /** A whole number from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** True once in `n`. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  /** A hostile number, or one near `value`. */
  number(value: bigint | number = 0n): bigint {
    const near = BigInt(Math.trunc(Number(value)));
    switch (this.below(4)) {
      case 0:
        return near + this.pick([-1n, 1n, 2n, -8n, 8n]);
      case 1:
        return this.once(2) ? near * 2n : near / 2n;
      default:
        return this.pick(kNumbers);
    }
  }
}
