import type { GgufVocabulary } from './messages';
import type { MakerTools } from './vocabulary-files';

/**
 * The `tokenizer.json` that a GGUF file's vocabulary amounts to. Runs on the tokenizer thread, which is started from the
 * source text of this function: nothing outside it may be used in it but types.
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function ggufFile(
  { path, head, tokens, merges, scores, byteLevel }: GgufVocabulary,
  { mergesFromScores, refuse }: MakerTools,
): Record<string, unknown> {
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

  function mergesFrom(values: Float32Array): [string, string][] {
    const ids = new Map(texts.map((text, id) => [text, id]));
    const best = new Map(texts.map((text, id) => [text, values[id] as number]));
    return mergesFromScores(ids, best, (what) => refuse(path, what));
  }

  const texts = textsOf(tokens);
  const spelled = byteLevel ? respell(texts) : texts;
  // Own members all of them: __proto__ may be a token.
  const vocab = Object.fromEntries(new Map(spelled.map((text, id) => [text, id])));
  const pairs = merges ? textsOf(merges).map((merge) => merge.split(' ')) : scores ? mergesFrom(scores) : [];
  return { ...head, model: { ...(head['model'] as object), vocab, merges: pairs } };
}
