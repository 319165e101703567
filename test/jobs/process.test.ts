import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { sampleLines, Workplace } from './run-folder';
import { Running, startJob } from './start-process';

describe('a job in its own process', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  const args = (...more: string[]) => {
    return [
      'embed',
      place.file('in.jsonl', sampleLines(3000)),
      '-m',
      'fake',
      '-o',
      place.out,
      '--shard-rows',
      '256',
      ...more,
    ];
  };

  it('prints the path of the manifest last, and JSON lines on stderr when piped', async () => {
    const running = startJob(args());
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(running.stdout).toBe(`${place.out}/manifest.json\n`);
    const lines = running.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event)).toEqual(['start', 'done']);
    expect(lines[1]).toMatchObject({ rows: 3000, failed: 0 });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('drains at %s, says how to go on, and exits with %i', async (signal, code) => {
    const running = startJob(args('--batch-tokens', '64'), { delayMs: 3 });
    await running.until('start');
    await new Promise((resolve) => setTimeout(resolve, 300));
    running.child.kill(signal);
    expect(await running.ended).toEqual({ code, signal: null });
    const last = JSON.parse(running.stderr.trim().split('\n').at(-1)!);
    expect(last).toMatchObject({
      event: 'drained',
      resume: expect.stringMatching(/^native-transformers embed .*in\.jsonl/),
    });
    expect(last.message).toContain(`${last.rows.toLocaleString('en-US')} rows are safe in ${place.out}`);
    expect(existsSync(`${place.out}/run.lock`)).toBe(false);
    const parts = place.names('parts');
    expect(parts.filter((name) => name.endsWith('.json'))).toHaveLength(parts.length / 2);
    expect(await startJob(args('--batch-tokens', '64')).ended).toEqual({ code: 0, signal: null });
    expect(place.manifest().rows).toBe(3000);
  });

  it('exits at once at the second signal', async () => {
    const running = startJob(args(), { delayMs: 60_000, announce: true });
    await running.until('batch');
    running.child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(running.child.exitCode).toBe(null);
    running.child.kill('SIGINT');
    expect(await running.ended).toEqual({ code: 130, signal: null });
  });

  it('exits with 75 while another process has the folder, and not when that one is dead', async () => {
    const first = startJob(args(), { delayMs: 60_000 });
    await first.until('start');
    const second = startJob(args());
    expect(await second.ended).toEqual({ code: 75, signal: null });
    expect(second.stderr).toMatch(
      new RegExp(`process ${first.child.pid} has been working in this folder .*RUN_LOCKED`),
    );
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await startJob(args()).ended).toEqual({ code: 0, signal: null });
    expect(place.names('.')).not.toContain('run.lock');
  });

  it('does not take a later process of the same number for the holder', async () => {
    mkdirSync(place.out);
    const lock = { pid: process.pid, host: hostname(), born: 'another boot 1', since: '2020-01-01T00:00:00.000Z' };
    writeFileSync(`${place.out}/run.lock`, JSON.stringify(lock));
    expect((await startJob(args()).ended).code).toBe(process.platform === 'linux' ? 0 : 75);
  });

  it('takes a lock of another machine for dead when it has not moved for a minute', async () => {
    mkdirSync(place.out);
    writeFileSync(`${place.out}/run.lock`, JSON.stringify({ pid: 1, host: 'elsewhere', born: null, since: 'then' }));
    expect((await startJob(args()).ended).code).toBe(75);
    utimesSync(`${place.out}/run.lock`, Date.now() / 1000 - 120, Date.now() / 1000 - 120);
    expect((await startJob(args()).ended).code).toBe(0);
  });

  it('says DISK_FULL when it may write no more, keeps what is finished, and goes on later', async () => {
    const shell = (blocks: number) => {
      const command = `ulimit -f ${blocks}; exec "$0" "$@"`;
      const script = join(__dirname, 'job-process.cjs');
      // the first parts are small; the text of the last ones is past the limit
      return new Running('bash', ['-c', command, process.execPath, script, ...growing()], {});
    };
    const growing = () => {
      let text = '';
      for (let row = 0; row < 1000; row++) text += `${JSON.stringify({ text: 'x'.repeat(row < 500 ? 10 : 3000) })}\n`;
      return ['embed', place.file('in.jsonl', text), '-m', 'fake', '-o', place.out, '--shard-rows', '100'];
    };
    const running = shell(100);
    expect(await running.ended).toEqual({ code: 1, signal: null });
    expect(running.stderr).toMatch(/no room to write .*Every finished part is safe.*\[DISK_FULL\]/);
    expect(place.names('parts').filter((name) => name.endsWith('.json'))).toHaveLength(5);
    expect(place.names('parts')).toHaveLength(10);
    expect(await shell(10_000).ended).toEqual({ code: 0, signal: null });
    expect(place.manifest().rows).toBe(1000);
  });

  it('exits with 65 on a changed option, 65 on a missing input, 2 on a command line that makes no sense', async () => {
    expect((await startJob(args()).ended).code).toBe(0);
    const changed = startJob(args('--format', 'npy'));
    expect((await changed.ended).code).toBe(65);
    expect(changed.stderr).toContain('options.format was "jsonl", is "npy"');
    const missing = startJob(['embed', 'none.jsonl', '-m', 'fake', '-o', place.out]);
    expect((await missing.ended).code).toBe(65);
    const wrong = startJob(['embed', 'none.jsonl', '--modle', 'fake']);
    expect((await wrong.ended).code).toBe(2);
    expect(wrong.stderr).toContain('embed has no option --modle; did you mean --model?');
  });

  it('exits with 3 for failed rows only when asked to', async () => {
    const input = place.file('in.txt', 'fine\npoison:nan\n');
    const job = (...more: string[]) => startJob(['embed', input, '-m', 'fake', '-o', place.out, ...more]);
    expect((await job().ended).code).toBe(0);
    expect((await job('--fail-on-errors').ended).code).toBe(3);
  });

  it('reads a pipe that is not standard input', async () => {
    const fifo = join(place.path, 'rows');
    execFileSync('mkfifo', [fifo]);
    const running = startJob(['embed', fifo, '--input-format', 'lines', '-m', 'fake', '-o', place.out]);
    writeFileSync(fifo, 'one\ntwo');
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(place.manifest().rows).toBe(2);
  });
});
