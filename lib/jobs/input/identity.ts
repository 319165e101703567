import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';

/** A file by its content. */
export interface FileIdentity {
  bytes: number;
  sha256: string;
  /** Inode and times: while these stay, so does the content. */
  stamp: string;
}

const CHUNK = 256 * 1024;

/** Reads a file through, unless `known` still stands for it. */
export async function identify(path: string, known?: FileIdentity | null): Promise<FileIdentity> {
  const info = await stat(path, { bigint: true });
  const stamp = `${info.dev}-${info.ino}-${info.mtimeNs}-${info.ctimeNs}`;
  if (known?.stamp === stamp && known.bytes === Number(info.size)) return known;
  return { ...(await sha256(path)), stamp };
}

/** Length and SHA-256 of a file, read in pieces short enough for the JS thread. */
export async function sha256(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(CHUNK);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK, bytes);
      if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}
