import type { HeaderLimits } from '../header-limits';
import type { PinnedFile } from '../pinned-file';
import type { PickleValue } from './pickle-values';
import type { Fail } from './state-dict';
import type { StorageBytes } from './storage-bytes';
import type { ForbiddenNames } from './torch-objects';

/** What opening a file of PyTorch works with. */
export interface Opening {
  file: PinnedFile;
  limits: HeaderLimits;
  fail: Fail;
  forbidden: ForbiddenNames;
  checksums: boolean;
  signal: AbortSignal | undefined;
}

/** A file of PyTorch in one of its forms: the object that it holds, and where the storages lie that this names. */
export interface Container {
  value: PickleValue;
  /** Finds storages by their keys. @param wanted - key → a tensor that needs it, for messages. */
  storages(wanted: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, StorageBytes>>;
}
