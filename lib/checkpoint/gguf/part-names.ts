const MOST_PARTS = 10_000;

/** The names of all parts of a split file, of which `name` is one; null when the name tells of no parts. */
export function partNames(name: string): string[] | null {
  const [, stem, no, of] = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s.exec(name) ?? [];
  const count = Number(of);
  if (stem === undefined || Number(no) < 1 || Number(no) > count || count > MOST_PARTS) return null;
  return Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${of}.gguf`);
}

/** The name of the part that holds the metadata: `name` itself where it tells of no parts. */
export function firstPart(name: string): string {
  return partNames(name)?.[0] ?? name;
}
