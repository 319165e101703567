import { basename } from 'node:path';
import type { CheckpointSource } from '../checkpoint/source';
import type { ProgressCallback, TotalProgressInfo } from '../progress-info';
import { type Steps, visitInSteps } from '../turns';

interface FileProgress {
  loaded: number;
  marked: number;
  total: number;
  reported: number;
}

/** Tells the caller of the files of weights and of how much of each has been read. */
export class LoadProgress {
  private readonly files = new Map<string, FileProgress>();

  private constructor(
    private readonly name: string,
    private readonly source: CheckpointSource | null,
    private readonly callback: ProgressCallback | null,
  ) {}

  /** Counts what there is to read, where somebody wants to hear of it. */
  static *of(name: string, source: CheckpointSource | null, callback: ProgressCallback | null): Steps<LoadProgress> {
    const progress = new LoadProgress(name, source, callback);
    if (callback === null || source === null) return progress;
    for (const path of source.files) progress.fileAt(path);
    yield* visitInSteps(source.names(), (key) => {
      const { file, byteLength } = source.info(key);
      progress.fileAt(file).total += byteLength;
    });
    for (const path of progress.files.keys()) {
      callback({ status: 'initiate', name, file: basename(path) });
      callback({ status: 'download', name, file: basename(path) });
    }
    return progress;
  }

  /** Notes that a tensor is being read. @returns its bytes */
  reading(key: string): number {
    if (this.source === null) return 0;
    const { file, byteLength } = this.source.info(key);
    if (this.callback) this.fileAt(file).loaded += byteLength;
    return byteLength;
  }

  /** What has been noted so far is what the next report tells of. */
  mark(): void {
    for (const file of this.files.values()) file.marked = file.loaded;
  }

  /** Everything up to the mark has been read. */
  report(): void {
    for (const [path, file] of this.files) {
      if (file.marked === file.reported) continue;
      file.reported = file.marked;
      const { marked: loaded, total } = file;
      const progress = (100 * loaded) / total;
      this.reportSum();
      this.callback?.({ status: 'progress', name: this.name, file: basename(path), progress, loaded, total });
    }
  }

  /** Tensors that nothing wanted count too: nothing of the files is left to be read. */
  done(): void {
    for (const file of this.files.values()) file.loaded = file.marked = file.total;
    this.report();
    for (const path of this.files.keys()) this.callback?.({ status: 'done', name: this.name, file: basename(path) });
  }

  private reportSum(): void {
    const files: TotalProgressInfo['files'] = {};
    let [loaded, total] = [0, 0];
    for (const [path, file] of this.files) {
      files[basename(path)] = { loaded: file.reported, total: file.total };
      loaded += file.reported;
      total += file.total;
    }
    const progress = (100 * loaded) / total;
    this.callback?.({ status: 'progress_total', name: this.name, progress, loaded, total, files });
  }

  private fileAt(path: string): FileProgress {
    const known = this.files.get(path);
    if (known) return known;
    const file = { loaded: 0, marked: 0, total: 0, reported: 0 };
    this.files.set(path, file);
    return file;
  }
}
