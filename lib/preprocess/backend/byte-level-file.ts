import type { ByteLevelFiles, FileBytes, MakerTools } from './vocabulary-files';

/**
 * The `tokenizer.json` that a `vocab.json` and its `merges.txt` amount to. Runs on the tokenizer thread: nothing outside of
 * it may be used in it but types.
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function byteLevelFile(
  { vocab: vocabPath, merges: mergesPath, headless, head }: ByteLevelFiles,
  files: FileBytes,
  { linesOf, textOf, refuse }: MakerTools,
): Record<string, unknown> {
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
    const tokens = new Map<number, string>();
    // Pairs of both take an object of 256,000 tokens five times as long as keys do.
    for (const token of Object.keys(vocab)) {
      const id = vocab[token] as number;
      if (!(Number.isInteger(id) && id >= 0 && id < 1e7))
        refuse(vocabPath, `the token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}, which is none`);
      const other = tokens.get(id);
      if (other !== undefined)
        refuse(vocabPath, `the tokens ${JSON.stringify(other)} and ${JSON.stringify(token)} both have the id ${id}`);
      tokens.set(id, token);
    }
    if (tokens.size === 0) refuse(vocabPath, 'it holds no token');
    return vocab;
  }

  /** A merge and the number of its line; what is merged again has its first place. */
  function readMerges(): Map<string, [line: number, left: string, right: string]> {
    const lines = linesOf(mergesPath, files);
    const text = textOf(mergesPath, files);
    const isCutOff = text !== '' && !/[\r\n]$/.test(text);
    const merges = new Map<string, [number, string, string]>();
    lines.forEach((line, i) => {
      if (headless ? (i === 0 && line.trimStart().startsWith('#version:')) || line.trim() === '' : i === 0) return;
      // Upstream takes what follows the last line feed for nothing, also where it is a merge.
      if (!headless && isCutOff && i === lines.length - 1) return;
      const parts = line.trim().split(/\s+/);
      if (parts.length !== 2 || parts[0] === '')
        refuse(
          mergesPath,
          `line ${i + 1} must be two tokens with a space between, and is ${JSON.stringify(line.slice(0, 80))}`,
        );
      const key = parts.join(' ');
      if (!merges.has(key)) merges.set(key, [i + 1, parts[0] as string, parts[1] as string]);
    });
    return merges;
  }

  const vocab = readVocabulary();
  const pairs: [string, string][] = [];
  for (const [line, left, right] of readMerges().values()) {
    for (const token of [left, right, left + right])
      if (!Object.hasOwn(vocab, token))
        refuse(
          mergesPath,
          `line ${line} merges ${left} and ${right}, and '${vocabPath}' has no token ${JSON.stringify(token)}`,
        );
    pairs.push([left, right]);
  }
  return { ...head, model: { ...head.model, vocab, merges: pairs } };
}
