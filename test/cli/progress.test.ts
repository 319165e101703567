import { progressLine, timeLeft } from '../../lib/cli/progress-line';
import { lengthBucket } from '../../lib/jobs/lengths';
import { Meter, type Progress } from '../../lib/jobs/progress';
import { WorkingTime } from '../../lib/jobs/report/sums';
import { barChart, ticks } from '../../lib/jobs/report/svg';

const PROGRESS: Progress = {
  rows: 12_000,
  failed: 0,
  skipped: 345,
  committed: 8192,
  tokens: 600_000,
  rowsPerSecond: 311.4,
  tokensPerSecond: 8240,
  share: 0.425,
  etaSeconds: 191.2,
  seconds: 40,
};

describe('the progress line', () => {
  it('has a bar, rates, the time left and failures', () => {
    expect(progressLine('embed', { ...PROGRESS, failed: 3 }, 120, false)).toBe(
      'embed  ━━━━━━━━━━────────────── 42 %  12,345 rows  311 rows/s  8.2k tok/s  ETA 3 min 12 s  3 failed'.replace(
        ' 42',
        '  42',
      ),
    );
  });

  it('leaves out what is not known', () => {
    const line = progressLine('embed', { ...PROGRESS, share: null, etaSeconds: null }, 120, true);
    expect(line).toBe('embed  12,345 rows  311 rows/s  8.2k tok/s');
  });

  it('never is wider than the terminal', () => {
    for (const columns of [10, 40, 80, 90]) {
      expect(progressLine('embed', PROGRESS, columns, false).length).toBeLessThan(columns);
    }
  });

  it('says times as people do', () => {
    expect([0.2, 59.5, 3599, 7500].map(timeLeft)).toEqual(['1 s', '1 min 0 s', '59 min 59 s', '2 h 5 min']);
  });
});

describe('the meter', () => {
  beforeEach(() => jest.useFakeTimers({ now: 1_700_000_000_000 }));
  afterEach(() => jest.useRealTimers());

  it('guesses the time left from tokens, not rows', () => {
    const meter = new Meter(1000);
    meter.skipped(10, 100);
    meter.firstRowRead();
    meter.tokenised(300, 400);
    jest.advanceTimersByTime(2000);
    meter.computed(5, 200);
    const progress = meter.progress();
    expect(progress).toMatchObject({
      rows: 5,
      skipped: 10,
      tokens: 200,
      tokensPerSecond: 100,
      rowsPerSecond: 2.5,
      seconds: 2,
    });
    // one token a byte: 100 tokenised and not run, 600 bytes unread
    expect(progress.etaSeconds).toBeCloseTo(7);
    expect(progress.share).toBeCloseTo(0.3);
  });

  it('forgets what was more than half a minute ago', () => {
    const meter = new Meter(null);
    meter.firstRowRead();
    for (let second = 0; second < 100; second++) {
      jest.advanceTimersByTime(1000);
      meter.computed(second < 60 ? 1000 : 10, 0);
    }
    expect(meter.progress().rowsPerSecond).toBeCloseTo(10, 0);
    expect(meter.progress().etaSeconds).toBe(null);
  });

  it('keeps a timeline of bounded length that loses nothing', () => {
    const meter = new Meter(null);
    for (let second = 0; second < 5000; second++) {
      jest.advanceTimersByTime(1000);
      meter.computed(2, 6);
    }
    const timeline = meter.takeTimeline();
    expect(timeline.length).toBeLessThanOrEqual(240);
    expect(timeline.reduce((sum, [, rows]) => sum + rows, 0)).toBe(10_000);
    expect(timeline.reduce((sum, [, , tokens]) => sum + tokens, 0)).toBe(30_000);
    expect(meter.takeTimeline()).toEqual([]);
  });
});

describe('the report', () => {
  it('leaves the time between two processes out', () => {
    const time = new WorkingTime();
    for (const second of [100, 101, 102, 5000, 5001]) time.add(second, 10, 20);
    expect(time.bins.map(({ rows }) => rows)).toEqual([10, 10, 10, 10, 10]);
  });

  it('keeps a bounded number of bins however long the job', () => {
    const time = new WorkingTime();
    for (let second = 0; second < 10_000; second++) time.add(second, 1, 2);
    expect(time.bins.length).toBeLessThanOrEqual(256);
    expect(time.bins.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(20_000);
  });

  it('buckets lengths within 2 %', () => {
    for (let length = 0; length < 20_000; length += 7) {
      expect(lengthBucket(length)).toBeLessThanOrEqual(length);
      expect(length - lengthBucket(length)).toBeLessThanOrEqual(0.02 * length);
    }
  });

  it('has round numbers on its axes', () => {
    expect(ticks(0)).toEqual([0, 1]);
    expect(ticks(7)).toEqual([0, 2, 4, 6, 8]);
    expect(ticks(0.3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(23_456).at(-1)).toBe(30_000);
  });

  it('escapes what comes from data', () => {
    const axis = { label: 'x', format: String };
    const svg = barChart('t', [{ from: 0, to: 1, value: 1, title: '<script>"&' }], axis, axis);
    expect(svg).toContain('&#60;script&#62;&#34;&#38;');
  });
});
