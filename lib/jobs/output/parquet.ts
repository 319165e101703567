import type { InputRow } from '../input/row';
import { type Chunk, type Column, footer, MAGIC, pageHeader, type RowGroup } from './parquet-metadata';
import { int64Values, levels, listStarts, presence, stringValues } from './parquet-page';
import type { PartFile } from './part-file';
import { type FormatWriter, floatBytes, type Result } from './writer';

const PAGE_FLOATS = 256 * 1024;

/** A page: its levels and values in order, and how many values it has, nulls included. */
interface Page {
  values: number;
  pieces: Uint8Array[];
}

/**
 * Parquet with a row group a block: `row` int64, `id` string, then `embedding` list<float>, or `label` string and `score`
 * float. Vectors go into the file as they lie in memory.
 */
export class ParquetWriter implements FormatWriter {
  readonly #file: PartFile;
  readonly #columns: Column[];
  readonly #groups: RowGroup[] = [];

  constructor(file: PartFile, columns: Result) {
    this.#file = file;
    this.#columns = [
      { name: 'row', kind: 'int64' },
      { name: 'id', kind: 'string?' },
      ...(columns.kind === 'vectors' ? VECTOR_COLUMNS : LABEL_COLUMNS),
    ];
  }

  async write(rows: readonly InputRow[], result: Result): Promise<void> {
    if (rows.length === 0) return;
    await this.#start();
    const chunks: Chunk[] = [];
    for (const column of this.#columns) chunks.push(await this.#chunk(column, pagesOf(column, rows, result)));
    this.#groups.push({ rows: rows.length, chunks });
  }

  async finish(): Promise<void> {
    await this.#start();
    await this.#file.append(footer(this.#columns, this.#groups));
  }

  async #start(): Promise<void> {
    if (this.#file.length === 0) await this.#file.append(MAGIC);
  }

  async #chunk(column: Column, pages: Iterable<Page>): Promise<Chunk> {
    const offset = this.#file.length;
    let values = 0;
    for (const page of pages) {
      const bytes = page.pieces.reduce((sum, piece) => sum + piece.length, 0);
      await this.#file.append(pageHeader(page.values, bytes));
      for (const piece of page.pieces) await this.#file.append(piece);
      values += page.values;
    }
    return { column, values, bytes: this.#file.length - offset, offset };
  }
}

const VECTOR_COLUMNS: Column[] = [{ name: 'embedding', kind: 'floats' }];
const LABEL_COLUMNS: Column[] = [
  { name: 'label', kind: 'string' },
  { name: 'score', kind: 'float' },
];

function pagesOf(column: Column, rows: readonly InputRow[], result: Result): Iterable<Page> {
  if (column.name === 'row') return [{ values: rows.length, pieces: [int64Values(rows.map(({ row }) => row))] }];
  if (column.name === 'id') {
    const ids = rows.map(({ id }) => plainId(id));
    return [{ values: rows.length, pieces: [levels(presence(ids)), stringValues(ids)] }];
  }
  if (result.kind === 'vectors') return vectorPages(result.vectors, rows.length, result.dim);
  if (column.name === 'score') return [{ values: rows.length, pieces: [floatBytes(result.scores)] }];
  const labels = rows.map((_, at) => result.names[result.labels[at]!]!);
  return [{ values: rows.length, pieces: [stringValues(labels)] }];
}

function* vectorPages(vectors: Float32Array, rows: number, dim: number): Generator<Page> {
  const step = Math.max(1, Math.floor(PAGE_FLOATS / dim));
  for (let from = 0; from < rows; from += step) {
    const count = Math.min(step, rows - from);
    const defined = levels([{ level: 1, count: count * dim }]);
    const starts = levels(listStarts(count, dim));
    const floats = floatBytes(vectors.subarray(from * dim, (from + count) * dim));
    yield { values: count * dim, pieces: [starts, defined, floats] };
  }
}

/** A string id without its JSON quotes; any other JSON value as it was written. */
function plainId(id: string | null): string | null {
  return id?.startsWith('"') ? (JSON.parse(id) as string) : id;
}
