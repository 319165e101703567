import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import * as preprocess from '../../lib/preprocess';
import {
  AutoTokenizer,
  BertTokenizer,
  DistilBertTokenizer,
  type PreTrainedTokenizer,
  RobertaTokenizer,
} from '../../lib/preprocess';
import { kTokenizers } from './golden-tokenizers';

let scratch: string;
let warnings: string[];
const loaded: PreTrainedTokenizer[] = [];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tokenizer-'));
  warnings = [];
  setLogHook((_level, message) => warnings.push(message));
});
afterEach(() => {
  for (const tokenizer of loaded.splice(0)) tokenizer.dispose();
  rmSync(scratch, { recursive: true });
  setLogHook(null);
});

async function load(path = scratch, options = {}): Promise<PreTrainedTokenizer> {
  const tokenizer = await AutoTokenizer.from_pretrained(path, options);
  loaded.push(tokenizer);
  return tokenizer;
}

/** Copies a tiny tokenizer and edits its JSON files. */
function copy(name: string, edits: Record<string, (json: Record<string, never>) => unknown> = {}): void {
  cpSync(join(kTokenizers, name), scratch, { recursive: true });
  for (const [file, edit] of Object.entries(edits)) {
    const path = join(scratch, file);
    const json = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify(edit(json) ?? json));
  }
}

const configure = (config: Record<string, unknown>) => ({
  'tokenizer_config.json': (json: object) => ({ ...json, ...config }),
});

describe('a folder that is no tokenizer', () => {
  /** Writes a file into the scratch folder and gives the path of one or the other. */
  const withFile = (name: string, text: string, path = scratch): string => {
    writeFileSync(join(scratch, name), text);
    return path;
  };

  it.each<[string, () => string, string, RegExp]>([
    ['is not there', () => join(scratch, 'missing'), 'ERR_NO_FOLDER', /no folder '.*missing'/],
    ['is a file', () => withFile('f', '', join(scratch, 'f')), 'ERR_OS', /is a file/],
    ['is empty', () => scratch, 'ERR_NO_TOKENIZER', /holds nothing/],
    ['holds other things', () => withFile('config.json', '{}'), 'ERR_NO_TOKENIZER', /holds config\.json/],
    [
      'has a folder for a file',
      () => join(mkdirSync(join(scratch, 'tokenizer.json'), { recursive: true }) as string, '..'),
      'ERR_NO_TOKENIZER',
      /tokenizer\.json' is a folder/,
    ],
    ['has an empty name', () => '', 'ERR_NO_FOLDER', /path of the model is empty/],
    [
      'has a vocabulary of no class',
      () => withFile('vocab.txt', 'a'),
      'ERR_NO_TOKENIZER',
      /holds vocab\.txt.*tokenizer_type/,
    ],
  ])('%s', async (_name, make, code, message) => {
    const call = AutoTokenizer.from_pretrained(make());
    await expect(call).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each<[string, string, string | Uint8Array, RegExp]>([
    ['tokenizer.json is cut off', 'tokenizer.json', '{"model": {"vo', /tokenizer\.json is not a tokenizer file/],
    ['tokenizer.json is empty', 'tokenizer.json', '', /tokenizer\.json/],
    ['tokenizer.json is a list', 'tokenizer.json', '[]', /no object named 'model'/],
    ['tokenizer.json has no vocabulary', 'tokenizer.json', '{"model": {}}', /'vocab'/],
    ['tokenizer.json is not UTF-8', 'tokenizer.json', Uint8Array.of(0x7b, 0xff, 0x7d), /tokenizer\.json/],
    [
      'tokenizer.json has an unknown model',
      'tokenizer.json',
      '{"model": {"type": "Magic", "vocab": {}}}',
      /does not accept/,
    ],
    ['tokenizer_config.json is not JSON', 'tokenizer_config.json', '{', /tokenizer_config\.json is not valid JSON/],
    ['special_tokens_map.json is a number', 'special_tokens_map.json', '5', /must hold a JSON object/],
  ])('%s', async (_name, file, content, message) => {
    copy('bert');
    writeFileSync(join(scratch, file), content);
    const call = AutoTokenizer.from_pretrained(scratch);
    await expect(call).rejects.toMatchObject({ name: 'ValueError', message: expect.stringMatching(message) });
  });

  it.each(['tokenizer.json', 'tokenizer_config.json', 'vocab.txt'])(
    'has the pointer of git-lfs for %s',
    async (file) => {
      copy('bert');
      if (file === 'vocab.txt') rmSync(join(scratch, 'tokenizer.json'));
      writeFileSync(join(scratch, file), 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n');
      await expect(AutoTokenizer.from_pretrained(scratch)).rejects.toMatchObject({
        name: 'OSError',
        code: 'GIT_LFS_POINTER',
        message: expect.stringMatching(new RegExp(`${file}' is the pointer .*install git-lfs and run git lfs pull`)),
      });
    },
  );

  it.each([
    ['tokenizer.json', {}],
    ['special_tokens_map.json', {}],
    ['vocab.txt', { from_slow: true }],
  ])('has a pipe for %s, which nobody waits for', async (file, options) => {
    copy('bert');
    rmSync(join(scratch, file), { force: true });
    execFileSync('mkfifo', [join(scratch, file)]);
    await expect(AutoTokenizer.from_pretrained(scratch, options)).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`${file}.* is a .*pipe`)),
    });
  });

  it('has a post-processor of an unknown kind', async () => {
    copy('bert', { 'tokenizer.json': (json) => ({ ...json, post_processor: { type: 'Magic' } }) });
    await expect(load()).rejects.toMatchObject({
      code: 'ERR_NOT_IMPLEMENTED',
      message: expect.stringMatching(/'Magic'/),
    });
  });
});

describe.each<[string, (json: Record<string, never>) => unknown]>([
  ['a template without pieces', (json) => ({ ...json, post_processor: { type: 'TemplateProcessing' } })],
  [
    'a template of unknown tokens',
    (json) => ({
      ...json,
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: 'x', type_id: 0 } }],
        pair: [],
        special_tokens: {},
      },
    }),
  ],
  ['a sequence of nothing', (json) => ({ ...json, post_processor: { type: 'Sequence' } })],
  ['added tokens that are an object', (json) => ({ ...json, added_tokens: { a: 1 } })],
  ['added tokens without content', (json) => ({ ...json, added_tokens: [{ id: 3 }] })],
  ['a vocabulary of lists', (json) => ({ ...json, model: { type: 'WordPiece', vocab: { a: [] } } })],
])('a tokenizer.json with %s', (_name, edit) => {
  it('is refused with a coded error', async () => {
    copy('bert', { 'tokenizer.json': edit });
    await expect(load()).rejects.toMatchObject({ name: 'ValueError', code: expect.stringMatching(/^ERR_/) });
  });
});

describe('the class of a tokenizer', () => {
  it.each([
    ['BertTokenizer', 'BertTokenizer'],
    ['BertTokenizerFast', 'BertTokenizer'],
    ['DistilBertTokenizer', 'DistilBertTokenizer'],
    ['ElectraTokenizerFast', 'ElectraTokenizer'],
    ['PreTrainedTokenizerFast', 'PreTrainedTokenizer'],
    ['TokenizersBackend', 'TokenizersBackend'],
  ])('%s is %s', async (stored, expected) => {
    copy('bert', configure({ tokenizer_class: stored }));
    expect((await load()).constructor.name).toBe(expected);
    expect(preprocess).toHaveProperty(stored);
    expect(warnings).toEqual([]);
  });

  it('is the generic one, with a warning, when it is not known', async () => {
    copy('bert', configure({ tokenizer_class: '../evil/SplinterTokenizer' }));
    const tokenizer = await load();
    expect(tokenizer.constructor.name).toBe('PreTrainedTokenizer');
    expect(warnings).toEqual([expect.stringMatching(/SplinterTokenizer.*not known/)]);
    expect(await tokenizer.encode('the cat')).toEqual([2, 222, 309, 3]);
  });

  it('comes from config.json, or the family, when tokenizer_config.json names none', async () => {
    copy('bert', configure({ tokenizer_class: undefined }));
    writeFileSync(join(scratch, 'config.json'), JSON.stringify({ model_type: 'distilbert' }));
    expect(Object.keys(await (await load())('a'))).toEqual(['input_ids', 'attention_mask']);
    expect((await load(scratch, { config: { model_type: 'electra' } })).constructor.name).toBe('ElectraTokenizer');
    expect((await load(scratch, { tokenizer_type: 'roberta' })).constructor.name).toBe('RobertaTokenizer');
    writeFileSync(
      join(scratch, 'config.json'),
      JSON.stringify({ model_type: 'bert', tokenizer_class: 'MPNetTokenizer' }),
    );
    expect((await load()).constructor.name).toBe('MPNetTokenizer');
    for (const name of ['constructor', 'toString', '__proto__']) {
      writeFileSync(join(scratch, 'config.json'), JSON.stringify({ model_type: name }));
      expect((await load()).constructor.name).toBe('PreTrainedTokenizer');
      writeFileSync(join(scratch, 'config.json'), JSON.stringify({ tokenizer_class: name }));
      expect((await load()).constructor.name).toBe('PreTrainedTokenizer');
    }
  });

  it('warns when it is not the one of the folder', async () => {
    loaded.push(await DistilBertTokenizer.from_pretrained(join(kTokenizers, 'bert')));
    expect(warnings).toEqual([expect.stringMatching(/BertTokenizer.*loaded as DistilBertTokenizer/)]);
    const right = await BertTokenizer.from_pretrained(join(kTokenizers, 'bert'));
    loaded.push(right);
    expect(right).toBeInstanceOf(BertTokenizer);
    expect(warnings.length).toBe(1);
  });

  it('makes callable instances with the members of their class', async () => {
    const tokenizer = await load(join(kTokenizers, 'bert'));
    expect(typeof tokenizer).toBe('function');
    expect(tokenizer.length).toBe(tokenizer.get_vocab().size);
    expect((tokenizer as unknown as { name?: string }).name).toBeUndefined();
  });
});

describe('options and configuration', () => {
  it('refuses options that it does not know, with the nearest name', async () => {
    copy('bert');
    await expect(load(scratch, { do_lowercase: true })).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_NAME',
      message: expect.stringMatching(/did you mean 'do_lower_case'/),
    });
    await expect(load(scratch, { add_prefix_space: true })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_NAME' });
    await expect(load(scratch, { use_fast: false })).rejects.toMatchObject({ code: 'ERR_NOT_IMPLEMENTED' });
    await expect(load(scratch, { tokenizer_type: 'magic' })).rejects.toMatchObject({ code: 'ERR_VALUE' });
    await expect(load(scratch, { padding_side: 'top' })).rejects.toMatchObject({ code: 'ERR_VALUE' });
    await expect(AutoTokenizer.from_pretrained(undefined as never)).rejects.toMatchObject({ code: 'ERR_TYPE' });
  });

  it('puts options over files', async () => {
    copy('bert', configure({ padding_side: 'left', model_max_length: 5 }));
    const tokenizer = await load(scratch, { model_max_length: 7, model_input_names: ['input_ids'], cls_token: 'the' });
    expect([tokenizer.padding_side, tokenizer.model_max_length, tokenizer.cls_token]).toEqual(['left', 7, 'the']);
    expect(Object.keys(await tokenizer('a', { truncation: true }))).toEqual(['input_ids']);
  });

  it('reads special tokens as strings and as AddedToken objects', async () => {
    const token = (content: string) => ({
      __type: 'AddedToken',
      content,
      lstrip: true,
      rstrip: false,
      single_word: false,
      normalized: false,
    });
    copy('modernbert', configure({ mask_token: token('[MASK]'), extra_special_tokens: { image: '<image>' } }));
    const tokenizer = await load();
    expect([tokenizer.mask_token, tokenizer.mask_token_id]).toEqual(['[MASK]', 4]);
    expect(await tokenizer.tokenize('a [MASK]')).toEqual(['a', ' [MASK]']); // lstrip: the space goes with the mask
    expect(tokenizer.additional_special_tokens).toEqual(['<image>']);
  });

  it('adds special tokens that tokenizer.json lacks, behind the vocabulary', async () => {
    copy('bert', {
      'special_tokens_map.json': (json) => ({ ...json, bos_token: '<start>' }),
      ...configure({ additional_special_tokens: ['<a>', 'cat'] }),
    });
    const tokenizer = await load();
    const size = tokenizer.vocab_size;
    expect([tokenizer.bos_token_id, tokenizer.additional_special_tokens_ids, tokenizer.length]).toEqual([
      size,
      [size + 1, 309],
      size + 2,
    ]);
    expect(await tokenizer.tokenize('x<start>y <a>')).toEqual(['x', '<start>', 'y', '<a>']);
    expect(await tokenizer.decode([size, 222], { skip_special_tokens: true })).toBe('the');
  });

  it('reads added_tokens.json of older folders', async () => {
    copy('bert');
    writeFileSync(join(scratch, 'added_tokens.json'), JSON.stringify({ '<old>': 700 }));
    const tokenizer = await load();
    expect(tokenizer.get_added_vocab().get('<old>')).toBe(tokenizer.vocab_size);
    expect(await tokenizer.tokenize('a<old>b')).toEqual(['a', '<old>', 'b']);
  });

  it('ignores truncation and padding of tokenizer.json, but takes side and token from there', async () => {
    copy('modernbert', {
      'tokenizer.json': (json) => ({
        ...json,
        truncation: { max_length: 3, strategy: 'LongestFirst', stride: 0, direction: 'Left' },
        padding: {
          strategy: { Fixed: 9 },
          direction: 'Left',
          pad_to_multiple_of: null,
          pad_id: 2,
          pad_type_id: 0,
          pad_token: '[PAD]',
        },
      }),
      'tokenizer_config.json': (json) => ({ ...json, pad_token: undefined }) as never,
    });
    const tokenizer = await load();
    expect((await tokenizer('the cat watches')).input_ids.dims).toEqual([1, 6]);
    expect([tokenizer.padding_side, tokenizer.truncation_side, tokenizer.pad_token]).toEqual(['left', 'left', '[PAD]']);
  });

  it('takes lists of words for roberta only with a space before each', async () => {
    const options = { is_split_into_words: true, return_tensor: false } as const;
    const plain = await load(join(kTokenizers, 'roberta'));
    await expect(plain(['the', 'cat'], options)).rejects.toMatchObject({ code: 'ERR_ADD_PREFIX_SPACE' });
    const spaced = await RobertaTokenizer.from_pretrained(join(kTokenizers, 'roberta'), { add_prefix_space: true });
    loaded.push(spaced);
    expect((await spaced(['the', 'cat'], options)).input_ids).toEqual(await spaced.encode('the cat'));
  });

  it('tells progress_callback about each file', async () => {
    const heard: string[] = [];
    copy('bert');
    await load(scratch, {
      progress_callback: (info: preprocess.FileProgress) =>
        heard.push(`${info.status} ${'file' in info ? info.file : ''}`),
    });
    expect(heard).toEqual(
      ['tokenizer.json', 'tokenizer_config.json'].flatMap((file) =>
        ['initiate', 'download', 'done'].map((status) => `${status} ${file}`),
      ),
    );
  });
});
