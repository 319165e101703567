import { mkdirSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { fakeEmbedder, vectorOf } from './fake-model.cjs';
import { jsonLines, sampleLines, sampleText, sha256, Workplace } from './run-folder';
import { type Running, startJob } from './start-process';

const ROWS = 6000;
const SHARD = 256;

describe('a job that is killed', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  /** Kills the job five times, each a little after it has got on, then lets it end. */
  async function killFiveTimes(start: () => Running): Promise<number[]> {
    const seen: number[] = [];
    for (let kill = 0; kill < 5; kill++) {
      const running = start();
      await running.until('start');
      await new Promise((resolve) => setTimeout(resolve, 60 + 130 * Math.random()));
      running.child.kill('SIGKILL');
      await running.ended;
      seen.push(place.names('parts').filter((name) => /^\d+\.json$/.test(name)).length);
    }
    const last = start();
    expect(await last.ended).toEqual({ code: 0, signal: null });
    return seen;
  }

  function expectEveryRowOnce(): void {
    const manifest = place.manifest();
    expect(manifest).toMatchObject({ rows: ROWS, failed: 0 });
    const data = manifest.parts.map(({ file }) => file.slice('parts/'.length));
    const receipts = data.map((_, shard) => `${String(shard).padStart(5, '0')}.json`);
    expect(place.names('parts')).toEqual([...data, ...receipts].sort());
    for (const { file, sha256: sum } of manifest.parts) expect(sha256(place.bytes(file))).toBe(sum);
    const rows = place.rows();
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: ROWS }, (_, row) => `r${row}`));
    for (const row of [0, 1234, ROWS - 1]) {
      expect(Float32Array.from(rows[row]!['embedding'] as number[])).toEqual(vectorOf(sampleText(row), 8));
    }
    expect(place.names('.')).toEqual(['errors', 'manifest.json', 'parts', 'report.html', 'report.json', 'run.json']);
  }

  const args = (input: string) => ['embed', input, '-m', 'fake', '-o', place.out, '--shard-rows', String(SHARD)];

  it('writes every row once, in order, after five kills', async () => {
    const input = place.file('in.jsonl', sampleLines(ROWS));
    const seen = await killFiveTimes(() => startJob(args(input), { delayMs: 2 }));
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen[0]).toBeLessThan(ROWS / SHARD);
    expectEveryRowOnce();
  });

  it('does so from standard input, fed again each time', async () => {
    const lines = sampleLines(ROWS);
    await killFiveTimes(() => startJob(args('-'), { delayMs: 2 }).feed(lines));
    expectEveryRowOnce();
  });

  it('does so from gzip', async () => {
    const input = place.file('in.jsonl.gz', gzipSync(sampleLines(ROWS)));
    await killFiveTimes(() => startJob(args(input), { delayMs: 2 }));
    expectEveryRowOnce();
  });

  it('gives the same parts as one that is not', async () => {
    const other = new Workplace();
    const lines = sampleLines(ROWS);
    await other.job({ inputs: [other.file('in.jsonl', lines)], shardRows: SHARD });
    const input = place.file('in.jsonl', lines);
    await killFiveTimes(() => startJob(args(input), { delayMs: 2 }));
    expect(place.manifest().parts.map((part) => part.sha256)).toEqual(
      other.manifest().parts.map((part) => part.sha256),
    );
    other.remove();
  });
});

describe('a job that goes on', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  /** Runs until the second part is committed. */
  async function begin(inputs: string[], options = {}): Promise<void> {
    const drain = new AbortController();
    let parts = 0;
    const onEvent = ({ type }: { type: string }) => {
      if (type === 'committed' && ++parts === 2) drain.abort();
    };
    const result = await place.job({ inputs, shardRows: 100, drain: drain.signal, onEvent, ...options });
    expect(result.drained).toBe(true);
  }

  const changed = (message: RegExp) => ({ code: 'RUN_CHANGED', message: expect.stringMatching(message) });

  it('refuses another model, other options and another input, and names what changed', async () => {
    const input = place.file('in.jsonl', sampleLines(1000));
    const model = (fingerprint: Record<string, unknown>) => fakeEmbedder({ delayMs: 1, fingerprint });
    const weights = { weights: 'abc', pooling: { mode: 'mean' } };
    await begin([input], { model: model(weights) });
    const again = (options: object) =>
      place.job({ inputs: [input], shardRows: 100, model: model(weights), ...options });
    await expect(again({ model: model({ ...weights, pooling: { mode: 'cls' } }) })).rejects.toMatchObject(
      changed(/model\.pooling\.mode was "mean", is "cls"/),
    );
    await expect(again({ format: 'npy' })).rejects.toMatchObject(changed(/options\.format was "jsonl", is "npy"/));
    await expect(again({ textField: 'id' })).rejects.toMatchObject(changed(/options\.text_field/));
    await expect(again({ shardRows: 50 })).rejects.toMatchObject(changed(/options\.shard_rows was 100, is 50/));
    const other = place.file('other.jsonl', sampleLines(999));
    await expect(again({ inputs: [other] })).rejects.toMatchObject(changed(/input\.0\.bytes was \d+, is \d+/));
    await expect(again({ inputs: [input, other] })).rejects.toMatchObject(changed(/input\.1\.bytes was absent/));
    await again({});
    expect(place.manifest().rows).toBe(1000);
    await expect(again({ format: 'npy' })).rejects.toMatchObject(changed(/--overwrite/));
    await again({ format: 'npy', overwrite: true });
    expect(place.manifest().rows).toBe(1000);
    expect(place.names('parts').filter((name) => name.endsWith('.jsonl') && !name.includes('.rows.'))).toEqual([]);
  });

  it('sees a changed input of the same length and time', async () => {
    const lines = sampleLines(1000);
    const input = place.file('in.jsonl', lines);
    await begin([input], { model: fakeEmbedder({ delayMs: 1 }) });
    const { atime, mtime } = statSync(input);
    writeFileSync(input, `${lines.slice(0, -6)}x"}\n`.padEnd(lines.length));
    utimesSync(input, atime, mtime);
    await expect(place.job({ inputs: [input], shardRows: 100 })).rejects.toMatchObject(changed(/input\.0\.sha256/));
  });

  it('takes the same content at another place', async () => {
    const lines = sampleLines(1000);
    await begin([place.file('in.jsonl', lines)], { model: fakeEmbedder({ delayMs: 1 }) });
    await place.job({ inputs: [place.file('moved.jsonl', lines)], shardRows: 100 });
    expect(place.manifest().rows).toBe(1000);
  });

  it('sees that standard input is not the one it was', async () => {
    const feed = (text: string) => ({ inputs: ['-'], stdin: Readable.from([Buffer.from(text)]) });
    const lines = sampleLines(1000);
    await begin(['-'], { ...feed(lines), model: fakeEmbedder({ delayMs: 1 }) });
    const rest = (text: string) => place.job({ ...feed(text), shardRows: 100 });
    await expect(rest(lines.replace('row 150', 'row 151'))).rejects.toMatchObject(
      changed(/rows 100 to 199 are not those/),
    );
    await expect(rest(sampleLines(150))).rejects.toMatchObject(changed(/rows 100 to 199 are not those/));
    await rest(lines);
    await rest(lines);
    await expect(rest(sampleLines(1001))).rejects.toMatchObject(changed(/has rows behind row 999/));
    expect(place.manifest().rows).toBe(1000);
  });

  it('may change freely while no part is finished', async () => {
    const input = place.file('in.csv', 'txt\none\n');
    await expect(place.job({ inputs: [input] })).rejects.toMatchObject({ code: 'NO_SUCH_COLUMN' });
    await place.job({ inputs: [input], textField: 'txt' });
    expect(place.manifest().rows).toBe(1);
  });

  it('sweeps what no receipt vouches for', async () => {
    const input = place.file('in.jsonl', sampleLines(250));
    await begin([input], { model: fakeEmbedder({ delayMs: 1 }) });
    const leftovers = [
      '00002.0123abcd.jsonl',
      '00002.0123abcd.jsonl.tmp',
      '00000.0123abcd.jsonl',
      '00001.json.0123abcd.tmp',
    ];
    for (const name of leftovers) writeFileSync(`${place.out}/parts/${name}`, 'half');
    writeFileSync(`${place.out}/errors/00002.jsonl`, 'half');
    writeFileSync(`${place.out}/parts/stray.txt`, 'stray');
    await place.job({ inputs: [input], shardRows: 100 });
    expect(place.names('parts')).toHaveLength(6);
    expect(place.names('errors')).toEqual([]);
  });

  it.each([
    ['is gone', (path: string) => rmSync(path)],
    ['is cut', (path: string) => truncateSync(path, 10)],
  ])('makes a part again whose data %s', async (_, damage) => {
    const input = place.file('in.jsonl', sampleLines(500));
    await place.job({ inputs: [input], shardRows: 100 });
    const before = place.manifest();
    damage(`${place.out}/${before.parts[2]!.file}`);
    const model = fakeEmbedder();
    await place.job({ model, inputs: [input], shardRows: 100 });
    expect(model.log.batches.flat()).toHaveLength(100);
    expect(place.manifest().parts.map(({ sha256: sum }) => sum)).toEqual(before.parts.map(({ sha256: sum }) => sum));
    expect(jsonLines(place.read(place.manifest().parts[2]!.file))).toHaveLength(100);
  });

  it('refuses a folder that is not its own', async () => {
    const input = place.file('in.jsonl', sampleLines(3));
    await place.job({ inputs: [input] });
    rmSync(`${place.out}/run.json`);
    await expect(place.job({ inputs: [input] })).rejects.toMatchObject({ code: 'NOT_A_RUN_FOLDER' });
    await expect(place.job({ inputs: [input], output: input })).rejects.toMatchObject({ code: 'NOT_A_RUN_FOLDER' });
  });

  const refusal = (message: RegExp) => ({ code: 'NOT_A_RUN_FOLDER', message: expect.stringMatching(message) });

  it.each([
    ['report.html', '<p>mine</p>'],
    ['report.json', '{"mine":1}'],
    ['manifest.json', '{"mine":1}'],
    ['run.json', '{"mine":1}'],
    ['run.json', 'mine'],
    ['parts/mine.txt', 'mine'],
  ])('leaves a %s that is not its own as it is', async (name, content) => {
    const input = place.file('in.jsonl', sampleLines(3));
    mkdirSync(`${place.out}/parts`, { recursive: true });
    writeFileSync(`${place.out}/${name}`, content);
    for (const overwrite of [false, true])
      await expect(place.job({ inputs: [input], overwrite })).rejects.toMatchObject(refusal(/--output/));
    expect(place.read(name)).toBe(content);
  });

  it('removes nothing beside a run.json that is not its own', async () => {
    const input = place.file('in.jsonl', sampleLines(3));
    mkdirSync(`${place.out}/parts`, { recursive: true });
    writeFileSync(`${place.out}/run.json`, '{"mine":1}');
    writeFileSync(`${place.out}/parts/mine.txt`, 'mine');
    await expect(place.job({ inputs: [input], overwrite: true })).rejects.toMatchObject(refusal(/run\.json/));
    expect(place.read('parts/mine.txt')).toBe('mine');
  });

  it.each(['{', '{"mine":1}', '{"rows":3,"failed":0,"parts":[{}]}', 'null'])(
    'refuses a finished run whose manifest is %s, and makes it anew when it is moved away',
    async (content) => {
      const input = place.file('in.jsonl', sampleLines(3));
      await place.job({ inputs: [input] });
      const whole = place.manifest();
      writeFileSync(`${place.out}/manifest.json`, content);
      await expect(place.job({ inputs: [input] })).rejects.toMatchObject(refusal(/manifest\.json.*move it away/));
      rmSync(`${place.out}/manifest.json`);
      await place.job({ inputs: [input] });
      expect(place.manifest()).toEqual(whole);
    },
  );

  it('makes a part again whose receipt is damaged', async () => {
    const input = place.file('in.jsonl', sampleLines(3));
    await place.job({ inputs: [input] });
    const { files, ...rest } = JSON.parse(place.read('parts/00000.json'));
    for (const damaged of [{ ...rest, files: [{}] }, { ...rest, files: [] }, rest, { ...rest, files, codes: 1 }]) {
      writeFileSync(`${place.out}/parts/00000.json`, JSON.stringify(damaged));
      const model = fakeEmbedder();
      await place.job({ model, inputs: [input] });
      expect(model.log.batches.flat()).toHaveLength(3);
      expect(place.rows()).toHaveLength(3);
    }
  });

  it('refuses the run of another version, unless it is to be dropped', async () => {
    const input = place.file('in.jsonl', sampleLines(3));
    await place.job({ inputs: [input] });
    const run = JSON.parse(place.read('run.json'));
    writeFileSync(`${place.out}/run.json`, JSON.stringify({ ...run, version: 2 }));
    await expect(place.job({ inputs: [input] })).rejects.toMatchObject(refusal(/version.*--overwrite/));
    await place.job({ inputs: [input], overwrite: true });
    expect(place.rows()).toHaveLength(3);
  });
});
