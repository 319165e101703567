import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { classOf, fakeClassifier, fakeEmbedder, formatRows, vectorOf } from './fake-model.cjs';
import { jsonLines, sampleLines, sampleText, sha256, Workplace } from './run-folder';

describe('a job', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  it('takes null and undefined for options that were not given', async () => {
    const input = place.file('in.jsonl', sampleLines(5));
    const names = [
      'format',
      'inputFormat',
      'textField',
      'idField',
      'delimiter',
      'csvHeader',
      'shardRows',
      'maxRowBytes',
    ];
    const further = ['batchTokens', 'overwrite', 'stdin', 'signal', 'drain', 'onEvent'];
    for (const value of [null, undefined]) {
      const options = Object.fromEntries([...names, ...further].map((name) => [name, value]));
      const result = await place.job({ inputs: [input], ...options });
      expect(result).toMatchObject({ drained: false, rows: 5, failed: 0 });
    }
    expect(JSON.parse(place.read('run.json'))).toMatchObject({ options: { text_field: 'text', format: 'jsonl' } });
  });

  it('adds the vector to every row, in input order, over several parts', async () => {
    const model = fakeEmbedder({ delayMs: 1, concurrency: 3 });
    const input = place.file('in.jsonl', sampleLines(1000));
    const result = await place.job({ model, inputs: [input], shardRows: 300 });
    expect(result).toEqual({
      drained: false,
      manifest: `${place.out}/manifest.json`,
      rows: 1000,
      failed: 0,
      fault: null,
    });
    const manifest = place.manifest();
    expect(manifest).toMatchObject({ rows: 1000, failed: 0 });
    expect(manifest.parts.map(({ rows }) => rows)).toEqual([300, 300, 300, 100]);
    for (const { file, sha256: sum } of manifest.parts) expect(sha256(place.bytes(file))).toBe(sum);
    for (const [row, value] of place.rows().entries()) {
      const text = sampleText(row);
      expect(value).toEqual({ id: `r${row}`, text, embedding: Array.from(vectorOf(text, 8)).map(asWritten) });
    }
  });

  it('leaves committed data and receipts only', async () => {
    await place.job({ inputs: [place.file('in.jsonl', `${sampleLines(25)}nonsense\n`)], shardRows: 10 });
    const data = place.manifest().parts.map(({ file }) => file.slice('parts/'.length));
    const receipts = ['00000.json', '00001.json', '00002.json'];
    expect(place.names('parts')).toEqual([...data, ...receipts].sort());
    expect(place.names('errors')).toEqual(['00002.jsonl']);
    expect(place.names('.')).toEqual(['errors', 'manifest.json', 'parts', 'report.html', 'report.json', 'run.json']);
  });

  it('keeps the own text of a row to the letter', async () => {
    const lines = [
      '{"n": 1.50, "big": 12345678901234567890, "text": "a\\u00e9\\/", "k": [1, 2]  }',
      ' {"text":"tab\\t", "e": 1E5} \r',
      '{"text":"ünï","text2":null,"__proto__":{"x":1}}',
    ];
    await place.job({ inputs: [place.file('in.jsonl', lines.join('\n'))] });
    const written = place.read(place.manifest().parts[0]!.file).split('\n');
    expect(written[0]).toMatch(
      /^\{"n": 1\.50, "big": 12345678901234567890, "text": "a\\u00e9\\\/", "k": \[1, 2\],"embedding":\[/,
    );
    expect(written[1]).toMatch(/^\{"text":"tab\\t", "e": 1E5,"embedding":\[/);
    expect(written[2]).toMatch(/^\{"text":"ünï","text2":null,"__proto__":\{"x":1\},"embedding":\[/);
    expect(written).toHaveLength(4);
  });

  it('replaces a field of the name that it adds', async () => {
    const line = '{"embedding": [1,{"a":"},"}], "text":"x" , "\\u0065mbedding":null , "z": 1}';
    await place.job({ inputs: [place.file('in.jsonl', line)] });
    expect(place.read(place.manifest().parts[0]!.file)).toMatch(/^\{"text":"x","z": 1,"embedding":\[[^\]]+\]\}\n$/);
  });

  it("gives label and score to a classifier's rows", async () => {
    const input = place.file('in.jsonl', sampleLines(50));
    await place.job({ model: fakeClassifier(), inputs: [input] });
    for (const [row, value] of place.rows().entries()) {
      const { label, score } = classOf(sampleText(row));
      expect(value).toEqual({ id: `r${row}`, text: sampleText(row), label, score: asWritten(score) });
    }
  });

  it('keeps batches under the token budget, longest rows first, several in flight', async () => {
    const model = fakeEmbedder({ delayMs: 2, concurrency: 4, batchTokens: 100 });
    await place.job({ model, inputs: [place.file('in.jsonl', sampleLines(64))] });
    for (const batch of model.log.batches)
      expect(batch.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(100);
    const lengths = model.log.batches.flat();
    expect(lengths).toEqual([...lengths].sort((a, b) => b - a));
    expect(model.log.mostInFlight).toBe(4);
  });

  it('runs a row that is longer than the budget by itself', async () => {
    const model = fakeEmbedder({ batchTokens: 4 });
    await place.job({ model, inputs: [place.file('in.txt', 'a b c d e f g h\na\nb\n')] });
    expect(model.log.batches).toEqual([[10], [3], [3]]);
  });

  it('reads many files as one input, gzip among them', async () => {
    const files = [
      place.file('b.jsonl.gz', gzipSync(sampleLines(10))),
      place.file('a.txt', 'one\n\nthree'),
      place.file('c.csv', 'id,text\nx,"two, too"\n'),
    ];
    await place.job({ inputs: files, shardRows: 4 });
    expect(place.rows().map(({ text }) => text)).toEqual([
      ...Array.from({ length: 10 }, (_, row) => sampleText(row)),
      'one',
      '',
      'three',
      'two, too',
    ]);
  });

  it('reads standard input, gzip or not', async () => {
    for (const bytes of [Buffer.from(sampleLines(20)), gzipSync(sampleLines(20))]) {
      const notes: string[] = [];
      const onEvent = (event: { type: string; message?: string }) => {
        if (event.type === 'note') notes.push(event.message!);
      };
      await place.job({ inputs: ['-'], stdin: Readable.from([bytes]), onEvent, overwrite: true });
      expect(place.rows()).toHaveLength(20);
      expect(notes).toEqual(['standard input is read as jsonl; --input-format says otherwise']);
    }
  });

  it('makes an empty result of an empty input', async () => {
    await place.job({ inputs: [place.file('in.jsonl', '\n \n')] });
    expect(place.manifest()).toEqual({ rows: 0, failed: 0, parts: [] });
    expect(existsSync(`${place.out}/report.html`)).toBe(true);
  });

  it('writes a part without rows where all have failed', async () => {
    await place.job({ inputs: [place.file('in.jsonl', 'a\nb\n')] });
    expect(place.manifest()).toMatchObject({
      rows: 0,
      failed: 2,
      parts: [{ rows: 0, sha256: sha256(Buffer.alloc(0)) }],
    });
  });

  it('ends with the reason of the signal when it is aborted, and goes on afterwards', async () => {
    const input = place.file('in.jsonl', sampleLines(2000));
    const controller = new AbortController();
    const reason = new Error('enough');
    const stopped = place.job({
      model: fakeEmbedder({ delayMs: 2 }),
      inputs: [input],
      shardRows: 256,
      signal: controller.signal,
      onEvent: ({ type }) => {
        if (type === 'committed') controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
    expect(place.names('.')).not.toContain('run.lock');
    await place.job({ inputs: [input], shardRows: 256 });
    expect(place.rows().map(({ id }) => id)).toEqual(Array.from({ length: 2000 }, (_, row) => `r${row}`));
  });

  it('drains: running batches end, nothing half-written stays, the same call goes on', async () => {
    const input = place.file('in.jsonl', sampleLines(2000));
    const controller = new AbortController();
    const model = fakeEmbedder({ delayMs: 2 });
    const onEvent = ({ type }: { type: string }) => {
      if (type === 'committed') controller.abort();
    };
    const first = await place.job({ model, inputs: [input], shardRows: 256, drain: controller.signal, onEvent });
    expect(first).toMatchObject({ drained: true, manifest: null });
    expect(first.rows % 256).toBe(0);
    expect(model.log.inFlight).toBe(0);
    expect(place.names('parts')).toHaveLength((2 * first.rows) / 256);
    const again = fakeEmbedder();
    const second = await place.job({ model: again, inputs: [input], shardRows: 256 });
    expect(second).toMatchObject({ drained: false, rows: 2000 });
    expect(again.log.batches.flat()).toHaveLength(2000 - first.rows);
  });

  it('drains while standard input says nothing', async () => {
    const controller = new AbortController();
    const stdin = new Readable({ read() {} });
    const job = place.job({ inputs: ['-'], stdin, drain: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(job).resolves.toMatchObject({ drained: true, rows: 0 });
  });

  it('does nothing the second time', async () => {
    const input = place.file('in.jsonl', sampleLines(100));
    const first = await place.job({ inputs: [input] });
    const model = fakeEmbedder();
    expect(await place.job({ model, inputs: [input] })).toEqual(first);
    expect(model.log.batches).toEqual([]);
  });

  it('names an unknown option and the nearest known one', async () => {
    await expect(place.job({ shardRow: 5 } as never)).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_NAME',
      message: expect.stringContaining("did you mean 'shardRows'?"),
    });
  });

  it('refuses option values that cannot be', async () => {
    const input = place.file('in.jsonl', sampleLines(1));
    for (const bad of [
      { shardRows: 0 },
      { batchTokens: 1.5 },
      { format: 'xml' },
      { delimiter: 'ab' },
      { textField: 'embedding' },
    ]) {
      await expect(place.job({ inputs: [input], ...(bad as object) })).rejects.toMatchObject({
        code: 'ERR_OPTION_VALUE',
      });
    }
    const npy = place.job({ model: fakeClassifier(), inputs: [input], format: 'npy' });
    await expect(npy).rejects.toMatchObject({ code: 'ERR_OPTION_VALUE' });
    const noText = place.job({ inputs: [input], formatRows: undefined });
    await expect(noText).rejects.toMatchObject({ code: 'ERR_OPTION_VALUE' });
    expect(existsSync(place.out)).toBe(false);
  });

  it.each([
    [{ delimiter: ';' }, /delimiter says nothing here.*--input-format csv/],
    [{ csvHeader: true }, /csvHeader says nothing here/],
    [{ csvHeader: false, textField: '0' }, /csvHeader says nothing here/],
    [{ inputFormat: 'lines' as const, textField: 'body' }, /textField says nothing here.*no fields/],
    [{ textField: '' }, /textField must be the name of a field/],
    [{ idField: '' }, /idField must be the name of a field/],
    [{ output: '' }, /output must be the path of a folder/],
    [{ csvHeader: 'no' }, /csvHeader of runJob must be true or false, not a string \(no\)/],
    [{ overwrite: 'yes' }, /overwrite of runJob must be true or false/],
    [{ textField: 5 }, /textField of runJob must be a text/],
  ])('refuses %j, which would do nothing', async (options, message) => {
    const input = place.file('in.jsonl', sampleLines(1));
    await expect(place.job({ inputs: [input], ...(options as object) })).rejects.toThrow(message);
    expect(existsSync(place.out)).toBe(false);
  });

  it('takes options of CSV where one input of several is CSV', async () => {
    const inputs = [place.file('in.jsonl', sampleLines(1)), place.file('in.csv', 'text;x\na;b\n')];
    await place.job({ inputs, delimiter: ';', csvHeader: true });
    expect(place.rows().map(({ text }) => text)).toEqual(['row 0', 'a']);
  });

  it('says so when no row has the id field that was asked for', async () => {
    const notes: string[] = [];
    await place.job({
      inputs: [place.file('in.jsonl', sampleLines(3))],
      idField: 'key',
      onEvent: (event) => {
        if (event.type === 'note') notes.push(event.message);
      },
    });
    expect(notes).toEqual(["no row has the id field 'key': every id is null"]);
  });

  it('counts tokens, lengths, errors and labels in its report', async () => {
    const input = place.file('in.jsonl', `${sampleLines(500)}{}\n`);
    await place.job({ model: fakeClassifier(), inputs: [input], shardRows: 100 });
    const report = JSON.parse(place.read('report.json'));
    const tokens = Array.from({ length: 500 }, (_, row) => sampleText(row).split(' ').length + 2);
    expect(report).toMatchObject({ task: 'classify', rows: 500, failed: 1, parts: 6, errors: [['MISSING_TEXT', 1]] });
    expect(report.tokens).toBe(tokens.reduce((sum, length) => sum + length, 0));
    expect(report.lengths.counts.reduce((sum: number, rows: number) => sum + rows, 0)).toBe(500);
    expect(report.throughput.rows.reduce((sum: number, rows: number) => sum + rows, 0)).toBe(500);
    expect(report.labels.map(([label]: [string]) => label)).toContain('POSITIVE "quoted"');
    expect(place.read('report.html')).toMatch(/<svg[\s\S]*POSITIVE &#34;quoted&#34;/);
  });
});

describe('formatRows of the tests', () => {
  it('writes floats that read back to the same float32', async () => {
    const values = Float32Array.from([0.1, 1 / 3, 1e-8, 16777216, -0.5, 3.4028234663852886e38, 1.401298464324817e-45]);
    const text = await formatRows(values, 1, values.length, Buffer.from('['), Float64Array.of(1), Buffer.from(']'));
    expect(Float32Array.from(JSON.parse(Buffer.from(text).toString()))).toEqual(values);
    expect(jsonLines(Buffer.from(text).toString())).toHaveLength(1);
  });
});

/** What JSON text of a float32 reads back as. */
function asWritten(value: number): number {
  return Number(Number.isInteger(value) ? value : shortestText(value));
}

function shortestText(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    if (Math.fround(Number(value.toPrecision(digits))) === value) return value.toPrecision(digits);
  }
  throw new Error('not a float32');
}
