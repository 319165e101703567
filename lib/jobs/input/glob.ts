import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** Whether a path has characters that mean something to `glob`. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/**
 * Files whose path matches `pattern`, sorted: `*` and `?` within one name, `[a-z]`, `[!a]`, `{a,b}`, and `**` for any
 * folders. Names that start with a dot match only a pattern that says so.
 */
export async function glob(pattern: string): Promise<string[]> {
  const found = new Set<string>();
  for (const plain of expandBraces(pattern)) {
    const parts = plain.split(sep === '\\' ? /[\\/]/ : '/');
    const root = parts[0] === '' ? sep : '';
    await walk(root, parts[0] === '' ? parts.slice(1) : parts, found);
  }
  return [...found].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

async function walk(folder: string, parts: string[], found: Set<string>): Promise<void> {
  const [part, ...rest] = parts;
  if (part === undefined) return;
  if (part === '' || part === '.' || part === '..' || (!isGlob(part) && rest.length > 0)) {
    return walk(join(folder, part), rest, found);
  }
  const entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true }).catch(() => []);
  if (part === '**') await walk(folder, rest.length > 0 ? rest : ['*'], found);
  const matches = part === '**' ? () => true : nameMatcher(part);
  for (const entry of entries) {
    const hidden = entry.name.startsWith('.') && !part.startsWith('.');
    if (hidden || !matches(entry.name)) continue;
    const path = join(folder, entry.name);
    if (part === '**') {
      if (entry.isDirectory()) await walk(path, parts, found);
    } else if (rest.length > 0) {
      if (!entry.isFile()) await walk(path, rest, found);
    } else if (!entry.isDirectory()) found.add(path);
  }
}

function nameMatcher(part: string): (name: string) => boolean {
  let source = '';
  for (let at = 0; at < part.length; at++) {
    const char = part[at]!;
    const close = char === '[' ? part.indexOf(']', at + 2) : -1;
    if (char === '*') source += '[\\s\\S]*';
    else if (char === '?') source += '[\\s\\S]';
    else if (close > 0) {
      const set = part.slice(at + 1, close).replace(/[\\\]^]/g, '\\$&');
      source += set.startsWith('!') ? `[^${set.slice(1)}]` : `[${set}]`;
      at = close;
    } else source += char.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  }
  const pattern = new RegExp(`^${source}$`, 'u');
  return (name) => pattern.test(name);
}

function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  const close = closingBrace(pattern, open);
  if (close < 0) return [pattern];
  const choices = splitChoices(pattern.slice(open + 1, close));
  return choices.flatMap((choice) => expandBraces(pattern.slice(0, open) + choice + pattern.slice(close + 1)));
}

function closingBrace(pattern: string, open: number): number {
  let depth = 0;
  for (let at = open; at < pattern.length; at++) {
    if (pattern[at] === '{') depth++;
    else if (pattern[at] === '}' && --depth === 0) return at;
  }
  return -1;
}

function splitChoices(inner: string): string[] {
  const choices = [''];
  let depth = 0;
  for (const char of inner) {
    if (char === ',' && depth === 0) {
      choices.push('');
      continue;
    }
    if (char === '{') depth++;
    else if (char === '}') depth--;
    choices[choices.length - 1] += char;
  }
  return choices;
}
