import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { AutoTokenizer, type PreTrainedTokenizer } from '../../lib/preprocess';
import { inputs } from './golden-tokenizers';
import { folderOfCase, idsOfCase, kFamilies, readVocabularyJson, type VocabularyCase } from './vocabulary-folder';

/** Tokenizers of vocab.txt, vocab.json with merges.txt, and models of SentencePiece, where there is no tokenizer.json. */

const texts = [...inputs.hard_texts, ...readVocabularyJson<string[]>('texts.json')];

let folder: string;
let tokenizer: PreTrainedTokenizer;
beforeAll(() => setLogHook(() => {}));
afterAll(() => setLogHook(null));

describe.each(kFamilies)('%s, against Transformers 4.57.6', (family) => {
  const cases = readVocabularyJson<VocabularyCase[]>(`${family}.json`);

  describe.each(cases)('$name', (golden) => {
    beforeAll(async () => {
      folder = folderOfCase(golden);
      tokenizer = await AutoTokenizer.from_pretrained(folder, golden.options);
    });
    afterAll(() => {
      tokenizer.dispose();
      rmSync(folder, { recursive: true });
    });
    const expected = idsOfCase(cases, golden);

    it('cuts hard texts into the same ids', async () => {
      expect(await wrongIds(tokenizer, expected)).toEqual([]);
    });

    it('answers pairs, truncation and padding alike', async () => {
      for (const { text, options, answer } of golden.calls)
        expect({ ...(await tokenizer(text, { ...options, return_tensor: false })) }).toEqual(answer);
    });

    it('is of the same class, with the same tokens', () => {
      expect({
        class: `${tokenizer.constructor.name}Fast`,
        tokens: tokenizer.special_tokens_map,
        added: Object.fromEntries(tokenizer.get_added_vocab()),
        size: [tokenizer.vocab_size, tokenizer.length],
        sides: [tokenizer.padding_side, tokenizer.truncation_side],
      }).toEqual({
        class: golden.class,
        tokens: golden.tokens,
        added: golden.added,
        size: golden.size,
        sides: golden.sides,
      });
    });

    it('is saved as the same tokenizer.json, which gives the same ids', async () => {
      const copy = join(folder, 'copy');
      await tokenizer.save_pretrained(copy);
      expect(readdirSync(copy).sort()).toEqual(golden.saved);
      expect(headOf(JSON.parse(readFileSync(join(copy, 'tokenizer.json'), 'utf8')))).toEqual(golden.head);
      const again = await AutoTokenizer.from_pretrained(copy);
      try {
        expect(again.constructor).toBe(tokenizer.constructor);
        expect(await wrongIds(again, expected)).toEqual([]);
      } finally {
        again.dispose();
      }
    });
  });
});

async function wrongIds(given: PreTrainedTokenizer, expected: number[][]) {
  const { input_ids } = await given(texts, { add_special_tokens: false, return_tensor: false, verbose: false });
  return texts.flatMap((text, i) => {
    const python = expected[i];
    return JSON.stringify(input_ids[i]) === JSON.stringify(python) ? [] : [{ text, ours: input_ids[i], python }];
  });
}

// biome-ignore lint/suspicious/noExplicitAny: the members of a JSON file
function headOf(file: any): unknown {
  file.model.vocab = Object.keys(file.model.vocab).length;
  file.model.merges = file.model.merges?.length ?? 0;
  for (const step of file.normalizer?.normalizers ?? [])
    if ('precompiled_charsmap' in step)
      step.precompiled_charsmap = createHash('sha256').update(step.precompiled_charsmap).digest('hex');
  return file;
}
