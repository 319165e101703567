import type { ByteLevelFiles, FileBytes, MakerTools } from './vocabulary-files';

/**
 * The `tokenizer.json` that a `vocab.json` and its `merges.txt` amount to. Runs on the tokenizer thread: nothing outside of
 * it may be used in it but types.
 * @param isChecked - whether merges of tokens that the vocabulary lacks are refused here, with their lines. Whoever builds a
 *   tokenizer finds the wrong ones in a fraction of the time, and asks for the line then.
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function byteLevelFile(
  { vocab: vocabPath, merges: mergesPath, headless, head }: ByteLevelFiles,
  files: FileBytes,
  { linesOf, textOf, refuse }: MakerTools,
  isChecked: boolean,
): Record<string, unknown> {
  const mostIds = 1e7;

  function idText(id: unknown): string {
    if (id !== null && typeof id === 'object') return `${Array.isArray(id) ? 'a list' : 'an object'} in place of an id`;
    return `the id ${JSON.stringify(id)}, which is none`;
  }

  function readVocabulary(): Record<string, number> {
    let found: unknown;
    try {
      found = JSON.parse(textOf(vocabPath, files));
    } catch (error) {
      refuse(vocabPath, `it is not valid JSON: ${(error as Error).message}`);
    }
    if (found === null || typeof found !== 'object' || Array.isArray(found))
      refuse(vocabPath, 'it must hold an object of ids by token');
    const vocab = found as Record<string, number>;
    const taken = new Uint8Array(mostIds);
    // Pairs of both take an object of 256,000 tokens five times as long as keys do.
    const tokens = Object.keys(vocab);
    for (const token of tokens) {
      const id = vocab[token] as number;
      if (!(Number.isInteger(id) && id >= 0 && id < mostIds))
        refuse(vocabPath, `the token ${JSON.stringify(token)} has ${idText(id)}`);
      if (taken[id] === 1) {
        const other = tokens.find((candidate) => vocab[candidate] === id);
        refuse(vocabPath, `the tokens ${JSON.stringify(other)} and ${JSON.stringify(token)} both have the id ${id}`);
      }
      taken[id] = 1;
    }
    if (tokens.length === 0) refuse(vocabPath, 'it holds no token');
    return vocab;
  }

  /** Merges, and the number of each one's line; what is merged again has its first place. */
  function readMerges(): { pairs: [left: string, right: string][]; lineOf: number[] } {
    const bytes = files.get(mergesPath) as Uint8Array;
    const [lineFeed, carriageReturn] = [10, 13];
    const isCutOff = bytes.length > 0 && ![lineFeed, carriageReturn].includes(bytes.at(-1) as number);
    const lines = linesOf(mergesPath, files);
    const seen = new Set<string>();
    const pairs: [string, string][] = [];
    const lineOf: number[] = [];
    lines.forEach((line, i) => {
      if (headless ? (i === 0 && line.trimStart().startsWith('#version:')) || line.trim() === '' : i === 0) return;
      // Upstream takes what follows the last line feed for nothing, also where it is a merge.
      if (!headless && isCutOff && i === lines.length - 1) return;
      const [, left = '', right = ''] = /^\s*(\S+)\s+(\S+)\s*$/.exec(line) ?? [];
      if (left === '')
        refuse(
          mergesPath,
          `line ${i + 1} must be two tokens with a space between, and is ${JSON.stringify(line.slice(0, 80))}`,
        );
      const isPlain = line[left.length] === ' ' && left.length + 1 + right.length === line.length;
      const key = isPlain ? line : `${left} ${right}`;
      if (seen.size === seen.add(key).size) return;
      pairs.push([left, right]);
      lineOf.push(i + 1);
    });
    return { pairs, lineOf };
  }

  const vocab = readVocabulary();
  const { pairs, lineOf } = readMerges();
  if (isChecked)
    pairs.forEach(([left, right], i) => {
      for (const token of [left, right, left + right])
        if (!Object.hasOwn(vocab, token))
          refuse(
            mergesPath,
            `line ${lineOf[i]} merges ${left} and ${right}, and '${vocabPath}' has no token ${JSON.stringify(token)}`,
          );
    });
  return { ...head, model: { ...head.model, vocab, merges: pairs } };
}
