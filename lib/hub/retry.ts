import { info } from '../logging';
import { isConnectionError, statusOf } from './hub-errors';
import { pause } from './request';

/** How often and how patiently a failed request is repeated. A test may shorten the waits. */
export const retryPolicy = {
  /** Attempts after the first. */
  most: 5,
  /** Seconds before the second attempt; each further wait is twice as long. */
  firstWait: 1,
  longestWait: 8,
  /** A server that asks for more patience than this is not waited for. */
  longestRetryAfter: 60,
};

/** Whether the same request may succeed a little later: lost connections, 408, 429, 5xx. */
export function mayPass(error: unknown): boolean {
  if (isConnectionError(error)) return error.passing;
  const status = statusOf(error);
  return status !== null && (status === 408 || status === 429 || status >= 500);
}

/** Seconds that `Retry-After` asks for: a number or a date; null when it asks for nothing that can be read. */
export function retryAfterOf(header: string | undefined, now = Date.now()): number | null {
  if (header === undefined) return null;
  if (/^\d+(\.\d+)?$/.test(header.trim())) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, (date - now) / 1000);
}

/** Seconds to wait before attempt `number` (from 1), or null when there is none left or the server wants too long a wait. */
export function waitBefore(number: number, retryAfter: number | null): number | null {
  const { most, firstWait, longestWait, longestRetryAfter } = retryPolicy;
  if (number > most) return null;
  if (retryAfter !== null) return retryAfter <= longestRetryAfter ? retryAfter : null;
  const wait = Math.min(longestWait, firstWait * 2 ** (number - 1));
  return wait * (0.75 + 0.5 * Math.random()); // so that many who failed together do not come back together
}

const retryAfterOfError = new WeakMap<object, number>();

/** Remembers what the answer behind `error` asked for. */
export function noteRetryAfter<E extends object>(error: E, header: string | undefined): E {
  const seconds = retryAfterOf(header);
  if (seconds !== null) retryAfterOfError.set(error, seconds);
  return error;
}

/** What the answer behind `error` asked for, in seconds. */
export function retryAfterIn(error: unknown): number | null {
  return retryAfterOfError.get(error as object) ?? null;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or has been tried often enough.
 * @param before - the failure of an attempt that was made already, and how often to try again at most
 */
export async function withRetries<T>(
  what: string,
  attempt: () => Promise<T>,
  signal?: AbortSignal | null,
  before: { failure?: unknown; most?: number } = {},
): Promise<T> {
  let { failure } = before;
  for (let number = 1; ; number++) {
    if (failure === undefined) {
      try {
        return await attempt();
      } catch (error) {
        failure = error;
      }
    }
    const mayTry = mayPass(failure) && number <= (before.most ?? retryPolicy.most);
    const wait = mayTry ? waitBefore(number, retryAfterIn(failure)) : null;
    if (wait === null) throw failure;
    info(`${what}: ${(failure as Error).message}; trying again in ${wait.toFixed(1)} s`);
    await pause(wait, signal);
    failure = undefined;
  }
}
