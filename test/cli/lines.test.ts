import { Writable } from 'node:stream';
import type { CheckpointSummary } from '../../lib/auto/inspect';
import { inspectionLines } from '../../lib/cli/inspect';
import { jsonLines, writeLines } from '../../lib/cli/lines';
import { atOnce } from '../../lib/turns';

const summary = (tensors: CheckpointSummary['tensors']): CheckpointSummary => ({
  path: 'many.safetensors',
  isFile: true,
  model_type: '',
  architectures: [],
  files: [{ file: 'many.safetensors', format: 'safetensors', tensors: tensors.length, bytes: 4 * tensors.length }],
  dtypes: [],
  tensors,
  metadata: [['key', 'a\nb']],
  parameters: 0,
  bytes: 0,
  details: [],
  loads: false,
  call: null,
  reasons: ['there is no config'],
});

describe('lines of JSON', () => {
  it.each([
    [{}],
    [{ a: 1 }],
    [{ a: [], b: [1, 'x', null], c: { d: [1], e: {} }, f: undefined }],
    [{ a: [{ b: [1, 2], c: 'a\nb "quoted"' }, []], d: 'ü\u2028\ud800', e: null, f: true }],
    [summary([{ name: 'a', dtype: 'float32', shape: [2, 3], readable: true }])],
  ])('are those of JSON.stringify: %j', (value) => {
    expect(atOnce(jsonLines(value)).join('\n')).toBe(JSON.stringify(value, null, 2));
  });
});

describe('the list of a file of 200,000 tensors', () => {
  it('is written whole, a tensor a line, and not at once', async () => {
    const tensors = Array.from({ length: 200_000 }, (_, i) => ({
      name: `t${i}`,
      dtype: 'float32',
      shape: [1],
      readable: true,
    }));
    const pieces: string[] = [];
    const stream = new Writable({
      decodeStrings: false,
      write(piece: string, _, done) {
        pieces.push(piece);
        done();
      },
    });
    await writeLines(stream, atOnce(inspectionLines(summary(tensors))));
    const lines = pieces.join('').split('\n');
    expect(lines.filter((line) => /^t\d+ +float32 {2}\[1\]$/.test(line))).toHaveLength(200_000);
    expect(lines.slice(-3)).toEqual(['It will not load:', '  there is no config', '']);
    expect(pieces.length).toBeGreaterThan(10);
  });
});
