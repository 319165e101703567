/** Parquet's metadata structures. Source: parquet.thrift of apache/parquet-format. */

import { ThriftWriter } from './thrift';

export const MAGIC = Buffer.from('PAR1');

export const Type = { INT64: 2, FLOAT: 4, BYTE_ARRAY: 6 } as const;
const Repetition = { REQUIRED: 0, OPTIONAL: 1, REPEATED: 2 } as const;
const Encoding = { PLAIN: 0, RLE: 3 } as const;
const Converted = { UTF8: 0, LIST: 3 } as const;
const LogicalType = { STRING: 1, LIST: 3 } as const;
const UNCOMPRESSED = 0;
const DATA_PAGE = 0;

/** A column: a plain value, a string that may be null, or a list of floats. */
export type Column =
  | { name: string; kind: 'int64' | 'float' | 'string' }
  | { name: string; kind: 'string?' }
  | { name: string; kind: 'floats' };

/** Where one column of one row group lies. */
export interface Chunk {
  column: Column;
  values: number;
  /** With page headers. */
  bytes: number;
  offset: number;
}

export interface RowGroup {
  rows: number;
  chunks: Chunk[];
}

export function pageHeader(values: number, bytes: number): Uint8Array {
  const thrift = new ThriftWriter();
  thrift.i32(1, DATA_PAGE);
  thrift.i32(2, bytes);
  thrift.i32(3, bytes);
  thrift.struct(5, () => {
    thrift.i32(1, values);
    thrift.i32(2, Encoding.PLAIN);
    thrift.i32(3, Encoding.RLE);
    thrift.i32(4, Encoding.RLE);
  });
  thrift.stop();
  return thrift.bytes();
}

/** What stands behind the last row group, the closing magic included. */
export function footer(columns: readonly Column[], groups: readonly RowGroup[]): Uint8Array {
  const thrift = new ThriftWriter();
  thrift.i32(1, 1);
  thrift.structs(2, schema(columns), (fill) => fill(thrift));
  thrift.i64(
    3,
    groups.reduce((sum, { rows }) => sum + rows, 0),
  );
  thrift.structs(4, groups, (group) => rowGroup(thrift, group));
  thrift.string(6, 'native-transformers');
  thrift.stop();
  const metadata = thrift.bytes();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(metadata.length);
  return Buffer.concat([metadata, length, MAGIC]);
}

type SchemaElement = (thrift: ThriftWriter) => void;

function schema(columns: readonly Column[]): SchemaElement[] {
  const root: SchemaElement = (thrift) => {
    thrift.string(4, 'schema');
    thrift.i32(5, columns.length);
  };
  return [root, ...columns.flatMap(columnSchema)];
}

function columnSchema({ name, kind }: Column): SchemaElement[] {
  if (kind === 'floats') {
    return [
      (thrift) => {
        thrift.i32(3, Repetition.REQUIRED);
        thrift.string(4, name);
        thrift.i32(5, 1);
        thrift.i32(6, Converted.LIST);
        thrift.struct(10, () => thrift.struct(LogicalType.LIST, () => {}));
      },
      (thrift) => {
        thrift.i32(3, Repetition.REPEATED);
        thrift.string(4, 'list');
        thrift.i32(5, 1);
      },
      leaf('element', Type.FLOAT, Repetition.REQUIRED),
    ];
  }
  if (kind === 'int64') return [leaf(name, Type.INT64, Repetition.REQUIRED)];
  if (kind === 'float') return [leaf(name, Type.FLOAT, Repetition.REQUIRED)];
  return [text(name, kind === 'string' ? Repetition.REQUIRED : Repetition.OPTIONAL)];
}

function leaf(name: string, type: number, repetition: number): SchemaElement {
  return (thrift) => {
    thrift.i32(1, type);
    thrift.i32(3, repetition);
    thrift.string(4, name);
  };
}

function text(name: string, repetition: number): SchemaElement {
  return (thrift) => {
    leaf(name, Type.BYTE_ARRAY, repetition)(thrift);
    thrift.i32(6, Converted.UTF8);
    thrift.struct(10, () => thrift.struct(LogicalType.STRING, () => {}));
  };
}

function rowGroup(thrift: ThriftWriter, { rows, chunks }: RowGroup): void {
  thrift.structs(1, chunks, (chunk) => columnChunk(thrift, chunk));
  thrift.i64(
    2,
    chunks.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  thrift.i64(3, rows);
}

function columnChunk(thrift: ThriftWriter, { column, values, bytes, offset }: Chunk): void {
  thrift.i64(2, offset);
  thrift.struct(3, () => {
    thrift.i32(1, physicalType(column));
    thrift.i32s(2, [Encoding.PLAIN, Encoding.RLE]);
    thrift.strings(3, column.kind === 'floats' ? [column.name, 'list', 'element'] : [column.name]);
    thrift.i32(4, UNCOMPRESSED);
    thrift.i64(5, values);
    thrift.i64(6, bytes);
    thrift.i64(7, bytes);
    thrift.i64(9, offset);
  });
}

function physicalType({ kind }: Column): number {
  if (kind === 'int64') return Type.INT64;
  return kind === 'float' || kind === 'floats' ? Type.FLOAT : Type.BYTE_ARRAY;
}
