import type { FormatRows } from '../engine';
import type { InputRow } from '../input/row';
import type { PartFile } from './part-file';
import type { FormatWriter, Result } from './writer';

/** Floats that are made into text in one call: about 700 KiB of it. */
const CHUNK_FLOATS = 64 * 1024;
const CHUNK_ROWS = 1024;

/** JSON lines: the row's own text with `embedding`, or `label` and `score`, added before its closing brace. */
export class JsonlWriter implements FormatWriter {
  readonly #file: PartFile;
  readonly #formatRows: FormatRows;

  constructor(file: PartFile, formatRows: FormatRows) {
    this.#file = file;
    this.#formatRows = formatRows;
  }

  async write(rows: readonly InputRow[], result: Result): Promise<void> {
    const dim = result.kind === 'vectors' ? result.dim : 1;
    const step = Math.max(1, Math.min(CHUNK_ROWS, Math.floor(CHUNK_FLOATS / dim)));
    let writing: Promise<void> = Promise.resolve();
    for (let from = 0; from < rows.length; from += step) {
      const to = Math.min(rows.length, from + step);
      const text = await this.#text(rows, result, from, to);
      await writing;
      // one chunk is written while the next is made
      writing = this.#file.append(text);
      writing.catch(() => {});
    }
    await writing;
  }

  async finish(): Promise<void> {}

  #text(rows: readonly InputRow[], result: Result, from: number, to: number): Promise<Uint8Array> {
    if (result.kind === 'vectors') {
      const { bytes, ends } = prefixes(rows, from, to, () => ',"embedding":[');
      const vectors = result.vectors.subarray(from * result.dim, to * result.dim);
      return this.#formatRows(vectors, to - from, result.dim, bytes, ends, VECTOR_END);
    }
    const keys = result.names.map((name) => `,"label":${JSON.stringify(name)},"score":`);
    const { bytes, ends } = prefixes(rows, from, to, (row) => keys[result.labels[row]!]!);
    return this.#formatRows(result.scores.subarray(from, to), to - from, 1, bytes, ends, SCORE_END);
  }
}

const VECTOR_END = Buffer.from(']}\n');
const SCORE_END = Buffer.from('}\n');

/** All that stands before the floats of each row, end to end. */
function prefixes(
  rows: readonly InputRow[],
  from: number,
  to: number,
  keysOf: (row: number) => string,
): { bytes: Uint8Array; ends: Float64Array } {
  let room = 0;
  for (let row = from; row < to; row++) room += 3 * (sizeOf(rows[row]!.json!) + keysOf(row).length);
  const bytes = Buffer.allocUnsafeSlow(room);
  const ends = new Float64Array(to - from);
  let at = 0;
  for (let row = from; row < to; row++) {
    const json = rows[row]!.json!;
    if (typeof json === 'string') at += bytes.write(json, at, 'utf8');
    else {
      bytes.set(json, at);
      at += json.length;
    }
    at += bytes.write(keysOf(row), at, 'utf8');
    ends[row - from] = at;
  }
  return { bytes: bytes.subarray(0, at), ends };
}

/** A third of the bytes that a row's JSON can take, rounded up. */
function sizeOf(json: Uint8Array | string): number {
  return typeof json === 'string' ? json.length : Math.ceil(json.length / 3);
}
