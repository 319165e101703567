import type { InputRow } from '../input/row';
import type { PartFile } from './part-file';
import { type FormatWriter, floatBytes, type Result } from './writer';

const HEADER_BYTES = 256;

/**
 * One float32 tensor `embeddings` `[rows, dim]`. The header is padded with spaces to a fixed length and filled in last,
 * when the rows are counted. Source: the README of huggingface/safetensors.
 */
export class SafetensorsWriter implements FormatWriter {
  readonly #file: PartFile;
  readonly #dim: number;
  #rows = 0;

  constructor(file: PartFile, dim: number) {
    this.#file = file;
    this.#dim = dim;
  }

  async write(rows: readonly InputRow[], result: Result): Promise<void> {
    if (this.#file.length === 0) await this.#file.append(new Uint8Array(8 + HEADER_BYTES));
    if (result.kind === 'vectors') await this.#file.append(floatBytes(result.vectors));
    this.#rows += rows.length;
  }

  async finish(): Promise<void> {
    const start = safetensorsStart(this.#rows, this.#dim);
    if (this.#file.length === 0) await this.#file.append(start);
    else await this.#file.patchStart(start);
  }
}

function safetensorsStart(rows: number, dim: number): Uint8Array {
  const header = JSON.stringify({
    __metadata__: { format: 'pt' },
    embeddings: { dtype: 'F32', shape: [rows, dim], data_offsets: [0, 4 * rows * dim] },
  });
  const start = Buffer.alloc(8 + HEADER_BYTES, ' ');
  start.writeBigUInt64LE(BigInt(HEADER_BYTES), 0);
  start.write(header, 8, 'latin1');
  return start;
}
