import { fileURLToPath } from 'node:url';
import { TypeError } from '../errors';

/** Where a model is: a folder, a file of weights, an id on the Hub, an address; a `file:` URL is the path that it names. */
export type ModelLocation = string | URL;

/**
 * A location as text, as Python's `str()` gives it; null for none.
 * @throws TypeError for an object that has no text of its own
 */
export function locationText(given: unknown): string | null {
  if (given === null || given === undefined) return null;
  if (given instanceof URL) return given.protocol === 'file:' ? fileURLToPath(given) : given.href;
  const text = typeof given === 'symbol' || Array.isArray(given) ? null : String(given);
  if (text !== null && typeof given !== 'function' && !/^\[object \w+\]$/.test(text)) return text;
  throw new TypeError(
    `a model is given by the path of its folder or its id on the Hub, not by ${Array.isArray(given) ? 'a list' : `a value of type ${typeof given}`}`,
  );
}

/** As `locationText`, where there must be one. @throws TypeError also for none */
export function requiredLocation(given: unknown): string {
  const text = locationText(given);
  if (text === null)
    throw new TypeError(`a config is given by the path of its folder or file, or its model's id, not ${given}`);
  return text;
}
