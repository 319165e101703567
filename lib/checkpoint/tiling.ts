import { type Steps, sortInSteps } from '../turns';
import { quote, unreadable } from './fault';
import type { TensorTable } from './tensor-table';

/**
 * Checks that the tensors cover the data from its first byte to its last, each byte once, and sets the table's order to
 * that of the file (equal offsets: as in the header).
 *
 * @throws CheckpointError `HOLE`, `OVERLAP`, `TRAILING_DATA`.
 */
export function* checkTiling(table: TensorTable, dataSize: number, file: string): Steps<void> {
  const order = yield* fileOrder(table);
  table.setOrder(order);
  let covered = 0;
  let previous = -1;
  for (let i = 0; i < table.size; i++) {
    const row = order === null ? i : (order[i] as number);
    if (table.begin(row) !== covered) throw misplaced(table, previous, row, covered, file);
    covered = table.end(row);
    previous = row;
  }
  if (covered === dataSize) return;
  const extra = dataSize - covered;
  throw unreadable(
    'TRAILING_DATA',
    file,
    `${extra} bytes behind its last tensor belong to no tensor; something was appended to the file, or its header is damaged`,
    { offset: covered },
  );
}

/** Row numbers by (begin, end), or null when the rows are in that order already. */
function* fileOrder(table: TensorTable): Steps<Uint32Array | null> {
  const { size } = table;
  let sorted = true;
  for (let row = 1; row < size && sorted; row++) sorted = compareRows(table, row - 1, row) <= 0;
  if (sorted) return null;
  const rows = Array.from({ length: size }, (_, row) => row);
  return Uint32Array.from(yield* sortInSteps(rows, (a, b) => compareRows(table, a, b)));
}

function compareRows(table: TensorTable, a: number, b: number): number {
  return table.begin(a) - table.begin(b) || table.end(a) - table.end(b);
}

function misplaced(table: TensorTable, previous: number, row: number, covered: number, file: string) {
  const name = table.nameOf(row);
  const where = `tensor ${quote(name)} at data_offsets [${table.begin(row)}, ${table.end(row)}]`;
  if (table.begin(row) > covered) {
    const before = previous === -1 ? 'the start of the data' : `tensor ${quote(table.nameOf(previous))}`;
    return unreadable(
      'HOLE',
      file,
      `${table.begin(row) - covered} bytes between ${before} and ${where} belong to no tensor; the file is damaged`,
      { offset: covered, tensor: name },
    );
  }
  const other = quote(table.nameOf(previous));
  return unreadable('OVERLAP', file, `${where} shares bytes with tensor ${other}; the file is damaged`, {
    tensor: name,
  });
}
