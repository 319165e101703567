/** Spaces that joining tokens leaves before punctuation and English contractions, and what stands there without them. */
const kReplacements: readonly [string, string][] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** Takes the spaces out that decoding left, in the order of Transformers' `clean_up_tokenization`. */
export function cleanUpTokenization(text: string): string {
  return kReplacements.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}
