import { TypeError } from '../errors';

/**
 * Which of `names` are wanted: those that match a pattern of `include` (all, when there is none) and none of `exclude`.
 * Patterns are shell-style, and `*` matches '/' too, as in huggingface_hub; one that ends in '/' means what is in the folder.
 */
export function chosenBy(
  names: readonly string[],
  include: readonly string[] | null | undefined,
  exclude: readonly string[] | null | undefined,
): string[] {
  const wanted = include?.map(parse) ?? null;
  const unwanted = exclude?.map(parse) ?? [];
  return names.filter((name) => {
    const letters = [...name];
    return (wanted?.some((p) => matches(p, letters)) ?? true) && !unwanted.some((p) => matches(p, letters));
  });
}

/** What one letter must be; null stands for `*`, any number of letters. */
type Part = ((letter: string) => boolean) | null;

/** `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`; everything else is itself. */
function parse(pattern: string): Part[] {
  if (typeof pattern !== 'string') throw new TypeError(`a pattern of files must be a string, not a ${typeof pattern}`);
  const whole = pattern.endsWith('/') ? `${pattern}*` : pattern;
  const parts: Part[] = [];
  for (const [text, not, set] of whole.matchAll(/\*+|\?|\[(!?)(\]?[^\]]*)\]|[\s\S]/gu)) {
    if (text.startsWith('*')) parts.push(null);
    else if (text === '?') parts.push(() => true);
    else if (set !== undefined) parts.push((letter) => isIn(letter, [...set]) !== (not === '!'));
    else parts.push((letter) => letter === text);
  }
  return parts;
}

function isIn(letter: string, set: readonly string[]): boolean {
  for (let i = 0; i < set.length; i++) {
    const [from, to] = [set[i] as string, set[i + 1] === '-' ? set[i + 2] : undefined];
    if (to === undefined && letter === from) return true;
    if (to === undefined) continue;
    if (from <= letter && letter <= to) return true;
    i += 2;
  }
  return false;
}

/** Goes back to the last `*` only, so that no pattern takes more steps than its length times the name's. */
function matches(parts: readonly Part[], letters: readonly string[]): boolean {
  let [part, letter] = [0, 0];
  let star = -1;
  let starLetter = 0;
  while (letter < letters.length) {
    const here = parts[part];
    if (here === null) {
      star = part++;
      starLetter = letter;
    } else if (here?.(letters[letter] as string)) {
      part++;
      letter++;
    } else if (star >= 0) {
      part = star + 1;
      letter = ++starLetter;
    } else return false;
  }
  while (parts[part] === null) part++;
  return part === parts.length;
}
