import type { FileBytes, MakerTools, WordPieceFiles } from './vocabulary-files';

/**
 * The `tokenizer.json` that a `vocab.txt` amounts to. Runs on the tokenizer thread: nothing outside of it may be used in it
 * but types.
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function wordPieceFile(
  { vocab: path, head }: WordPieceFiles,
  files: FileBytes,
  { linesOf, refuse }: MakerTools,
): Record<string, unknown> {
  const ids = new Map<string, number>();
  linesOf(path, files).forEach((token, id) => {
    const known = ids.get(token);
    if (known !== undefined && token !== '')
      refuse(path, `line ${id + 1} is the token ${JSON.stringify(token)} of line ${known + 1} again`);
    ids.set(token, id);
  });
  if (ids.size === 0) refuse(path, 'it holds no token');
  return { ...head, model: { ...head.model, vocab: Object.fromEntries(ids) } };
}
