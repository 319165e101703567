import type { WeightsFile, WeightsPlan } from '../checkpoint/weights-files';
import type { SaveProgressInfo } from '../progress-info';

/** Tells the caller of the files that a save writes and of how much of each is written. */
export class SaveProgress {
  private readonly files: Map<string, { loaded: number; total: number }>;

  constructor(
    private readonly name: string,
    plan: WeightsPlan,
    private readonly callback: ((info: SaveProgressInfo) => void) | null,
  ) {
    this.files = new Map(plan.files.map((file) => [file.name, { loaded: 0, total: bytesOf(file) }]));
    for (const file of this.files.keys()) callback?.({ status: 'initiate', name, file });
  }

  /** `bytes` more of a file are written. */
  wrote(file: string, bytes: number): void {
    const state = this.files.get(file) as { loaded: number; total: number };
    state.loaded += bytes;
    const { loaded, total } = state;
    const progress = total === 0 ? 100 : (100 * loaded) / total;
    this.callback?.({ status: 'progress', name: this.name, file, progress, loaded, total });
  }

  /** All files are on the disk, under the names that they have while the save is not decided. */
  done(): void {
    for (const file of this.files.keys()) this.callback?.({ status: 'done', name: this.name, file });
  }
}

/** Bytes of a file's tensors; what has several names is written once. */
function bytesOf(file: WeightsFile): number {
  const tensors = new Map(file.weights.map((weight) => [weight.identity, weight.byteLength]));
  return [...tensors.values()].reduce((n, byteLength) => n + byteLength, 0);
}
