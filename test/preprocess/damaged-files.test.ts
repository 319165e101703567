/** Merges and character maps of tokenizer.json: what the library ends the process at never reaches it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoTokenizer, GPT2Tokenizer } from '../../lib/preprocess';
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

describe('a file as the library writes it', () => {
  const text = 'abcd';
  const vocab = { a: 0, b: 1, c: 2, d: 3, ab: 4, abc: 5, abcd: 6, x: 7 };
  const model = {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    vocab,
    merges: chain(text),
  };
  const added = (content: string, id: number) => ({
    ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  });
  const file = {
    version: '1.0',
    truncation: { direction: 'Right', max_length: 1, strategy: 'LongestFirst', stride: 0 },
    padding: {
      strategy: { Fixed: 9 },
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 7,
      pad_type_id: 0,
      pad_token: 'x',
    },
    added_tokens: [added('<x>', 8)],
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model,
  };

  const last = 'behind the model';

  async function read(stored: string, options = {}): Promise<[ids: number[], text: string, size: number]> {
    writeFileSync(join(folder, 'tokenizer.json'), stored);
    const tokenizer = await GPT2Tokenizer.from_pretrained(folder, {
      ...{ bos_token: '<x>', eos_token: '<x>', unk_token: '<x>' },
      ...options,
    });
    try {
      const ids = await tokenizer.encode('abcD<x>ab');
      return [ids, await tokenizer.decode(ids), tokenizer.get_vocab().size];
    } finally {
      tokenizer.dispose();
    }
  }

  it.each([
    ['in lines', JSON.stringify(file, null, 2)],
    ['in one line', JSON.stringify(file)],
    ['with merges as lines', JSON.stringify({ ...file, model: { ...model, merges: ['a b', 'ab c', 'abc d'] } })],
    ['with the model first', JSON.stringify(Object.fromEntries([['model', model], ...Object.entries(file)]))],
    ['with members behind the merges', JSON.stringify({ ...file, model: { ...model, ignore_merges: false } })],
    [
      'with a list at its end',
      JSON.stringify({ ...file, decoder: undefined, [last]: { type: 'Sequence', decoders: [file.decoder] } }).replace(
        last,
        'decoder',
      ),
    ],
    [
      'with a token merges',
      JSON.stringify({
        ...file,
        model: { ...model, vocab: { ...vocab, '"merges": [': 8, merges: 9 }, merges: chain(text) },
      }),
    ],
  ])('gives the same %s', async (_, stored) => {
    const [ids, decoded, size] = await read(stored);
    expect(size).toBe(stored.includes('"merges":9') ? 11 : 9);
    expect([ids, decoded]).toEqual([[6, size - 1, 4], 'abcd<x>ab']);
  });

  it('has its parts changed by options as any other', async () => {
    const spaced = { ...vocab, Ġ: 9, Ġa: 10 };
    const merges = [['Ġ', 'a'], ...chain(text)];
    const [ids] = await read(JSON.stringify({ ...file, model: { ...model, vocab: spaced, merges } }), {
      add_prefix_space: true,
    });
    expect(ids[0]).toBe(10);
  });

  it.each([
    ['no JSON', '["a", "b"', 'ERR_JSON', /not a tokenizer file/],
    ['of an unknown token', '["a", "nowhere"]', 'ERR_TOKENIZER_FILE', /merges "a" and "nowhere"/],
    ['into an unknown token', '["a", "c"]', 'ERR_TOKENIZER_FILE', /merges "a" and "c", and has no token "ac"/],
    ['into an unknown token, in a line', '"a c"', 'ERR_TOKENIZER_FILE', /has no token "ac"/],
    ['into a name of JavaScript', '["constru", "ctor"]', 'ERR_TOKENIZER_FILE', /has no token "constructor"/],
  ])('is refused where a merge is %s, and the process lives', async (_, merge, code, words) => {
    const stored = JSON.stringify({ ...file, model: { ...model, merges: ['here'] } }).replace('"here"', merge);
    const error = await errorOf(() => read(stored));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
  });

  it.each([
    ['shorter than the prefix', { a: 0, b: 1 }, '"b"', /has no token "a"/],
    ['into an unknown token', { a: 0, '##b': 1 }, '"##b"', /has no token "ab"/],
  ])('with a prefix of inner pieces is refused where a merge is %s', async (_, pieces, right, words) => {
    const prefixed = { ...model, continuing_subword_prefix: '##', vocab: pieces, merges: [['a', JSON.parse(right)]] };
    expect((await errorOf(() => read(JSON.stringify({ ...file, model: prefixed })))).message).toMatch(words);
    const whole = { ...prefixed, vocab: { a: 0, '##b': 1, ab: 2 }, merges: [['a', '##b']] };
    const [ids] = await read(JSON.stringify({ ...file, added_tokens: [added('<x>', 3)], model: whole }));
    expect(ids[1]).toBe(3);
  });
});

it.each([
  ['missing', undefined, /no Base64/],
  ['no Base64', 'a*', /no Base64/],
  ['cut off', Buffer.alloc(3).toString('base64'), /a table of 0 bytes among 3/],
  [
    'without the table that it tells of',
    Buffer.from([0, 4, 0, 0, 1]).toString('base64'),
    /a table of 1024 bytes among 5/,
  ],
])('a character map that is %s is refused, and the process lives', async (_, precompiled_charsmap, words) => {
  const steps = {
    type: 'Sequence',
    normalizers: [{ type: 'Lowercase' }, { type: 'Precompiled', precompiled_charsmap }],
  };
  const model = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' };
  for (const normalizer of [steps, steps.normalizers[1]]) {
    writeFileSync(
      join(folder, 'tokenizer.json'),
      JSON.stringify({ version: '1.0', added_tokens: [], normalizer, model }),
    );
    const error = await errorOf(() => AutoTokenizer.from_pretrained(folder));
    expect([error.code, error.message]).toEqual(['ERR_TOKENIZER_FILE', expect.stringMatching(words)]);
  }
});

it('an empty text to replace is refused, and the process lives', async () => {
  const normalizer = { type: 'Replace', pattern: { String: '' }, content: 'a' };
  const model = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' };
  writeFileSync(
    join(folder, 'tokenizer.json'),
    JSON.stringify({ version: '1.0', added_tokens: [], normalizer, model }),
  );
  const error = await errorOf(() => AutoTokenizer.from_pretrained(folder));
  expect([error.code, error.message]).toEqual(['ERR_TOKENIZER_FILE', expect.stringMatching(/replaces the empty text/)]);
});

it('a place for a second text in the row of a single one is refused', async () => {
  const pieces = ['A', 'B'].map((id) => ({ Sequence: { id, type_id: 0 } }));
  const file = {
    version: '1.0',
    added_tokens: [],
    model: { type: 'WordLevel', vocab: { a: 0, '[UNK]': 1 }, unk_token: '[UNK]' },
    post_processor: { type: 'TemplateProcessing', single: pieces, pair: pieces, special_tokens: {} },
  };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(file));
  const error = await errorOf(() => AutoTokenizer.from_pretrained(folder));
  expect(error.code).toBe('ERR_TOKENIZER_FILE');
  expect(error.message).toContain('$B');
});
