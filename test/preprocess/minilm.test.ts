import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoTokenizer, type PreTrainedTokenizer } from '../../lib/preprocess';

const folder = join(__dirname, '../../../shared/models/all-MiniLM-L6-v2');

interface Expected {
  max_seq_length: number;
  sentences: { text: string; input_ids: number[]; token_count: number }[];
  pair: { input_ids: number[][]; attention_mask: number[][]; token_type_ids: number[][] };
}

if (!existsSync(folder)) {
  it('is not checked against all-MiniLM-L6-v2, since ../shared/models is not there', () => {
    process.stderr.write(`${folder} is not there; the ids of all-MiniLM-L6-v2 are not checked\n`);
  });
} else {
  describe('the tokenizer of all-MiniLM-L6-v2', () => {
    const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;
    let tokenizer: PreTrainedTokenizer;
    beforeAll(async () => {
      tokenizer = await AutoTokenizer.from_pretrained(folder);
    });
    afterAll(() => tokenizer.dispose());

    it('gives the ids of sentence-transformers at its max_seq_length', async () => {
      const texts = expected.sentences.map(({ text }) => text);
      const options = { truncation: true, max_length: expected.max_seq_length, return_tensor: false } as const;
      const { input_ids } = await tokenizer(texts, options);
      expect(input_ids).toEqual(expected.sentences.map((sentence) => sentence.input_ids));
    });

    it('puts a batch of pairs together again', async () => {
      const { input_ids, token_type_ids, attention_mask } = expected.pair;
      const textOf = (row: number, type: number): Promise<string> => {
        const ids = input_ids[row]!.filter((_, t) => token_type_ids[row]![t] === type && attention_mask[row]![t]);
        return tokenizer.decode(ids, { skip_special_tokens: true });
      };
      const [text, text_pair] = await Promise.all(
        [0, 1].map((type) => Promise.all(input_ids.map((_, row) => textOf(row, type)))),
      );
      const found = await tokenizer(text!, { text_pair: text_pair!, padding: true, return_tensor: false });
      expect({ ...found }).toEqual({ input_ids, token_type_ids, attention_mask });
    });

    it('cuts at the 512 of tokenizer_config.json, whatever tokenizer.json stores', async () => {
      const { input_ids } = await tokenizer('word '.repeat(1000), { truncation: true });
      expect(input_ids.dims).toEqual([1, 512]);
      expect((await tokenizer(['a', 'b c'], { padding: true })).input_ids.dims).toEqual([2, 4]);
    });
  });
}
