import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { AutoTokenizer, BertTokenizer, type PreTrainedTokenizer } from '../../lib/preprocess';
import { errorOf } from '../checkpoint/scratch';
import { kTokenizers } from './golden-tokenizers';
import {
  bytes,
  characterMap,
  float,
  number,
  piece,
  sentencePieceBytes,
  specialPieces,
  varint,
} from './sentence-piece-bytes';
import { kVocabularies } from './vocabulary-folder';

/** What is no vocabulary is refused with a code, by the file's name and the place in it. */

let scratch: string;
let open: PreTrainedTokenizer;
beforeAll(async () => {
  open = await AutoTokenizer.from_pretrained(join(kTokenizers, 'bert')); // the tokenizer thread stays while there is one
});
afterAll(() => open.dispose());
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'vocabulary-'));
  setLogHook(() => {});
});
afterEach(() => {
  rmSync(scratch, { recursive: true });
  setLogHook(null);
});

type Content = string | Uint8Array;

function write(family: string, files: Record<string, Content>, config?: object): string {
  writeFileSync(join(scratch, 'config.json'), JSON.stringify({ model_type: family }));
  if (config) writeFileSync(join(scratch, 'tokenizer_config.json'), JSON.stringify(config));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(scratch, name), content);
  return scratch;
}

const load = (options = {}) => AutoTokenizer.from_pretrained(scratch, options);
const idsOf = async (tokenizer: PreTrainedTokenizer, text: string): Promise<number[]> => {
  const ids = await tokenizer.encode(text, { add_special_tokens: false });
  tokenizer.dispose();
  return ids;
};

const damaged = 'ERR_TOKENIZER_FILE';

describe('vocab.txt', () => {
  it.each<[string, Content, RegExp]>([
    ['is empty', '', /vocab\.txt'.*no token/],
    ['holds a token twice', '[UNK]\na\nb\na\n', /vocab\.txt'.*line 4 is the token "a" of line 2 again/],
    ['is not UTF-8', Uint8Array.of(0x61, 0xff), /vocab\.txt'.*not UTF-8/],
  ])('%s', async (_, content, words) => {
    write('bert', { 'vocab.txt': content });
    expect(await errorOf(load)).toMatchObject({
      name: 'ValueError',
      code: damaged,
      message: expect.stringMatching(words),
    });
  });

  it('may end without a line feed, in carriage returns, and in empty lines', async () => {
    for (const content of ['[UNK]\na\nb', '[UNK]\r\na\r\nb\r\n', '[UNK]\na\nb\n\n\n']) {
      write('bert', { 'vocab.txt': content });
      expect(await idsOf(await load(), 'b a c')).toEqual([2, 1, 0]);
    }
  });

  it('is read by its class, or by one that is asked for, where nothing names one', async () => {
    writeFileSync(join(scratch, 'vocab.txt'), '[UNK]\na\n');
    const error = await errorOf(load);
    expect([error.code, error.message]).toEqual([
      'ERR_NO_TOKENIZER',
      expect.stringMatching(/holds vocab\.txt.*tokenizer_type/),
    ]);
    expect(await idsOf(await BertTokenizer.from_pretrained(scratch), 'a')).toEqual([1]);
    expect(await idsOf(await load({ tokenizer_type: 'bert' }), 'a')).toEqual([1]);
    writeFileSync(join(scratch, 'bert_config.json'), '{}'); // as Google's releases have it
    expect(await idsOf(await load(), 'a')).toEqual([1]);
  });

  it('is too large', async () => {
    write('bert', { 'vocab.txt': 'a\n' });
    truncateSync(join(scratch, 'vocab.txt'), 65 * 1024 * 1024);
    expect(await errorOf(load)).toMatchObject({ code: damaged, message: expect.stringMatching(/68157440 bytes/) });
  });

  it('is a folder', async () => {
    write('bert', {});
    mkdirSync(join(scratch, 'vocab.txt'));
    expect(await errorOf(load)).toMatchObject({
      name: 'OSError',
      message: expect.stringMatching(/vocab\.txt' is a folder/),
    });
  });
});

describe('vocab.json and merges.txt', () => {
  const vocab = JSON.stringify({ a: 0, b: 1, ab: 2, '<|endoftext|>': 3 });
  it.each<[string, Content, Content, RegExp]>([
    ['no JSON', '{', '', /vocab\.json'.*not valid JSON/],
    ['a list', '[]', '', /vocab\.json'.*object of ids by token/],
    ['nothing', '{}', '', /vocab\.json'.*no token/],
    ['an id that is a text', '{"a":"0"}', '', /"a" has the id "0"/],
    [
      'an object for an id',
      `{"a":${'{"b":'.repeat(9000)}0${'}'.repeat(9000)}}`,
      '',
      /"a" has an object in place of an id$/,
    ],
    ['a token without end', `{"${'a'.repeat(9000)}":-1}`, '', /^.{600,900}…$/],
    ['a negative id', '{"a":-1}', '', /"a" has the id -1/],
    ['a fraction for an id', '{"a":0.5}', '', /"a" has the id 0\.5/],
    ['an id beyond all', '{"a":4294967295}', '', /"a" has the id 4294967295/],
    ['an id twice', '{"a":0,"b":0}', '', /"a" and "b" both have the id 0/],
    ['a merge of three', vocab, '#version: 0.2\na b\na b c\n', /merges\.txt'.*line 3 must be two tokens.*"a b c"/],
    ['an empty line', vocab, '#version: 0.2\n\na b\n', /merges\.txt'.*line 2/],
    ['a merge of an unknown token', vocab, '#version: 0.2\na c\n', /line 2 merges a and c.*vocab\.json.*no token "c"/],
    ['a merge into an unknown token', vocab, '#version: 0.2\nb a\n', /line 2 merges b and a.*no token "ba"/],
    ['merges that are not UTF-8', vocab, Uint8Array.of(0x23, 0x0a, 0xff), /merges\.txt'.*not UTF-8/],
  ])('hold %s', async (_, json, merges, words) => {
    write('gpt2', { 'vocab.json': json, 'merges.txt': merges });
    expect(await errorOf(load)).toMatchObject({
      name: 'ValueError',
      code: damaged,
      message: expect.stringMatching(words),
    });
  });

  it('are both there', async () => {
    write('roberta', { 'vocab.json': vocab });
    expect(await errorOf(load)).toMatchObject({
      name: 'OSError',
      code: 'ERR_NO_TOKENIZER',
      message: expect.stringMatching(
        /neither tokenizer\.json nor merges\.txt.*RobertaTokenizer.*holds config\.json, vocab\.json/,
      ),
    });
  });

  it('have a line of the version, and a line feed behind the last merge; Qwen2 needs neither', async () => {
    const merges = { 'a b\n': [2, 2], '#version: 0.2\na b\n': [2, 2], '#version: 0.2\na b': [2, 2], 'a b': [2, 2] };
    const gpt2 = [
      [0, 1, 0, 1],
      [2, 2],
      [0, 1, 0, 1],
      [0, 1, 0, 1],
    ];
    for (const [i, [text, ids]] of Object.entries(merges).entries()) {
      write('gpt2', { 'vocab.json': vocab, 'merges.txt': text });
      expect(await idsOf(await load(), 'abab')).toEqual(gpt2[i]);
      write('qwen2', {});
      expect(await idsOf(await load(), 'abab')).toEqual(ids);
    }
  });
});

describe('a model of SentencePiece', () => {
  const letters = ['▁', 'a', 'b'].map((text) => piece(text, -1));
  const long = piece('x'.repeat(40_000), -1);
  it.each<[string, Content, RegExp]>([
    ['nothing', '', /no piece: it is no model/],
    ['text', 'hello world', /spiece\.model'.*byte/],
    ['a number that ends too soon', Buffer.from([0x80]), /ends within the number at byte 1/],
    ['a number without end', Buffer.alloc(12, 0xff), /longer than ten bytes/],
    ['a field of no number', Buffer.from([0x02, 0x00]), /no field at byte 0/],
    ['a field that begins a group', Buffer.from([0x0b]), /of the kind 3, which is none/],
    [
      'a field beyond the file',
      Buffer.concat([varint(10), varint(2n ** 62n)]),
      /4611686018427388000 bytes, and 0 are left/,
    ],
    ['a field beyond its piece', bytes(1, Buffer.from([0x0a, 0x05, 0x61])), /has 5 bytes, and 1 are left/],
    ['half a score', bytes(1, Buffer.from([0x15, 0])), /has 4 bytes, and 1 are left/],
    ['an empty piece', sentencePieceBytes({ pieces: [piece('')] }), /piece 3 is empty/],
    ['a piece twice', sentencePieceBytes({ pieces: [...letters, piece('a')] }), /piece 6 is piece 4 \("a"\) again/],
    [
      'a piece that is not UTF-8',
      sentencePieceBytes({ pieces: [piece(Uint8Array.of(0xc3))] }),
      /text at byte \d+ is not UTF-8/,
    ],
    [
      'a score that is no number',
      sentencePieceBytes({ pieces: [piece('a', NaN)] }),
      /piece 3 \("a"\) has the score NaN/,
    ],
    ['an infinite score', sentencePieceBytes({ pieces: [piece('a', Infinity)] }), /has the score Infinity/],
    ['no unknown piece', Buffer.concat(letters), /one piece must be the unknown one, and 0 are/],
    ['two unknown pieces', sentencePieceBytes({ pieces: [piece('u', 0, 2)] }), /and 2 are/],
    ['words', sentencePieceBytes({ type: 3 }), /cuts texts into words/],
    ['characters', sentencePieceBytes({ type: 4 }), /cuts texts into characters/],
    ['an unknown piece beyond', sentencePieceBytes({ unknown: 1000 }), /unknown piece is number 1000 of 103/],
    ['an unknown piece before', sentencePieceBytes({ unknown: -1n }), /unknown piece is number -1 of 103/],
    ['tokens without end', sentencePieceBytes({ type: 2, pieces: [long] }), /too long to find out/],
    [
      'a character map of a byte',
      sentencePieceBytes({ characterMap: Buffer.alloc(1) }),
      /precompiled_charsmap\) is damaged/,
    ],
    [
      'a map longer than itself',
      sentencePieceBytes({ characterMap: characterMap({}).subarray(0, 800) }),
      /is damaged: a table of 1024/,
    ],
    [
      'a map of an odd size',
      sentencePieceBytes({ characterMap: characterMap({}, '', 1028) }),
      /is damaged: a table of 1028/,
    ],
    [
      'a map that leads out',
      sentencePieceBytes({ characterMap: characterMap({ 5: 300 << 10 }) }),
      /entry 5 .* points beyond it/,
    ],
    [
      'a map to no text',
      sentencePieceBytes({ characterMap: characterMap({ 5: (1 << 10) | 256, 4: 2 ** 31 + 999 }) }),
      /entry 5 .*text at 999/,
    ],
    [
      'a map into a letter',
      sentencePieceBytes({ characterMap: characterMap({ 5: (1 << 10) | 256, 4: 2 ** 31 + 1 }, 'é\0') }),
      /text at 1,/,
    ],
    [
      'a map of no letters',
      sentencePieceBytes({ characterMap: Buffer.concat([characterMap({}), Buffer.of(0xff)]) }),
      /not UTF-8/,
    ],
  ])('of %s is refused', async (_, content, words) => {
    write('t5', { 'spiece.model': content });
    expect(await errorOf(load)).toMatchObject({
      name: 'ValueError',
      code: damaged,
      message: expect.stringMatching(words),
    });
  });

  it('that is cut off anywhere is refused, or ends between two fields', async () => {
    const whole = readFileSync(join(kVocabularies, 'llama.model'));
    let refused = 0;
    for (let length = 0; length < whole.length; length += 97) {
      write('llama', { 'tokenizer.model': whole.subarray(0, length) });
      const result = await load().catch((error: { code?: string }) => error);
      if ('dispose' in result) (result as PreTrainedTokenizer).dispose();
      else {
        expect(result.code).toBe(damaged);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(90);
  });

  it('may have fields that are not known, and says nothing of what it leaves out', async () => {
    const unknown = [number(90, 5), float(91, 1), bytes(92, 'x'), Buffer.concat([varint(93 * 8 + 1), Buffer.alloc(8)])];
    write('t5', { 'spiece.model': Buffer.concat([...specialPieces, ...letters, ...unknown]) }, { extra_ids: 0 });
    expect(await idsOf(await load(), 'ab')).toEqual([3, 4, 5]);
  });

  it('keeps its scores to the last bit: among equally good cuts they decide', async () => {
    // As Transformers 4.57.6 cuts it, which gives 5, 5, 5, 4 when it reads its own tokenizer.json.
    const pieces = [piece('▁', -1), piece('a', -2.2211451530456543), piece('aa', -3.7162013053894043)];
    write('t5', { 'spiece.model': sentencePieceBytes({ pieces }) }, { extra_ids: 0, add_prefix_space: false });
    const tokenizer = await load();
    const copy = join(scratch, 'copy');
    await tokenizer.save_pretrained(copy);
    expect(await idsOf(tokenizer, 'aaaaaaa')).toEqual([4, 5, 5, 5]);
    rmSync(join(copy, 'spiece.model'));
    expect(await idsOf(await AutoTokenizer.from_pretrained(copy), 'aaaaaaa')).toEqual([5, 5, 5, 4]);
  });

  it('of too few pieces for its family is refused', async () => {
    write('xlm-roberta', { 'sentencepiece.bpe.model': Buffer.concat([piece('<unk>', 0, 2)]) });
    expect(await errorOf(load)).toMatchObject({
      code: damaged,
      message: expect.stringMatching(/holds 1 pieces, and the first 3/),
    });
  });

  it.each([
    [{ extra_ids: -1 }, /extra_ids must be a whole number/],
    [{ extra_ids: 1e9 }, /extra_ids must be a whole number/],
    [{ extra_ids: 3, additional_special_tokens: ['<extra_id_0>'] }, /extra_ids is 3, and .* have 1 of/],
  ])('with T5 set up as %j is refused', async (config, words) => {
    write('t5', { 'spiece.model': sentencePieceBytes({ pieces: letters }) }, config);
    expect(await errorOf(load)).toMatchObject({ code: 'ERR_VALUE', message: expect.stringMatching(words) });
  });

  it('with a token around texts that there is not is refused', async () => {
    write('llama', { 'tokenizer.model': sentencePieceBytes({ pieces: letters }) }, { bos_token: null });
    expect(await errorOf(load)).toMatchObject({
      message: expect.stringMatching(/add_bos_token is on, and there is no bos_token/),
    });
    write(
      'albert',
      { 'spiece.model': sentencePieceBytes({ pieces: letters }) },
      { unk_token: null, cls_token: 'c', sep_token: 's', bos_token: 'c', eos_token: 's' },
    );
    expect(await errorOf(load)).toMatchObject({
      code: damaged,
      message: expect.stringMatching(/has no token '\[CLS\]'/),
    });
  });
});

describe('a folder with tokenizer.json and an older vocabulary', () => {
  const saved = async (config: object): Promise<void> => {
    copyFileSync(join(kVocabularies, 'llama.model'), join(scratch, 'tokenizer.model'));
    write('llama', {}, config);
    const tokenizer = await load();
    await tokenizer.save_pretrained(scratch);
    tokenizer.dispose();
    const path = join(scratch, 'tokenizer.json');
    const file = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...file, normalizer: { type: 'Lowercase' } }));
  };

  it('is read from tokenizer.json, unless from_slow or add_prefix_space asks for the other', async () => {
    await saved({ legacy: false });
    write('llama', {}, { tokenizer_class: 'LlamaTokenizer', legacy: false });
    const lower = await idsOf(await load(), 'The');
    expect(await idsOf(await load(), 'the')).toEqual(lower);
    for (const options of [{ from_slow: true }, { add_prefix_space: true }]) {
      const [upper, again] = [await idsOf(await load(options), 'The'), await idsOf(await load(options), 'the')];
      expect(upper).not.toEqual(lower);
      expect(again).toEqual(lower);
    }
    write('llama', {}, { tokenizer_class: 'LlamaTokenizer', legacy: false, add_prefix_space: true });
    expect(await idsOf(await load(), 'The')).not.toEqual(lower);
  });

  it('begins as the configuration of a llama says, whatever tokenizer.json has around texts', async () => {
    await saved({ add_bos_token: false });
    const tokenizer = await load({ add_bos_token: true, add_eos_token: true });
    const ids = await tokenizer.encode('a');
    tokenizer.dispose();
    expect([ids[0], ids.at(-1)]).toEqual([1, 2]);
  });

  it('says that a class has nothing else to be made of', async () => {
    await saved({});
    write('modernbert', {}, { tokenizer_class: 'PreTrainedTokenizerFast' });
    expect(await errorOf(() => load({ from_slow: true }))).toMatchObject({ code: 'ERR_NO_TOKENIZER' });
  });
});
