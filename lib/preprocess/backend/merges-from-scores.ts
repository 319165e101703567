/**
 * The merges that scores imply: every way to put a token together from two others, the best tokens first, and among equals
 * the longest first part. Source: generate_merges of transformers 4.57.6.
 *
 * Runs on the tokenizer thread: nothing outside of it may be used in it but types.
 *
 * @param ids - of the tokens that may be parts
 * @param scores - of the tokens that are put together
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function mergesFromScores(
  ids: ReadonlyMap<string, number>,
  scores: ReadonlyMap<string, number>,
  refuse: (what: string) => never,
): [string, string][] {
  // Every cut of a token is looked up, which takes as long as the token is: vocabularies need under a tenth of this.
  let work = 0;
  for (const text of scores.keys()) work += text.length ** 2;
  if (work > 2 ** 28) refuse('its tokens are too long to find out how they are put together');
  const found: { left: string; right: string; score: number; lengths: [number, number] }[] = [];
  for (const [text, score] of scores) {
    const points = [...text];
    const ways: typeof found = [];
    let cut = 0;
    for (let i = 1; i < points.length; i++) {
      cut += (points[i - 1] as string).length;
      const [left, right] = [text.slice(0, cut), text.slice(cut)];
      if (ids.has(left) && ids.has(right)) ways.push({ left, right, score, lengths: [i, points.length - i] });
    }
    const idOf = (piece: string) => ids.get(piece) as number;
    ways.sort((a, b) => idOf(a.left) - idOf(b.left) || idOf(a.right) - idOf(b.right));
    for (const way of ways) found.push(way);
  }
  found.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1]);
  return found.map(({ left, right }) => [left, right]);
}
