import { fakeClassifier, fakeEmbedder, vectorOf } from './fake-model.cjs';
import { jsonLines, sampleLines, sampleText, sha256, Workplace } from './run-folder';

describe('formats', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  const part = (at: number) => place.bytes(place.manifest().parts[at]!.file);
  const floats = (bytes: Buffer, from: number, to: number) =>
    new Float32Array(bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + to));
  const vectors = (rows: number[]) => Float32Array.from(rows.flatMap((row) => [...vectorOf(sampleText(row), 8)]));

  it('npy: a float32 array [rows, dim], with rows and ids beside it', async () => {
    await place.job({ inputs: [place.file('in.jsonl', `x\n${sampleLines(600)}`)], format: 'npy', shardRows: 500 });
    const bytes = part(0);
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from('\x93NUMPY\x01\x00', 'latin1'));
    const header = bytes.toString('latin1', 10, 10 + bytes.readUInt16LE(8));
    expect(header.trim()).toBe("{'descr': '<f4', 'fortran_order': False, 'shape': (499, 8), }");
    expect((10 + header.length) % 64).toBe(0);
    const rows = Array.from({ length: 499 }, (_, row) => row);
    expect(floats(bytes, 128, bytes.length)).toEqual(vectors(rows));
    const beside = jsonLines(place.read('parts/00000.rows.jsonl'));
    expect(beside).toEqual(rows.map((row) => ({ row: row + 1, id: `r${row}` })));
    expect(jsonLines(place.read('parts/00001.rows.jsonl'))[0]).toEqual({ row: 500, id: 'r499' });
  });

  it('safetensors: one tensor `embeddings`, with rows and ids beside it', async () => {
    await place.job({ inputs: [place.file('in.jsonl', sampleLines(300))], format: 'safetensors' });
    const bytes = part(0);
    const start = 8 + Number(bytes.readBigUInt64LE(0));
    expect(JSON.parse(bytes.toString('latin1', 8, start))).toEqual({
      __metadata__: { format: 'pt' },
      embeddings: { dtype: 'F32', shape: [300, 8], data_offsets: [0, 9600] },
    });
    expect(floats(bytes, start, bytes.length)).toEqual(vectors(Array.from({ length: 300 }, (_, row) => row)));
    expect(jsonLines(place.read('parts/00000.rows.jsonl'))).toHaveLength(300);
  });

  it('npy and safetensors without rows are whole files', async () => {
    await place.job({ inputs: [place.file('in.jsonl', 'x\n')], format: 'npy' });
    expect(part(0).toString('latin1')).toContain("'shape': (0, 8)");
    await place.job({ inputs: [place.file('in.jsonl', 'x\n')], format: 'safetensors', overwrite: true });
    expect(part(0).toString('latin1')).toContain('"shape":[0,8],"data_offsets":[0,0]');
  });

  // The files of these sums were read with pyarrow 26, DuckDB 2.0 and NumPy 2.4: equal to the vectors, ids and labels below.
  it('parquet: row, id and list<float>, the bytes that pyarrow and DuckDB read', async () => {
    const lines = `{"id":"é\\"","text":"a"}\n{"text":"b"}\nx\n{"id":7,"text":"c"}\n${sampleLines(20)}`;
    await place.job({ model: fakeEmbedder({ dim: 3 }), inputs: [place.file('in.jsonl', lines)], format: 'parquet' });
    expect(part(0).subarray(0, 4).toString()).toBe('PAR1');
    expect(sha256(part(0))).toBe('177fa929a5bba6424d59c463479b0e71e06f72b99b0221e9a6744d29159b0a38');
  });

  it('parquet: row, id, label and score', async () => {
    const lines = `{"text":"b"}\nx\n${sampleLines(20)}`;
    await place.job({ model: fakeClassifier(), inputs: [place.file('in.jsonl', lines)], format: 'parquet' });
    expect(sha256(part(0))).toBe('094256c1dca8f7df29247dccee0954e013e579f852d60fc05e63a6f749e84e05');
  });

  it('parquet without rows is a whole file', async () => {
    await place.job({ inputs: [place.file('in.jsonl', 'x\n')], format: 'parquet' });
    expect(sha256(part(0))).toBe('7eed456e2cf06a97237c1d1890a5faaaaeacb9bfd5de2d48cbc1ea7a842e300c');
  });
});
