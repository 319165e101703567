/** Numbers and tables as people read them. */

/** `1,234,567`. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** `90.9 MB`: decimal units. */
export function byteSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (bytes >= 1000 && unit + 1 < units.length) {
    bytes /= 1000;
    unit++;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}

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
