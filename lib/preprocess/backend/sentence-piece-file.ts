import type { FileBytes, MakerTools, SentencePieceFiles } from './vocabulary-files';

/**
 * The `tokenizer.json` that a model of SentencePiece amounts to, as Transformers' converters make it. Runs on the tokenizer
 * thread: nothing outside of it may be used in it but types.
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function sentencePieceFile(
  files: SentencePieceFiles,
  bytes: FileBytes,
  tools: MakerTools,
): Record<string, unknown> {
  const { model: path, head, named, byteFallback } = files;
  const refuse = (what: string): never => tools.refuse(path, what);
  const model = tools.readSentencePiece(bytes.get(path) as Uint8Array, refuse);
  if (model.characterMap) tools.checkCharacterMap(model.characterMap, refuse);
  const { pieces } = model;
  const [CONTROL, USER_DEFINED] = [3, 4];
  /** A comma behind what Python's isdigit() takes for a digit. */
  const isDigit =
    /[\p{Nd}²³¹፩-፱᧚⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}],$/u;

  if (pieces.length < Math.max(files.skipped, named.length))
    refuse(
      `it holds ${pieces.length} pieces, and the first ${Math.max(files.skipped, named.length)} have a meaning of their own`,
    );
  const vocab: [string, number][] = [...files.before.map((entry): [string, number] => [...entry])];
  pieces.forEach(({ text, score }, i) => {
    if (i < files.skipped) return;
    if (i < named.length) vocab.push([named[i] ?? text, 0]);
    else vocab.push([text, files.splitsCommas && isDigit.test(text) ? score - 100 : score]);
  });
  for (const [text, score] of files.after) vocab.push([text, score]);
  const ids = new Map(vocab.map(([text], id) => [text, id]));

  /** Control symbols, which are special, and those that a user defined: both are kept whole. */
  function addedTokens(): Record<string, unknown>[] {
    const rules = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    let next = ids.size;
    return pieces
      .filter(({ type }) => type === CONTROL || type === USER_DEFINED)
      .map(({ text, type }) => ({ id: ids.get(text) ?? next++, content: text, ...rules, special: type === CONTROL }));
  }

  function unigram(): Record<string, unknown> {
    const unk_id = files.unknown ?? model.unknownId;
    if (!(unk_id >= 0 && unk_id < vocab.length)) refuse(`its unknown piece is number ${unk_id} of ${vocab.length}`);
    return { type: 'Unigram', unk_id, vocab, byte_fallback: byteFallback };
  }

  function bpe(): Record<string, unknown> {
    const merges = tools.mergesFromScores(new Map(pieces.map(({ text }, id) => [text, id])), new Map(vocab), refuse);
    for (const [left, right] of merges)
      for (const token of [left, right])
        if (!ids.has(token))
          refuse(`${left} and ${right} are merged, and ${JSON.stringify(token)} is replaced by another token`);
    return {
      type: 'BPE',
      dropout: null,
      unk_token: model.unknownPiece,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: byteFallback,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges,
    };
  }

  /** The normalizer with the file's character map in its place, or without where it has none. */
  function normalizer(): unknown {
    const steps = head['normalizer'] as { normalizers: { type: string }[] } | null;
    if (!steps?.normalizers) return steps;
    const map = model.characterMap && Buffer.from(model.characterMap).toString('base64');
    const normalizers = steps.normalizers
      .filter(({ type }) => type !== 'Precompiled' || map !== null)
      .map((step) => (step.type === 'Precompiled' ? { ...step, precompiled_charsmap: map } : step));
    return { ...steps, normalizers };
  }

  if (model.modelType > 2)
    refuse(`it cuts texts into ${model.modelType === 3 ? 'words' : 'characters'}; unigram and BPE models can be used`);
  return {
    ...head,
    normalizer: normalizer(),
    added_tokens: addedTokens(),
    model: model.modelType === 1 ? unigram() : bpe(),
  };
}
