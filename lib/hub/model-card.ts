import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ValueError } from '../errors';
import { warn } from '../logging';
import { hubDownload } from './download';
import { isEntryNotFound, statusOf } from './hub-errors';
import type { HubOptions } from './options';
import { endpoint } from './settings';
import { uploadFetch } from './upload-fetch';

export const CARD_NAME = 'README.md';

/**
 * Sees to the model card in `folder`: the folder's own, else the repository's, else a new one; with `tags` among its
 * metadata. It is written only if it changes.
 * @returns whether it was written
 * @throws ValueError `ERR_HUB_CARD` when the Hub finds its metadata wrong; what asking the Hub throws
 */
export async function prepareModelCard(
  folder: string,
  repo: string,
  tags: readonly string[],
  token: string,
  options: HubOptions,
): Promise<boolean> {
  const path = join(folder, CARD_NAME);
  const own = await readFile(path, 'utf8').catch(() => null);
  const stored = own ?? (await storedCard(repo, token, options));
  const card = stored === null ? newCard(repo, tags) : withTags(stored, tags);
  if (card === stored) return false;
  await validate(card, token, options);
  await writeFile(path, card);
  return true;
}

async function storedCard(repo: string, token: string, options: HubOptions): Promise<string | null> {
  try {
    return await readFile(await hubDownload(repo, CARD_NAME, { ...options, token }), 'utf8');
  } catch (error) {
    if (isEntryNotFound(error)) return null;
    throw error;
  }
}

/** A card of few words, with what Python and the Hub's pages look for. */
export function newCard(repo: string, tags: readonly string[]): string {
  const list = tags.length === 0 ? 'tags: []' : ['tags:', ...tags.map((tag) => `- ${yamlText(tag)}`)].join('\n');
  const name = repo.slice(repo.indexOf('/') + 1);
  return (
    `---\nlibrary_name: transformers\n${list}\n---\n\n# ${name}\n\n` +
    'The weights are in the format of Hugging Face Transformers.\n\n' +
    '```python\nfrom transformers import AutoModel\n\n' +
    `model = AutoModel.from_pretrained("${repo}")\n\`\`\`\n`
  );
}

/** The card with `tags` among those of its front matter; the rest of it stays as it is, letter for letter. */
export function withTags(card: string, tags: readonly string[]): string {
  if (tags.length === 0) return card;
  const newline = card.includes('\r\n') ? '\r\n' : '\n';
  const front = /^---[ \t]*\r?\n([\s\S]*?)(?:^)---[ \t]*(?:\r?\n|$)/m.exec(card);
  if (front === null || front.index !== 0)
    return [`---`, 'tags:', ...items(tags), '---', ''].join(newline) + newline + card;
  const lines = (front[1] as string).split(/\r?\n/).slice(0, -1);
  const changed = tagLines(lines, tags);
  if (changed === null) {
    warn(
      `the tags ${tags.join(', ')} are not added to the model card: its front matter has tags in a form that is not changed here`,
    );
    return card;
  }
  if (changed === lines) return card;
  const start = card.indexOf('\n') + 1;
  const body = changed.map((line) => line + newline).join('');
  return card.slice(0, start) + body + card.slice(start + (front[1] as string).length);
}

/** The lines of the front matter with the tags; the same ones when they have them, null when they are not understood. */
function tagLines(lines: string[], tags: readonly string[]): string[] | null {
  const at = lines.findIndex((line) => /^tags[ \t]*:/.test(line));
  if (at < 0) return [...lines, 'tags:', ...items(tags)];
  const value = (lines[at] as string).replace(/^tags[ \t]*:/, '').trim();
  if (value !== '') {
    const flow = /^\[([^[\]{}#&*!|>]*)\]$/.exec(value)?.[1];
    const word = /^[\w.-]+$/.test(value) ? value : null;
    if (flow === undefined && word === null) return null;
    const present = (flow ?? word ?? '')
      .split(',')
      .map(plainText)
      .filter((tag) => tag !== '');
    const missing = tags.filter((tag) => !present.includes(tag));
    if (missing.length === 0) return lines;
    const all = [...present, ...missing].map(yamlText).join(', ');
    return lines.with(at, `tags: [${all}]`);
  }
  let end = at + 1;
  while (end < lines.length && /^[ \t]*(-[ \t]|-$|#|$)/.test(lines[end] as string)) end++;
  while (end > at + 1 && !/^[ \t]*-/.test(lines[end - 1] as string)) end--;
  const present = lines.slice(at + 1, end).map((line) => plainText(line.replace(/^[ \t]*-/, '')));
  const missing = tags.filter((tag) => !present.includes(tag));
  if (missing.length === 0) return lines;
  const indent = /^[ \t]*/.exec(lines[at + 1] ?? '')?.[0] ?? '';
  return lines.toSpliced(end, 0, ...items(missing, end > at + 1 ? indent : ''));
}

function items(tags: readonly string[], indent = ''): string[] {
  return tags.map((tag) => `${indent}- ${yamlText(tag)}`);
}

function plainText(text: string): string {
  return text.trim().replace(/^(['"])(.*)\1$/, '$2');
}

/** A word as it is; anything that YAML could read otherwise in quotes. */
export function yamlText(text: string): string {
  const isPlain = /^[A-Za-z][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}

async function validate(card: string, token: string, options: HubOptions): Promise<void> {
  const fetch = uploadFetch(token, options);
  try {
    await fetch(`${endpoint()}/api/validate-yaml`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ repoType: 'model', content: card }),
    });
  } catch (error) {
    if (statusOf(error) !== 400) throw error;
    throw new ValueError(`the Hub finds the model card's metadata wrong: ${(error as Error).message}`, {
      code: 'ERR_HUB_CARD',
      cause: error,
    });
  }
}
