import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { AutoTokenizer, type PreTrainedTokenizer, type TokenizerOptions } from '../../lib/preprocess';
import { Tensor } from '../../lib/tensor/tensor';
import { kTokenizers } from './golden-tokenizers';

const load = (name: string, options = {}) => AutoTokenizer.from_pretrained(join(kTokenizers, name), options);

let bert: PreTrainedTokenizer;
let warnings: string[];
beforeAll(async () => {
  bert = await load('bert');
});
beforeEach(() => {
  warnings = [];
  setLogHook((_level, message) => warnings.push(message));
});
afterAll(() => {
  bert.dispose();
  setLogHook(null);
});

describe('the result of a tokenizer call', () => {
  it('is int64 Tensors [1, T] for one text', async () => {
    const { input_ids, attention_mask, token_type_ids } = await bert('the cat');
    expect([input_ids.type, input_ids.dims, [...(input_ids.data as BigInt64Array)]]).toEqual([
      'int64',
      [1, 4],
      [2n, 222n, 309n, 3n],
    ]);
    expect(attention_mask.tolist()).toEqual([[1n, 1n, 1n, 1n]]);
    expect(token_type_ids?.tolist()).toEqual([[0n, 0n, 0n, 0n]]);
  });

  it('is [B, T] for a list, [B, T, 2] for offsets, [B] for lengths and samples', async () => {
    const options = {
      padding: true,
      return_offsets_mapping: true,
      return_length: true,
      return_overflowing_tokens: true,
      truncation: true,
      max_length: 4,
    };
    const found = await bert(['the cat', 'the cat watches a wooden bridge'], options);
    const dims = Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, (tensor as Tensor).dims]));
    expect(dims).toEqual({
      input_ids: [4, 4],
      token_type_ids: [4, 4],
      attention_mask: [4, 4],
      offset_mapping: [4, 4, 2],
      length: [4],
      overflow_to_sample_mapping: [4],
    });
    expect((found.overflow_to_sample_mapping as Tensor).tolist()).toEqual([0n, 1n, 1n, 1n]);
  });

  it('is nested arrays with return_tensor: false, and one row for one text', async () => {
    expect({ ...(await bert('the cat', { return_tensor: false })) }).toEqual({
      input_ids: [2, 222, 309, 3],
      token_type_ids: [0, 0, 0, 0],
      attention_mask: [1, 1, 1, 1],
    });
    expect((await bert(['the cat', 'the'], { return_tensor: false })).input_ids).toEqual([
      [2, 222, 309, 3],
      [2, 222, 3],
    ]);
  });

  it('holds nothing but its columns', async () => {
    expect(Object.keys(await bert('a'))).toEqual(['input_ids', 'token_type_ids', 'attention_mask']);
    expect({ ...(await bert('a', { return_tensor: false })) }).toEqual({
      input_ids: [2, 20, 3],
      token_type_ids: [0, 0, 0],
      attention_mask: [1, 1, 1],
    });
  });

  it('pads the same numbers into Tensors and arrays, on either side', async () => {
    const texts = ['the cat', 'the cat watches a wooden bridge', ''];
    for (const padding_side of ['left', 'right'] as const) {
      const options = { padding: true, padding_side, return_special_tokens_mask: true, return_offsets_mapping: true };
      const tensors = await bert(texts, options);
      const lists = await bert(texts, { ...options, return_tensor: false });
      for (const [name, list] of Object.entries(lists))
        expect((tensors as unknown as Record<string, Tensor>)[name]?.tolist()).toEqual(
          JSON.parse(JSON.stringify(list), (_key, value) => (typeof value === 'number' ? BigInt(value) : value)),
        );
    }
  });

  it('has the columns of model_input_names', async () => {
    for (const [name, columns] of Object.entries({
      mpnet: ['input_ids', 'attention_mask'],
      roberta: ['input_ids', 'attention_mask'],
      albert: ['input_ids', 'token_type_ids', 'attention_mask'],
      modernbert: ['input_ids', 'attention_mask'],
    })) {
      const tokenizer = await load(name);
      expect(Object.keys(await tokenizer('a'))).toEqual(columns);
      tokenizer.dispose();
    }
  });

  it('counts offsets in UTF-16 units, lone surrogates included', async () => {
    const tokenizer = await load('modernbert');
    const text = '👩‍👩 the \ud83d cat';
    const { offset_mapping } = await tokenizer(text, { return_offsets_mapping: true, return_tensor: false });
    const pieces = offset_mapping!.map(([start, end]) => text.slice(start, end));
    expect([...new Set(pieces)]).toEqual(['', '👩', '\u200d', 'the', '\ud83d', 'cat']);
    tokenizer.dispose();
  });

  it('says `await` when it is read without', async () => {
    const promise = bert('a') as unknown as Record<string, unknown> & Promise<unknown>;
    for (const name of ['input_ids', 'attention_mask', 'token_type_ids', 'offset_mapping'])
      expect(() => promise[name]).toThrow(/await/);
    expect(Object.keys(promise)).toEqual([]);
    await expect(promise).resolves.toBeDefined();
  });
});

describe('what a tokenizer call refuses', () => {
  it.each<[string, unknown, TokenizerOptions | string, string, RegExp]>([
    ['rows of several lengths in one Tensor', ['a', 'the cat'], {}, 'ERR_RAGGED', /padding: true/],
    ['no text', null, {}, 'ERR_VALUE', /null or undefined/],
    ['an empty list', [], {}, 'ERR_VALUE', /empty/],
    ['a number among the texts', ['a', 5], {}, 'ERR_TYPE', /text\[1\].*number/],
    ['a list of words without saying so', [['a', 'b', 'c']], {}, 'ERR_TYPE', /is_split_into_words/],
    ['a string where words are due', 'a b', { is_split_into_words: true }, 'ERR_TYPE', /list of words/],
    ['a pair of another kind', 'a', { text_pair: ['b'] }, 'ERR_TYPE', /text_pair must be a string/],
    ['a pair list of another length', ['a', 'b'], { text_pair: ['c'] }, 'ERR_VALUE', /2 items.*1/],
    ['one pair for several texts', ['a', 'b'], { text_pair: 'c' }, 'ERR_TYPE', /must be a list/],
    ['an unknown option', 'a', { paddin: true } as TokenizerOptions, 'ERR_UNKNOWN_NAME', /did you mean 'padding'/],
    [
      "Python's return_tensors",
      'a',
      { return_tensors: 'pt' } as TokenizerOptions,
      'ERR_UNKNOWN_NAME',
      /return_tensor'/,
    ],
    ['a pair in the place of the options', 'a', 'b', 'ERR_TYPE', /text_pair/],
    ['an unknown strategy', 'a', { truncation: 'longest' as never }, 'ERR_VALUE', /longest_first/],
    ['an unknown side', 'a', { padding_side: 'top' as never }, 'ERR_VALUE', /'left', 'right'/],
    ['a boolean that is none', 'a', { add_special_tokens: 1 as never }, 'ERR_TYPE', /true or false/],
    ['a fractional max_length', 'a', { max_length: 1.5, truncation: true }, 'ERR_VALUE', /integer/],
    [
      'no room for special tokens',
      'the cat',
      { max_length: 1, truncation: true },
      'ERR_TRUNCATION',
      /2 special tokens/,
    ],
    [
      'a stride without progress',
      'the cat',
      { max_length: 4, stride: 3, truncation: true },
      'ERR_TRUNCATION',
      /stride/,
    ],
    [
      'only_second without a second',
      'the cat',
      { max_length: 3, truncation: 'only_second' },
      'ERR_TRUNCATION',
      /text_pair.*sample 0/,
    ],
    [
      'lengths that are no multiple',
      ['a'],
      { padding: true, truncation: true, max_length: 9, pad_to_multiple_of: 8 },
      'ERR_VALUE',
      /multiple/,
    ],
  ])('%s', async (_name, text, options, code, message) => {
    const call = bert(text as string, options as TokenizerOptions);
    await expect(call).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('padding without a padding token', async () => {
    const tokenizer = await load('modernbert', { pad_token: null });
    await expect(tokenizer(['a', 'b'], { padding: true })).rejects.toMatchObject({ code: 'ERR_NO_PAD_TOKEN' });
    tokenizer.pad_token = tokenizer.sep_token;
    const { input_ids } = await tokenizer(['a', 'a b'], { padding: true, return_tensor: false });
    expect(input_ids[0]!.at(-1)).toBe(tokenizer.sep_token_id);
    tokenizer.dispose();
  });
});

describe('what a tokenizer call warns of, once', () => {
  it.each<[string, string | string[], TokenizerOptions, RegExp]>([
    ['truncation that nobody asked for', 'a', { max_length: 5 }, /pass truncation: true/],
    ['a max_length without effect', ['a'], { max_length: 5, padding: true }, /max_length does nothing/],
    ['a multiple without padding', 'a', { pad_to_multiple_of: 8 }, /pad_to_multiple_of does nothing/],
    ['a text longer than the model takes', 'a '.repeat(70), {}, /72 tokens, more than the 64/],
  ])('%s', async (_name, text, options, message) => {
    const tokenizer = await load('bert');
    await tokenizer(text, { ...options, verbose: false });
    expect(warnings).toEqual([]);
    await tokenizer(text, options);
    await tokenizer(text, options);
    expect(warnings).toEqual([expect.stringMatching(message)]);
    tokenizer.dispose();
  });

  it('a maximum length that nothing sets', async () => {
    const tokenizer = await load('modernbert');
    expect((await tokenizer('a b', { truncation: true })).input_ids.dims[0]).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/neither max_length nor the tokenizer/)]);
    tokenizer.dispose();
  });
});

describe('encode, decode and their like', () => {
  it('encodes one text or a pair to ids', async () => {
    expect(await bert.encode('the cat')).toEqual([2, 222, 309, 3]);
    expect(await bert.encode('the', { text_pair: 'cat' })).toEqual([2, 222, 3, 309, 3]);
    expect(await bert.encode('the cat', { add_special_tokens: false })).toEqual([222, 309]);
    expect((await bert.encode('the cat', { return_tensor: true })).dims).toEqual([1, 4]);
    await expect(bert.encode(['the', 'cat'])).rejects.toMatchObject({ code: 'ERR_TYPE' });
  });

  it('decodes arrays, bigints, typed arrays and Tensors alike', async () => {
    const ids = [2, 222, 309, 3];
    const tensor = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, 4]);
    for (const form of [ids, ids.map(BigInt), Int32Array.from(ids), tensor, [ids]])
      expect(await bert.decode(form as number[], { skip_special_tokens: true })).toBe('the cat');
    expect(await bert.batch_decode(new Tensor('int64', BigInt64Array.from([...ids, ...ids], BigInt), [2, 4]))).toEqual([
      '[CLS] the cat [SEP]',
      '[CLS] the cat [SEP]',
    ]);
    expect(await bert.batch_decode([222, 309])).toEqual(['the', 'cat']);
    expect(await bert.decode(222)).toBe('the');
    expect(await bert.decode([])).toBe('');
    expect(await bert.batch_decode([])).toEqual([]);
  });

  it('refuses what cannot be ids', async () => {
    for (const ids of [[-1], [1.5], ['a'], [2 ** 31]])
      await expect(bert.decode(ids as number[])).rejects.toMatchObject({ code: 'ERR_TOKEN_ID' });
    await expect(bert.decode([[1], [2]] as never)).rejects.toMatchObject({
      message: expect.stringMatching(/batch_decode/),
    });
    await expect(bert.decode('abc' as never)).rejects.toMatchObject({ code: 'ERR_TOKEN_ID' });
    await expect(bert.decode(null as never)).rejects.toMatchObject({ code: 'ERR_TYPE' });
    await expect(bert.decode([1], { skip_special_token: true } as never)).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_NAME',
    });
  });

  it('converts tokens to ids and back, unknown ones to the unknown token', () => {
    expect(bert.convert_tokens_to_ids('cat')).toBe(309);
    expect(bert.convert_tokens_to_ids(['[CLS]', 'cat', 'no such token'])).toEqual([2, 309, 1]);
    expect(bert.convert_ids_to_tokens(309)).toBe('cat');
    expect(bert.convert_ids_to_tokens([2, 309, 99999])).toEqual(['[CLS]', 'cat', null]);
    expect(bert.convert_ids_to_tokens([2n, 309n], { skip_special_tokens: true })).toEqual(['cat']);
    expect(bert.get_vocab().get('cat')).toBe(309);
  });

  it('reads and sets special tokens by text and by id', async () => {
    const tokenizer = await load('bert');
    expect([tokenizer.cls_token, tokenizer.cls_token_id, tokenizer.bos_token, tokenizer.bos_token_id]).toEqual([
      '[CLS]',
      2,
      null,
      null,
    ]);
    tokenizer.bos_token = 'the';
    expect(tokenizer.bos_token_id).toBe(222);
    tokenizer.eos_token_id = 309;
    expect(tokenizer.eos_token).toBe('cat');
    tokenizer.additional_special_tokens = ['a'];
    expect(tokenizer.additional_special_tokens_ids).toEqual([20]);
    expect(tokenizer.all_special_ids).toEqual([222, 309, 1, 3, 0, 2, 4, 20]);
    expect(() => (tokenizer.pad_token = 5 as never)).toThrow(/pad_token/);
    tokenizer.dispose();
  });

  it('has no chat templates yet, and says so', async () => {
    await expect(bert.apply_chat_template()).rejects.toMatchObject({ code: 'ERR_NOT_IMPLEMENTED' });
  });
});
