import { Random } from './random';

const MEAN = 53;
const SHORTEST = 3;
const LONGEST = 256;

/** Texts and the tokens that each has. */
export interface Texts {
  texts: string[];
  lengths: number[];
}

/**
 * `count` texts of 3 to 256 tokens, 53 on average, most of them short: lengths are log-normal, words are drawn from the
 * tokenizer's own vocabulary, so that each is one token, besides the two that frame a text.
 * @param vocabulary - what the tokenizer knows
 */
export function mixedTexts(count: number, vocabulary: Iterable<string>, seed = 53): Texts {
  const words = [...vocabulary].filter((word) => /^[a-z]{3,}$/.test(word)).sort();
  const random = new Random(seed);
  const lengths = tokenLengths(count, random);
  const texts = lengths.map((length) =>
    Array.from({ length: length - 2 }, () => words[random.below(words.length)]).join(' '),
  );
  return { texts, lengths };
}

/** Lengths whose mean is 53 to within one. */
export function tokenLengths(count: number, random: Random): number[] {
  const normals = Array.from({ length: count }, () => random.normal());
  let [low, high] = [0, 8];
  for (;;) {
    const scale = (low + high) / 2;
    const lengths = normals.map((z) => Math.min(LONGEST, Math.max(SHORTEST, Math.round(Math.exp(scale + 0.8 * z)))));
    const mean = lengths.reduce((sum, n) => sum + n, 0) / count;
    if (Math.abs(mean - MEAN) < 0.5 || high - low < 1e-6) return lengths;
    if (mean < MEAN) low = scale;
    else high = scale;
  }
}
