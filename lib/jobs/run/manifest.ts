import { notARunFolder } from '../job-error';

/** `manifest.json`: the result, in order. */
export interface Manifest {
  rows: number;
  failed: number;
  parts: { file: string; rows: number; sha256: string }[];
}

/** @throws ValueError `NOT_A_RUN_FOLDER` on a text that is no manifest */
export function parseManifest(path: string, text: string): Manifest {
  let manifest: unknown = null;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw damaged(path, error);
  }
  if (isManifest(manifest)) return manifest;
  throw damaged(path);
}

function isManifest(value: unknown): value is Manifest {
  const { rows, failed, parts } = (value ?? {}) as Partial<Manifest>;
  return Number.isSafeInteger(rows) && Number.isSafeInteger(failed) && Array.isArray(parts) && parts.every(isPart);
}

function isPart(value: unknown): boolean {
  const { file, rows, sha256 } = (value ?? {}) as Partial<Manifest['parts'][number]>;
  return typeof file === 'string' && Number.isSafeInteger(rows) && typeof sha256 === 'string';
}

function damaged(path: string, cause?: unknown): Error {
  return notARunFolder(
    `${path} is no manifest of this package. Where it is a damaged one, move it away and run the same command again, ` +
      'which makes it anew from the receipts; else give another --output',
    cause,
  );
}
