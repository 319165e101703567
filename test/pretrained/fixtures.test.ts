/** Checkpoints that every framework wrote, and what they give: where the folder of fixtures is beside the project. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { AutoTokenizer } from '../../lib/preprocess';
import { expectRecorded, recordedCases } from './recorded-case';

const fixtures = join(__dirname, '..', '..', '..', 'shared', 'fixtures');

if (existsSync(fixtures)) {
  const names = recordedCases(fixtures);

  beforeEach(() => setLogHook(() => {}));
  afterEach(() => setLogHook(null));

  it.each(names)('%s gives what its framework gave', (name) => expectRecorded(join(fixtures, name)));

  const tokensOf = (name: string) =>
    JSON.parse(readFileSync(join(fixtures, name, 'case.json'), 'utf8')) as {
      files: string[];
      tokens?: { text: string; ids: number[] }[];
    };
  it.each(names.filter((name) => tokensOf(name).tokens))('%s cuts texts as Transformers does', async (name) => {
    const { files, tokens = [] } = tokensOf(name);
    const tokenizer = await AutoTokenizer.from_pretrained(join(fixtures, name), { gguf_file: files[0] as string });
    for (const { text, ids } of tokens)
      expect([text, await tokenizer.encode(text, { add_special_tokens: false })]).toEqual([text, ids]);
    tokenizer.dispose();
  });
} else {
  it(`has no fixtures to read: ${fixtures} is not there`, () => {
    expect(existsSync(fixtures)).toBe(false);
  });
}
