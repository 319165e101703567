import { fileURLToPath } from 'node:url';
import { TypeError } from '../errors';

/** Where a model is: a folder, a file of weights, an id on the Hub, an address; a `file:` URL is the path that it names. */
export type ModelLocation = string | URL;

/**
 * A location as text, as Python's `str()` gives it; null for none.
 * @throws TypeError for a value that has no text of its own
 */
export function locationText(given: unknown): string | null {
  if (given === null || given === undefined) return null;
  const isText = !Array.isArray(given) && typeof given !== 'function' && typeof given !== 'symbol';
  const text = isText ? String(given) : '[object]';
  if (/^\[object( \w+)?\]$/.test(text))
    throw new TypeError(
      'a model is given by the path of its folder or its id on the Hub, not by ' +
        `${Array.isArray(given) ? 'a list' : `a value of type ${typeof given}`}`,
    );
  return text.startsWith('file:') ? fileURLToPath(text) : text;
}

/** As `locationText`, where there must be one. @throws TypeError also for none */
export function requiredLocation(given: unknown): string {
  const text = locationText(given);
  if (text === null)
    throw new TypeError(`a config is given by the path of its folder or file, or its model's id, not ${given}`);
  return text;
}
