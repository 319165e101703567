import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { AutoTokenizer } from '../../lib/preprocess';
import { entry, ggufBytes, list, number, text, type, u32 } from '../checkpoint/gguf/gguf-bytes';
import { errorOf } from '../checkpoint/scratch';

/** Vocabularies in GGUF files without tensors, and how Transformers 5.18 cuts texts with them. */
const goldens = join(__dirname, '..', 'goldens', 'gguf');
const tokens = JSON.parse(readFileSync(join(goldens, 'tokens.json'), 'utf8')) as Record<
  string,
  { text: string; ids: number[] }[]
>;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gguf-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => setLogHook(null));

describe('a tokenizer of a GGUF file', () => {
  it.each(Object.keys(tokens))('cuts texts as Transformers does: %s', async (name) => {
    const tokenizer = await AutoTokenizer.from_pretrained(goldens, { gguf_file: `${name}-vocabulary.gguf` });
    for (const { text: given, ids } of tokens[name] ?? [])
      expect([given, await tokenizer.encode(given)]).toEqual([given, ids]);
    tokenizer.dispose();
  });

  it('gives texts back, and keeps control tokens whole', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained(join(goldens, 'llama-vocabulary.gguf'));
    const ids = await tokenizer.encode('<s>Hello, 日本 🙂</s>');
    expect([ids[0], ids.at(-1)]).toEqual([1, 2]);
    expect(await tokenizer.decode(ids, { skip_special_tokens: true })).toBe('Hello, 日本 🙂');
    expect([tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token]).toEqual(['<s>', '</s>', '<unk>']);
    tokenizer.dispose();
  });

  it('is saved as files that give the same', async () => {
    for (const name of ['llama', 'qwen2']) {
      const tokenizer = await AutoTokenizer.from_pretrained(join(goldens, `${name}-vocabulary.gguf`));
      const copy = join(folder, name);
      await tokenizer.save_pretrained(copy);
      const again = await AutoTokenizer.from_pretrained(copy);
      for (const { text: given, ids } of tokens[name] ?? []) expect(await again.encode(given)).toEqual(ids);
      expect(again.special_tokens_map).toEqual(tokenizer.special_tokens_map);
      for (const each of [tokenizer, again]) each.dispose();
    }
  });

  /** A vocabulary whose file does not say what `keys` say. */
  const without = (name: string, ...keys: string[]): string => {
    let bytes = readFileSync(join(goldens, `${name}-vocabulary.gguf`)).toString('latin1');
    for (const key of keys) bytes = bytes.replace(`tokenizer.ggml.${key}`, `tokenizer.none.${key}`);
    const path = join(folder, `${name}-${keys.join('-')}.gguf`);
    writeFileSync(path, bytes, 'latin1');
    return path;
  };

  it('takes a SentencePiece vocabulary without an id of the unknown token as one without special <unk>', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained(without('llama', 'unknown_token_id'));
    expect([tokenizer.unk_token, tokenizer.all_special_ids]).toEqual([null, [1, 2]]);
    expect(await tokenizer.decode([1, 0, 2, 155, 134], { skip_special_tokens: true })).toMatch(/^<unk>/);
    const named = await AutoTokenizer.from_pretrained(join(goldens, 'llama-vocabulary.gguf'));
    expect(await named.decode([1, 0, 2, 155, 134], { skip_special_tokens: true })).not.toMatch(/unk/);
    for (const each of [tokenizer, named]) each.dispose();
  });

  it.each([
    ['gpt2', [], { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', unk_token: '<|endoftext|>' }, [397]],
    [
      'gpt2',
      ['bos_token_id', 'eos_token_id'],
      { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', unk_token: '<|endoftext|>' },
      [397],
    ],
    [
      'qwen2',
      ['bos_token_id', 'eos_token_id'],
      { eos_token: '<|endoftext|>', unk_token: '<|endoftext|>', pad_token: '<|endoftext|>' },
      [404],
    ],
  ])('of %s without %j takes the special tokens of its family', async (name, keys, tokens_, ids) => {
    const tokenizer = await AutoTokenizer.from_pretrained(without(name, ...keys));
    expect([tokenizer.special_tokens_map, tokenizer.all_special_ids]).toEqual([tokens_, ids]);
    const given = [1, ids[0] as number, 2];
    expect(await tokenizer.decode(given, { skip_special_tokens: true })).toBe('"#');
    expect(await tokenizer.decode(given)).toBe('"<|endoftext|>#');
    tokenizer.dispose();
  });

  it('pads with the token of the Qwen2 family where the file names none, and keeps the ids that it names', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained(join(goldens, 'qwen2-vocabulary.gguf'));
    expect([tokenizer.eos_token, tokenizer.pad_token]).toEqual(['<|im_end|>', '<|endoftext|>']);
    const { input_ids } = await tokenizer(['a', 'a b'], { padding: true });
    expect(input_ids.dims).toEqual([2, 2]);
    tokenizer.dispose();
  });

  const written = (entries: Buffer[]): string => {
    const path = join(folder, 'damaged.gguf');
    writeFileSync(path, ggufBytes({ entries }));
    return path;
  };
  const model = (kind: string) => entry('tokenizer.ggml.model', type('string'), text(kind));
  const words = entry('tokenizer.ggml.tokens', list('string', 2, text('a'), text('b')));
  it.each([
    ['no tokenizer', [], 'ERR_NO_TOKENIZER', /holds no tokenizer/],
    ['a kind that is not built', [model('bert'), words], 'ERR_NO_TOKENIZER', /kind 'bert'/],
    ['no tokens', [model('gpt2')], 'ERR_TOKENIZER_FILE', /tokens is missing/],
    ['neither merges nor scores', [model('llama'), words], 'ERR_TOKENIZER_FILE', /neither .*merges nor a score/],
    [
      'a merge into a token that it lacks',
      [model('gpt2'), words, entry('tokenizer.ggml.merges', list('string', 1, text('a b')))],
      'ERR_TOKENIZER_FILE',
      /merges "a" and "b", and has no token "ab"/,
    ],
    [
      'an id beyond its tokens',
      [
        model('llama'),
        words,
        entry('tokenizer.ggml.scores', list('float32', 2, number('float32', 0), number('float32', 0))),
        entry('tokenizer.ggml.bos_token_id', type('uint32'), u32(7)),
      ],
      'ERR_TOKENIZER_FILE',
      /bos_token is token 7, and there are 2/,
    ],
  ])('is refused by name where there is %s', async (_, entries, code, words_) => {
    const error = await errorOf(() => AutoTokenizer.from_pretrained(written(entries)));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(words_)]);
  });
});
