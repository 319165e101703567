/** The parts of a list with commas, or null when there is none. */
export function parsePatterns(list: string | null | undefined): string[] | null {
  if (list === null || list === undefined) return null;
  return list
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '');
}
