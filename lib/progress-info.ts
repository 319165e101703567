/** What `progress_callback` hears, in transformers.js's words. */

/** Bytes read so far, and in all. */
export interface BytesRead {
  loaded: number;
  total: number;
}

/** A file is about to be read, is being read, has been read. */
export interface FileProgressInfo {
  status: 'initiate' | 'download' | 'done';
  /** The folder or model id. */
  name: string;
  file: string;
}

/** How much of a file has been read. */
export interface BytesProgressInfo extends BytesRead {
  status: 'progress';
  name: string;
  file: string;
  /** Percent. */
  progress: number;
}

/** How much of all files has been read. */
export interface TotalProgressInfo extends BytesRead {
  status: 'progress_total';
  name: string;
  /** Percent. */
  progress: number;
  files: Record<string, BytesRead>;
}

/** A pipeline can be called. */
export interface ReadyProgressInfo {
  status: 'ready';
  task: string;
  model: string;
}

export type ProgressInfo = FileProgressInfo | BytesProgressInfo | TotalProgressInfo | ReadyProgressInfo;

export type ProgressCallback = (info: ProgressInfo) => void;

/** What a transfer over the network tells. */
export type DownloadProgressInfo = FileProgressInfo | BytesProgressInfo | TotalProgressInfo;

/** What a save tells. */
export type SaveProgressInfo = FileProgressInfo | BytesProgressInfo;
