/** Merges of tokenizer.json, which are handed on as lines where that is the same. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoTokenizer } from '../../lib/preprocess';
import { errorOf, scratchFolder } from '../checkpoint/scratch';

const folder = scratchFolder();

/** How a BPE cuts a text that has these merges, and the characters of the text as further tokens. */
async function tokensOf(merges: unknown[][], text: string): Promise<string[]> {
  const tokens = new Set([...text, ...merges.map((merge) => merge.join(''))]);
  const vocab = Object.fromEntries([...tokens].map((token, id) => [token, id]));
  const model = { type: 'BPE', vocab, merges };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ version: '1.0', added_tokens: [], model }));
  const tokenizer = await AutoTokenizer.from_pretrained(folder);
  try {
    return await tokenizer.tokenize(text);
  } finally {
    tokenizer.dispose();
  }
}

/** Merges that put a text together from its left end. */
const chain = (text: string) => [...text].slice(1).map((last, i) => [text.slice(0, i + 1), last]);

it.each([
  ['plain', 'abcd'],
  ['with a space in a token', 'a bc d'],
  ['of a token that begins like a header', '#versions'],
])('merges %s are all done', async (_, text) => {
  expect(await tokensOf(chain(text), text)).toEqual([text]);
  expect(await tokensOf(chain(text).slice(0, -1), text)).toEqual([text.slice(0, -1), text.slice(-1)]);
});

it.each([
  ['of three tokens', [['a', 'b', 'c']]],
  ['of numbers', [[1, 2]]],
])('merges %s are refused', async (_, merges) => {
  expect((await errorOf(() => tokensOf(merges, 'abc'))).code).toBe('ERR_TOKENIZER_FILE');
});
