import type { InputRow } from '../input/row';
import type { PartFile } from './part-file';
import { type FormatWriter, floatBytes, type Result } from './writer';

const HEADER_BYTES = 128;

/**
 * NumPy's format 1.0: float32, little-endian, C order, `[rows, dim]`. The header keeps its place and is filled in last,
 * when the rows are counted. Source: numpy/lib/format.py.
 */
export class NpyWriter implements FormatWriter {
  readonly #file: PartFile;
  readonly #dim: number;
  #rows = 0;

  constructor(file: PartFile, dim: number) {
    this.#file = file;
    this.#dim = dim;
  }

  async write(rows: readonly InputRow[], result: Result): Promise<void> {
    if (this.#file.length === 0) await this.#file.append(new Uint8Array(HEADER_BYTES));
    if (result.kind === 'vectors') await this.#file.append(floatBytes(result.vectors));
    this.#rows += rows.length;
  }

  async finish(): Promise<void> {
    const header = npyHeader(this.#rows, this.#dim);
    if (this.#file.length === 0) await this.#file.append(header);
    else await this.#file.patchStart(header);
  }
}

function npyHeader(rows: number, dim: number): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(HEADER_BYTES - 10, 8);
  header.write(`{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dim}), }`, 10, 'latin1');
  header.write('\n', HEADER_BYTES - 1);
  return header;
}
