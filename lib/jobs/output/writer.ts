import { ValueError } from '../../errors';
import type { FormatRows } from '../engine';
import type { InputRow } from '../input/row';
import type { OutputFormat } from '../options';
import { JsonlWriter } from './jsonl';
import { NpyWriter } from './npy';
import { ParquetWriter } from './parquet';
import type { PartFile } from './part-file';
import { SafetensorsWriter } from './safetensors';

/** What the model gave for some rows, in their order. */
export type Result =
  | { kind: 'vectors'; dim: number; vectors: Float32Array }
  | { kind: 'labels'; names: readonly string[]; labels: Int32Array; scores: Float32Array };

/** Writes one part in one format, block by block. */
export interface FormatWriter {
  write(rows: readonly InputRow[], result: Result): Promise<void>;
  /** Writes what stands at the end, and what the start was left open for. */
  finish(): Promise<void>;
}

/** The writer of a format. `result` tells its columns and holds no rows. */
export function formatWriter(
  format: OutputFormat,
  file: PartFile,
  columns: Result,
  formatRows: FormatRows | undefined,
): FormatWriter {
  if (format === 'jsonl') {
    if (formatRows === undefined) throw new ValueError("format 'jsonl' needs formatRows", { code: 'ERR_OPTION_VALUE' });
    return new JsonlWriter(file, formatRows);
  }
  if (format === 'parquet') return new ParquetWriter(file, columns);
  if (columns.kind !== 'vectors') throw new ValueError(`${format} holds vectors only`, { code: 'ERR_OPTION_VALUE' });
  return format === 'npy' ? new NpyWriter(file, columns.dim) : new SafetensorsWriter(file, columns.dim);
}

/** Whether rows and ids stand in a file of their own beside the data. */
export function hasRowsFile(format: OutputFormat): boolean {
  return format === 'npy' || format === 'safetensors';
}

/** The bytes of floats, as they lie in memory: little-endian on every machine that this package has a build for. */
export function floatBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
