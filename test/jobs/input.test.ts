import { mkdirSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { InputCursor } from '../../lib/jobs/input/cursor';
import { glob } from '../../lib/jobs/input/glob';
import { type InputFormat, listInputs } from '../../lib/jobs/input/inputs';
import { jsonMembers } from '../../lib/jobs/input/json-members';
import type { BadRow, InputRow } from '../../lib/jobs/input/row';
import { sampleLines, Workplace } from './run-folder';

const FORMAT = { textField: 'text', idField: 'id', idRequired: false, header: null, maxRowBytes: 1 << 20, adds: [] };

async function readAll(paths: string[], format: InputFormat | null, options = {}): Promise<(InputRow | BadRow)[]> {
  const cursor = new InputCursor(await listInputs(paths, format, null), { ...FORMAT, ...options }, new PassThrough());
  const rows: (InputRow | BadRow)[] = [];
  for (;;) {
    const row = cursor.take(rows.length);
    if (row !== null) rows.push(row);
    else if (!(await cursor.advance())) break;
  }
  await cursor.close();
  return rows;
}

describe('readers', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  it('count an unterminated last line, and take CRLF, LF and a byte order mark', async () => {
    const rows = await readAll([place.file('a.txt', '\ufeffone\r\ntwo\n\n four')], 'lines');
    expect(rows.map((row) => 'text' in row && row.text)).toEqual(['one', 'two', '', ' four']);
    const json = await readAll([place.file('a.jsonl', '\ufeff{"text":"one"}\r\n\r\n{"text":"two"}')], null);
    expect(json).toMatchObject([{ text: 'one' }, { text: 'two' }]);
    const csv = await readAll([place.file('a.csv', '\ufefftext\r\none\r\ntwo')], null);
    expect(csv).toMatchObject([{ text: 'one' }, { text: 'two' }]);
  });

  it('take rows that lie across the ends of chunks', async () => {
    const texts = Array.from({ length: 3000 }, (_, row) => `é${'ab,"\n'.repeat(row % 50)}${row}`);
    const json = texts.map((text) => JSON.stringify({ text })).join('\n');
    const csv = `text\n${texts.map((text) => `"${text.replaceAll('"', '""')}"`).join('\n')}`;
    for (const path of [place.file('a.jsonl', json), place.file('b.csv', csv), place.file('c.csv.gz', gzipSync(csv))]) {
      expect((await readAll([path], null)).map((row) => 'text' in row && row.text)).toEqual(texts);
    }
  });

  it('take a row many chunks long', async () => {
    const text = 'x"y,'.repeat(200_000);
    const csv = place.file('a.csv', `text,id\n"${text.replaceAll('"', '""')}",7\n`);
    expect(await readAll([csv], null, { maxRowBytes: 4 << 20 })).toMatchObject([{ text, id: '"7"' }]);
  });

  it('find CSV columns by header, by index with a header, and by index without one', async () => {
    const path = place.file('a.csv', 'k,body\n1,one\n');
    expect(await readAll([path], null, { textField: 'body', idField: 'k' })).toMatchObject([
      { text: 'one', id: '"1"' },
    ]);
    expect(await readAll([path], null, { textField: '1', idField: '0', header: true })).toMatchObject([
      { text: 'one', id: '"1"' },
    ]);
    expect(await readAll([path], null, { textField: '1', idField: '0' })).toEqual([
      { row: 0, id: '"k"', text: 'body', json: '{"id":"k","text":"body"' },
      { row: 1, id: '"1"', text: 'one', json: '{"id":"1","text":"one"' },
    ]);
  });

  it('take tabs in .tsv, and a BOM-free UTF-8 header in any script', async () => {
    const path = place.file('a.tsv', 'schlüssel\ttext\n1\ta,b\n');
    expect(await readAll([path], null)).toMatchObject([{ text: 'a,b', json: '{"schlüssel":"1","text":"a,b"' }]);
  });

  it('refuse to look for a named column where there is no header', async () => {
    const path = place.file('a.csv', '1,2\n');
    await expect(readAll([path], null, { header: false })).rejects.toMatchObject({ code: 'NO_SUCH_COLUMN' });
  });

  it('decide by the first character where the name says nothing', async () => {
    expect(await readAll([place.file('a', '  {"text":"x"}\n')], null)).toMatchObject([{ text: 'x' }]);
    expect(await readAll([place.file('b.log', '  [x]\n')], null)).toMatchObject([{ text: '  [x]' }]);
  });

  it('give the same hash for a stretch whether it is read as rows or passed over', async () => {
    const paths = [place.file('a.jsonl', sampleLines(500)), place.file('b.csv', 'text\none\ntwo\n')];
    const inputs = await listInputs(paths, null, null);
    const rows = new InputCursor(inputs, FORMAT, new PassThrough());
    rows.beginSpan();
    for (let count = 0; count < 501; ) {
      if (rows.take(count) !== null) count++;
      else await rows.advance();
    }
    const [end, sum] = [rows.position, rows.endSpan()];
    const bytes = new InputCursor(inputs, FORMAT, new PassThrough());
    bytes.beginSpan();
    expect(await bytes.pass(end)).toBe(true);
    expect(bytes.endSpan()).toBe(sum);
    const jumped = new InputCursor(inputs, FORMAT, new PassThrough());
    await jumped.jump(end);
    await jumped.advance();
    await jumped.advance();
    expect(jumped.take(0)).toMatchObject({ text: 'two' });
    for (const cursor of [rows, bytes, jumped]) await cursor.close();
  });
});

describe('glob', () => {
  let place: Workplace;
  beforeAll(() => {
    place = new Workplace();
    for (const folder of ['a', 'a/b', '.h']) mkdirSync(`${place.path}/${folder}`);
    for (const name of ['x1.txt', 'x2.txt', 'x10.csv', 'a/y.txt', 'a/b/z.txt', '.h/h.txt', '.d.txt', 'q[1].txt']) {
      place.file(name, '');
    }
  });
  afterAll(() => place.remove());

  it.each([
    ['x?.txt', ['x1.txt', 'x2.txt']],
    ['x*', ['x1.txt', 'x10.csv', 'x2.txt']],
    ['x[0-1].txt', ['x1.txt']],
    ['x[!1].txt', ['x2.txt']],
    ['{x1,a/y}.txt', ['a/y.txt', 'x1.txt']],
    ['x{1,2,10}.{txt,csv}', ['x1.txt', 'x10.csv', 'x2.txt']],
    ['**/*.txt', ['a/b/z.txt', 'a/y.txt', 'q[1].txt', 'x1.txt', 'x2.txt']],
    ['a/**', ['a/b/z.txt', 'a/y.txt']],
    ['.*.txt', ['.d.txt']],
    ['*/../x1.txt', ['x1.txt']],
    ['none/*', []],
  ])('%s', async (pattern, expected) => {
    const found = await glob(`${place.path}/${pattern}`);
    expect(found.map((path) => path.slice(place.path.length + 1)).sort()).toEqual([...expected].sort());
  });

  it('gives way to a file of exactly that name', async () => {
    expect(await listInputs([`${place.path}/q[1].txt`], null, null)).toHaveLength(1);
  });
});

describe('jsonMembers', () => {
  it.each([
    ['{}', []],
    [' { "a" : 1 } ', [['a', '1']]],
    [
      '{"a":"}\\",","b":[1,{"c":"]"}],"c":{"d":[]} ,"e":-1.5e3\t}',
      [
        ['a', '"}\\","'],
        ['b', '[1,{"c":"]"}]'],
        ['c', '{"d":[]}'],
        ['e', '-1.5e3'],
      ],
    ],
    [
      '{"\\u0061":null,"a":true}',
      [
        ['a', 'null'],
        ['a', 'true'],
      ],
    ],
  ])('%s', (text, expected) => {
    const bytes = Buffer.from(text);
    const members = jsonMembers(bytes).map(({ key, valueStart, end }) => [
      key,
      bytes.toString('utf8', valueStart, end),
    ]);
    expect(members).toEqual(expected);
  });
});
