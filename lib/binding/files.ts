import { getSystemErrorName } from 'node:util';
import { addon } from './addon';

/**
 * Exchanges what two paths of one file system name, in one step, without holding up JS.
 * @returns null, or the name of the system's error: 'ENOSYS', 'EINVAL' where there is no such step
 */
export function exchangePaths(a: string, b: string): Promise<string | null> {
  return new Promise((resolve) => {
    addon().exchange(a, b, (error) => resolve(nameOf(error)));
  });
}

/** Whether there is an addon; known once somebody has asked. */
let isNative: boolean | null = null;

/**
 * Locks an open file or folder until it is closed, which the end of the process does too.
 * @returns true; false when somebody else has it; null where there are no such locks
 */
export function lockFile(descriptor: number): boolean | null {
  isNative ??= hasAddon();
  if (!isNative) return null;
  const error = nameOf(addon().lock(descriptor));
  if (error === null) return true;
  return error === 'EAGAIN' || error === 'EWOULDBLOCK' ? false : null;
}

/**
 * Reads bytes that the system has in memory, at once, as a read that goes to a thread and back takes thirty times as long.
 * @returns how many came; null where a read has to wait for them, or the system does not say
 */
export function readCached(
  file: number,
  target: Uint8Array,
  offset: number,
  length: number,
  position: number,
): number | null {
  isNative ??= hasAddon();
  const bytes = isNative ? addon().readCached(file, target, offset, length, position) : -1;
  return bytes < 0 ? null : bytes;
}

/** CRC-32C of `bytes` behind those whose sum is `before`; null where there is no addon. */
export function nativeCrc32c(bytes: Uint8Array, before: number): number | null {
  isNative ??= hasAddon();
  return isNative ? addon().crc32c(bytes, before) : null;
}

/** Files are looked into where there is no addon, too. */
function hasAddon(): boolean {
  try {
    addon();
    return true;
  } catch {
    return false;
  }
}

function nameOf(error: number): string | null {
  return error === 0 ? null : getSystemErrorName(-error);
}
