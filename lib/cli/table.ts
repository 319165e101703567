/** Tables as people read them. */

export { byteSize, grouped } from '../jobs/numbers';

/** Lines of `name  value`, the values under each other. */
export function facts(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
}

/** Columns side by side; those whose header starts with a space are flush right. */
export function columns(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [header.map((name) => name.trim()), ...rows];
  const widths = header.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines.map((line) => {
    const cells = line.map((cell, at) =>
      header[at]!.startsWith(' ') ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!),
    );
    return cells.join('  ').trimEnd();
  });
}
