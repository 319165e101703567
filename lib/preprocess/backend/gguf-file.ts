import type { GgufVocabulary } from './messages';

/**
 * The `tokenizer.json` that a GGUF file's vocabulary amounts to. Runs on the tokenizer thread, which is started from the
 * source text of this function: nothing outside it may be used in it but types.
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function ggufFile({ head, tokens, merges, scores, byteLevel }: GgufVocabulary): Record<string, unknown> {
  function textsOf({ bytes, length }: { bytes: Uint8Array; length: number }): string[] {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const texts = new Array<string>(length);
    for (let i = 0, at = 0; i < length; i++) {
      const end = at + 8 + buffer.readUInt32LE(at);
      texts[i] = buffer.toString('utf8', at + 8, end);
      at = end;
    }
    return texts;
  }

  /** The characters that stand for bytes in byte-level vocabularies. Source: OpenAI's GPT-2 encoder. */
  function byteAlphabet(): string[] {
    const isShown = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    let next = 256;
    return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isShown(byte) ? byte : next++));
  }

  function respell(texts: string[]): string[] {
    const alphabet = byteAlphabet();
    const known = new Set(alphabet);
    return texts.map((text) =>
      [...text].every((character) => known.has(character))
        ? text
        : Array.from(Buffer.from(text), (byte) => alphabet[byte] as string).join(''),
    );
  }

  /**
   * The merges that scores imply: every way to put a token together from two others, the best tokens first, and among equals
   * the longest first part. Source: generate_merges of transformers 5.18.0.
   */
  function mergesFrom(texts: string[], values: Float32Array): [string, string][] {
    const ids = new Map(texts.map((text, id) => [text, id]));
    const best = new Map(texts.map((text, id) => [text, values[id] as number]));
    const found: { left: string; right: string; score: number; lengths: [number, number] }[] = [];
    for (const [text, score] of best) {
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
      found.push(...ways);
    }
    found.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1]);
    return found.map(({ left, right }) => [left, right]);
  }

  const texts = textsOf(tokens);
  const spelled = byteLevel ? respell(texts) : texts;
  // Own members all of them: __proto__ may be a token.
  const vocab = Object.fromEntries(new Map(spelled.map((text, id) => [text, id])));
  const pairs = merges ? textsOf(merges).map((merge) => merge.split(' ')) : scores ? mergesFrom(texts, scores) : [];
  return { ...head, model: { ...(head['model'] as object), vocab, merges: pairs } };
}
