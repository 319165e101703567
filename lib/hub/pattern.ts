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
  const wanted = include?.map(patternOf) ?? null;
  const unwanted = exclude?.map(patternOf) ?? [];
  return names.filter((name) => (wanted?.some((p) => p.test(name)) ?? true) && !unwanted.some((p) => p.test(name)));
}

/** `*`, `?`, `[abc]`, `[!abc]`; everything else is itself. */
function patternOf(pattern: string): RegExp {
  if (typeof pattern !== 'string') throw new TypeError(`a pattern of files must be a string, not a ${typeof pattern}`);
  const whole = pattern.endsWith('/') ? `${pattern}*` : pattern;
  const source = whole.replace(/\*+|\?|\[(!?)(\]?[^\]]*)\]|[\s\S]/g, (part, not: string, set: string | undefined) => {
    if (part.startsWith('*')) return '[^]*';
    if (part === '?') return '[^]';
    if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[\\\]^[]/g, '\\$&')}]`;
    return part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 'u');
}
