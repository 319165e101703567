import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TypeError } from '../errors';
import { LocalTokenNotFoundError } from './hub-errors';
import { expandHome, implicitTokenDisabled, tokenInEnvironment, tokenPath } from './settings';

/**
 * What a `token` option means: a string is the token; true, the stored one, which must be there; false, none; null, the
 * stored one if there is one and HF_HUB_DISABLE_IMPLICIT_TOKEN is not set.
 * @throws LocalTokenNotFoundError, TypeError for a token of another type or with a line break in it
 */
export async function tokenFor(option: unknown): Promise<string | null> {
  if (option === false) return null;
  if (typeof option === 'string') return checkToken(option);
  if (option !== true && option !== null && option !== undefined)
    throw new TypeError(`token must be a string, true, false or null, not a ${typeof option}`);
  if (option !== true && implicitTokenDisabled()) return null;
  const stored = await storedToken();
  if (stored !== null || option !== true) return stored;
  throw new LocalTokenNotFoundError(
    'Token is required (`token: true`), but no token found. Set HF_TOKEN, or log in with `hf auth login`, which writes ' +
      `'${tokenPath()}'`,
  );
}

/** The token for a request that writes. @throws LocalTokenNotFoundError when there is none */
export async function tokenForWriting(option: unknown): Promise<string> {
  const token = await tokenFor(option === null || option === undefined ? true : option);
  if (token !== null) return token;
  throw new LocalTokenNotFoundError('Token is required to write to the Hub, and `token: false` forbids one');
}

/** HF_TOKEN, HUGGING_FACE_HUB_TOKEN, the token file: the first that says something. */
export async function storedToken(): Promise<string | null> {
  const given = tokenInEnvironment();
  if (given !== null) return checkToken(given);
  const path = tokenPath();
  const text = (await readFile(path, 'utf8').catch(() => null)) ?? (await adoptOldFile(path));
  const token = (text ?? '').replace(/[\r\n]/g, '').trim();
  return token === '' ? null : checkToken(token);
}

/** Clients of before 2022 kept the token elsewhere: it is copied, and still works. */
async function adoptOldFile(path: string): Promise<string | null> {
  const old = expandHome('~/.huggingface/token');
  const text = await readFile(old, 'utf8').catch(() => null);
  if (text === null) return null;
  await mkdir(dirname(path), { recursive: true }).catch(() => {});
  await copyFile(old, path).catch(() => {});
  return text;
}

/** A token becomes a header: what cannot stand in one is refused, and not shown. */
function checkToken(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new TypeError('the token holds a space, a line break or another character that no token has; check HF_TOKEN');
}
