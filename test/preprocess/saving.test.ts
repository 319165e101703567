import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoTokenizer, type PreTrainedTokenizer } from '../../lib/preprocess';
import { inputs, kNames, kTokenizers } from './golden-tokenizers';

let scratch: string;
const loaded: PreTrainedTokenizer[] = [];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tokenizer-'));
});
afterEach(() => {
  for (const tokenizer of loaded.splice(0)) tokenizer.dispose();
  rmSync(scratch, { recursive: true });
});

async function load(path: string, options = {}): Promise<PreTrainedTokenizer> {
  const tokenizer = await AutoTokenizer.from_pretrained(path, options);
  loaded.push(tokenizer);
  return tokenizer;
}

const kFiles = /^(tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|vocab\.txt|spiece\.model)$/;

describe('save_pretrained', () => {
  it.each(kNames)('copies the files of %s byte for byte, and what it writes loads alike', async (name) => {
    const source = join(kTokenizers, name);
    const target = join(scratch, 'a', 'b');
    const tokenizer = await load(source);
    const written = await tokenizer.save_pretrained(target);
    expect(written.sort()).toEqual(
      readdirSync(target)
        .map((file) => join(target, file))
        .sort(),
    );
    for (const file of readdirSync(source).filter((file) => kFiles.test(file)))
      expect(readFileSync(join(target, file)).equals(readFileSync(join(source, file)))).toBe(true);
    expect(existsSync(join(target, 'special_tokens_map.json'))).toBe(true);
    const again = await load(target);
    expect(again.special_tokens_map).toEqual(tokenizer.special_tokens_map);
    const options = { return_tensor: false, verbose: false } as const;
    expect({ ...(await again(inputs.hard_texts, options)) }).toEqual({
      ...(await tokenizer(inputs.hard_texts, options)),
    });
  });

  it('writes what was changed since, and nothing else', async () => {
    const tokenizer = await load(join(kTokenizers, 'bert'), { do_lower_case: false });
    tokenizer.padding_side = 'left';
    tokenizer.model_max_length = 33;
    tokenizer.bos_token = '[CLS]';
    await tokenizer.save_pretrained(scratch);
    const before = JSON.parse(readFileSync(join(kTokenizers, 'bert/tokenizer_config.json'), 'utf8'));
    const after = JSON.parse(readFileSync(join(scratch, 'tokenizer_config.json'), 'utf8'));
    expect(after).toEqual({
      ...before,
      do_lower_case: false,
      padding_side: 'left',
      model_max_length: 33,
      bos_token: '[CLS]',
    });
    const again = await load(scratch);
    expect([again.padding_side, again.bos_token_id, await again.tokenize('The')]).toEqual([
      'left',
      2,
      await tokenizer.tokenize('The'),
    ]);
  });

  it('saves over its own folder', async () => {
    const first = await load(join(kTokenizers, 'albert'));
    await first.save_pretrained(scratch);
    const second = await load(scratch);
    await second.save_pretrained(scratch);
    expect(await (await load(scratch)).encode('the cat')).toEqual(await first.encode('the cat'));
    expect(readdirSync(scratch).filter((file) => file.endsWith('.tmp'))).toEqual([]);
  });

  it('leaves the old files as they were when it fails', async () => {
    const tokenizer = await load(join(kTokenizers, 'bert'));
    writeFileSync(join(scratch, 'tokenizer.json'), 'old');
    const signal = AbortSignal.timeout(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(tokenizer.save_pretrained(scratch, { signal })).rejects.toMatchObject({ code: 'ABORT_ERR' });
    expect(readdirSync(scratch)).toEqual(['tokenizer.json']);
    expect(readFileSync(join(scratch, 'tokenizer.json'), 'utf8')).toBe('old');
    await expect(tokenizer.save_pretrained(join(scratch, 'tokenizer.json'))).rejects.toMatchObject({ name: 'OSError' });
    await expect(tokenizer.save_pretrained(scratch, { safe: true } as never)).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_NAME',
    });
  });
});
