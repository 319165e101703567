import type { DownloadProgressInfo } from '../progress-info';

export type { DownloadProgressInfo } from '../progress-info';

/** Bytes of one file that have come over the network. The first call of a file says where it starts, the last is done. */
export interface TransferEvent {
  file: string;
  status: 'start' | 'progress' | 'done';
  loaded: number;
  /** Bytes in all; null when the server does not say. */
  total: number | null;
}

export type TransferListener = (event: TransferEvent) => void;

const kMillisecondsBetween = 50;

/** Turns the transfers of any number of files into one series of events, with their sum before each file's own. */
export class DownloadProgress {
  private readonly files = new Map<string, { loaded: number; total: number }>();
  private last = 0;

  constructor(
    private readonly name: string,
    private readonly callback: (info: DownloadProgressInfo) => void,
  ) {}

  /** Whether anything has come over the network. */
  get transferred(): boolean {
    return this.files.size > 0;
  }

  /** Counts a file that will be fetched in the sum from the beginning. */
  expect(file: string, total: number): void {
    this.files.set(file, { loaded: 0, total });
  }

  readonly listen: TransferListener = ({ file, status, loaded, total }) => {
    const { name } = this;
    this.files.set(file, { loaded, total: total ?? loaded });
    if (status === 'start') {
      this.callback({ status: 'initiate', name, file });
      this.callback({ status: 'download', name, file });
      return;
    }
    const now = Date.now();
    if (status === 'progress' && now - this.last < kMillisecondsBetween) return;
    this.last = now;
    this.report(file, loaded, total ?? loaded);
    if (status === 'done') this.callback({ status: 'done', name, file });
  };

  private report(file: string, loaded: number, total: number): void {
    const files = Object.fromEntries([...this.files].map(([key, value]) => [key, { ...value }]));
    const all = [...this.files.values()];
    const sum = { loaded: all.reduce((n, f) => n + f.loaded, 0), total: all.reduce((n, f) => n + f.total, 0) };
    const { name } = this;
    this.callback({ status: 'progress_total', name, progress: percent(sum), ...sum, files });
    this.callback({ status: 'progress', name, file, progress: percent({ loaded, total }), loaded, total });
  }
}

function percent({ loaded, total }: { loaded: number; total: number }): number {
  return total > 0 ? (100 * loaded) / total : 100;
}
