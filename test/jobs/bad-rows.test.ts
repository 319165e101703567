import { gzipSync } from 'node:zlib';
import { fakeEmbedder } from './fake-model.cjs';
import { sampleLines, Workplace } from './run-folder';

describe('bad rows', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  it('go to errors/ with row, id, code and message, and never fail the job', async () => {
    const lines = [
      '{"text":"fine"}',
      'nonsense',
      '{"id":"a","text":5}',
      '{"id":2,"txt":"x"}',
      '[1]',
      'null',
      '{"id":12345678901234567890,"text":null}',
      '{"id":"s","text":"half \\ud800 pair"}',
      Buffer.from([0x7b, 0xff, 0x7d]),
      '{"id":{"a":[1]},"text":{}}',
      '',
      '{"text":"open',
    ];
    const input = place.file(
      'in.jsonl',
      Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])),
    );
    const result = await place.job({ inputs: [input], shardRows: 4 });
    expect(result).toMatchObject({ rows: 1, failed: 10 });
    expect(place.errors().map(({ row, id, code }) => [row, id, code])).toEqual([
      [1, null, 'INVALID_JSON'],
      [2, 'a', 'TEXT_NOT_STRING'],
      [3, 2, 'MISSING_TEXT'],
      [4, null, 'NOT_AN_OBJECT'],
      [5, null, 'NOT_AN_OBJECT'],
      [6, 12345678901234567000, 'TEXT_NOT_STRING'],
      [7, 's', 'INVALID_UNICODE'],
      [8, null, 'INVALID_UTF8'],
      [9, { a: [1] }, 'TEXT_NOT_STRING'],
      [10, null, 'INVALID_JSON'],
    ]);
    expect(place.read('errors/00001.jsonl')).toContain('"id":12345678901234567890,');
    for (const { message } of place.errors()) expect(message.length).toBeGreaterThan(10);
    expect(place.manifest().parts.map(({ rows }) => rows)).toEqual([1, 0, 0]);
  });

  it('are those that are longer than allowed, whatever the format', async () => {
    const long = 'x'.repeat(200_000);
    const files = [
      place.file('a.jsonl', `{"text":"one"}\n{"text":"${long}"}\n{"text":"two"}\n`),
      place.file('b.csv', `text\none\n${long}\n"${long}"\ntwo\n`),
      place.file('c.txt', `one\n${long}\ntwo\n${long}`),
    ];
    await place.job({ inputs: files, maxRowBytes: 1000 });
    expect(place.rows().map(({ text }) => text)).toEqual(['one', 'two', 'one', 'two', 'one', 'two']);
    expect(place.errors().map(({ row, code }) => [row, code])).toEqual([
      [1, 'ROW_TOO_LONG'],
      [4, 'ROW_TOO_LONG'],
      [5, 'ROW_TOO_LONG'],
      [8, 'ROW_TOO_LONG'],
      [10, 'ROW_TOO_LONG'],
    ]);
  });

  it('are those that the model cannot take, one by one', async () => {
    const texts = Array.from({ length: 100 }, (_, row) => `text ${row}`);
    texts[3] = 'poison:tokenize';
    texts[50] = 'poison:run';
    texts[51] = 'poison:nan';
    await place.job({ inputs: [place.file('in.txt', texts.join('\n'))], inputFormat: 'lines' });
    expect(place.errors().map(({ row, code }) => [row, code])).toEqual([
      [3, 'FAKE_TOKENIZE'],
      [50, 'FAKE_RUN'],
      [51, 'NON_FINITE'],
    ]);
    expect(place.rows().map(({ text }) => text)).toEqual(texts.filter((text) => !text.startsWith('poison')));
  });

  it('end the job when nothing but them comes from the model, and the folder stays good', async () => {
    const input = place.file('in.jsonl', sampleLines(500));
    const model = fakeEmbedder();
    model.log.failAll = true;
    await expect(place.job({ model, inputs: [input] })).rejects.toMatchObject({ code: 'FAKE_BROKEN' });
    expect(place.names('parts')).toEqual([]);
    await place.job({ inputs: [input] });
    expect(place.rows()).toHaveLength(500);
  });

  it('cost one line each in CSV, whatever their quotes', async () => {
    const csv = [
      'id,text',
      '1,plain',
      '2,"two\nlines, and ""quotes"""',
      '',
      '3,"never closed',
      '4,after it',
      '5,"closed" badly',
      '6,too,many',
      '7',
      '8,in "the" middle',
      '"9","open to the end',
      '10,last',
    ].join('\r\n');
    await place.job({ inputs: [place.file('in.csv', csv)] });
    expect(place.rows().map(({ id, text }) => [id, text])).toEqual([
      ['1', 'plain'],
      ['2', 'two\nlines, and "quotes"'],
      ['4', 'after it'],
      ['8', 'in "the" middle'],
      ['10', 'last'],
    ]);
    expect(place.errors().map(({ row, id, code }) => [row, id, code])).toEqual([
      [2, null, 'INVALID_CSV'],
      [4, null, 'INVALID_CSV'],
      [5, '6', 'INVALID_CSV'],
      [6, '7', 'INVALID_CSV'],
      [8, null, 'INVALID_CSV'],
    ]);
  });

  it('are CSV records and lines that are not UTF-8', async () => {
    const bad = Buffer.concat([Buffer.from('text\nok\n'), Buffer.from([0xe9, 0x74]), Buffer.from('\nok too\n')]);
    await place.job({ inputs: [place.file('a.csv', bad), place.file('b.txt', bad)] });
    expect(place.rows().map(({ text }) => text)).toEqual(['ok', 'ok too', 'text', 'ok', 'ok too']);
    expect(place.errors().map(({ row, code }) => [row, code])).toEqual([
      [1, 'INVALID_UTF8'],
      [5, 'INVALID_UTF8'],
    ]);
  });
});

describe('inputs that cannot be read', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  it('are named with what to do', async () => {
    place.file('x.jsonl', sampleLines(1));
    const cases: [string[], string, RegExp][] = [
      [[], 'NO_INPUT', /no input was given/],
      [[`${place.path}/none.jsonl`], 'NO_INPUT', /there is no file .*none\.jsonl/],
      [[`${place.path}/none*.jsonl`], 'NO_INPUT', /no file matches/],
      [[place.path], 'NO_INPUT', /is a folder: name its files/],
      [['-', '-'], 'ERR_VALUE', /read once only/],
      [[place.file('t.parquet', 'PAR1')], 'INPUT_FORMAT', /Parquet input is not read/],
      [[place.file('t.jsonl.gz', 'no gzip')], 'INPUT_CORRUPT', /is not a gzip file/],
      [[place.file('t.json', ' [{"text":"x"}]')], 'INPUT_FORMAT', /one JSON array/],
      [[place.file('t.csv', 'a,txt\n1,2\n')], 'NO_SUCH_COLUMN', /no column 'text' for the text; did you mean 'txt'/],
      [[place.file('u.csv', 'text,text\n1,2\n')], 'INPUT_CORRUPT', /names the column 'text' twice/],
      [[place.file('v.csv', '"text\n1,2\n')], 'INPUT_CORRUPT', /its quotes do not match/],
    ];
    for (const [inputs, code, message] of cases) {
      await expect(place.job({ inputs })).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    }
  });

  it('stop the job where gzip is cut off, and keep the parts before it', async () => {
    const whole = gzipSync(sampleLines(20_000));
    const input = place.file('in.jsonl.gz', whole.subarray(0, whole.length - 5000));
    await expect(place.job({ inputs: [input], shardRows: 1000 })).rejects.toMatchObject({
      code: 'INPUT_CORRUPT',
      message: expect.stringContaining('in.jsonl.gz is damaged'),
    });
    const receipts = place.names('parts').filter((name) => /^\d+\.json$/.test(name));
    expect(receipts.length).toBeGreaterThan(1);
    expect(place.names('parts')).toHaveLength(2 * receipts.length);
  });
});
