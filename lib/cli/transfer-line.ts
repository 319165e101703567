import type { TransferListener } from '../hub/progress';
import type { RepoFile } from '../hub/repo-info';
import { progressBarsDisabled } from '../hub/settings';
import type { Terminal } from './command';
import { timeLeft } from './progress-line';
import { byteSize } from './table';

/** Tells on stderr how far transfers are: a line that is redrawn on a terminal, a line at each file's end elsewhere. */
export interface TransferLine {
  readonly listen: TransferListener;
  expect(files: readonly RepoFile[]): void;
  note(text: string): void;
  close(): void;
}

const kRedrawMilliseconds = 200;

export function transferLine({ stderr }: Terminal, quiet: boolean): TransferLine {
  const files = new Map<string, { loaded: number; total: number }>();
  const redraws = stderr.isTTY === true && !quiet && !progressBarsDisabled();
  const started = Date.now();
  let before = 0; // bytes that earlier runs have brought
  let drawn = 0;
  const sum = (of: 'loaded' | 'total') => [...files.values()].reduce((n, file) => n + file[of], 0);
  const clear = () => {
    if (redraws && drawn > 0) stderr.write('\r\x1b[K');
  };
  const draw = () => {
    if (!redraws || Date.now() - drawn < kRedrawMilliseconds) return;
    drawn = Date.now();
    const [loaded, total] = [sum('loaded'), sum('total')];
    const rate = (loaded - before) / Math.max(0.001, (Date.now() - started) / 1000);
    const left = rate > 0 ? `  ETA ${timeLeft((total - loaded) / rate)}` : '';
    const share = total > 0 ? `${Math.floor((100 * loaded) / total)} %` : '';
    const text = `fetching  ${share.padStart(5)}  ${byteSize(loaded)} of ${byteSize(total)}  ${byteSize(rate)}/s${left}`;
    stderr.write(`\r\x1b[K${text.slice(0, (stderr.columns ?? 80) - 1)}`);
  };
  return {
    listen: ({ file, status, loaded, total }) => {
      if (status === 'start') before += loaded;
      files.set(file, { loaded, total: total ?? loaded });
      draw();
      if (status !== 'done' || quiet || redraws) return;
      stderr.write(`fetched ${file} (${byteSize(loaded)})\n`);
    },
    expect: (plan) => {
      for (const { path, size } of plan) files.set(path, { loaded: 0, total: size ?? 0 });
    },
    note: (text) => {
      clear();
      if (!quiet) stderr.write(`${text}\n`);
    },
    close: () => {
      clear();
      drawn = 0;
    },
  };
}
