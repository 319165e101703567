/** Tables as people read them. */
import { atOnce, type Steps, visitInSteps } from '../turns';

export { byteSize, grouped } from '../jobs/numbers';

/** Lines of `name  value`, the values under each other. */
export function facts(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
}

/** Columns side by side; those whose header starts with a space are flush right. */
export function columns(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return atOnce(columnsInSteps(header, rows));
}

/** The same of many rows. */
export function* columnsInSteps(header: readonly string[], rows: readonly (readonly string[])[]): Steps<string[]> {
  const names = header.map((name) => name.trim());
  const widths = names.map((name) => name.length);
  yield* visitInSteps(rows, (row) => {
    for (let at = 0; at < widths.length; at++) widths[at] = Math.max(widths[at]!, row[at]!.length);
  });
  const lineOf = (row: readonly string[]) => {
    const cells = row.map((cell, at) =>
      header[at]!.startsWith(' ') ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!),
    );
    return cells.join('  ').trimEnd();
  };
  const lines = [lineOf(names)];
  yield* visitInSteps(rows, (row) => lines.push(lineOf(row)));
  return lines;
}
