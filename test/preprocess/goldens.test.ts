import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { AutoTokenizer, type BatchEncoding, type PreTrainedTokenizer } from '../../lib/preprocess';
import { type GoldenAnswer, type GoldenCall, inputs, kNames, kTokenizers, readGolden } from './golden-tokenizers';

beforeAll(() => {
  setLogHook(() => {});
});

describe.each(kNames)('%s, against Transformers 4.35.2', (name) => {
  let tokenizer: PreTrainedTokenizer;
  beforeAll(async () => {
    tokenizer = await AutoTokenizer.from_pretrained(join(kTokenizers, name));
  });
  afterAll(() => tokenizer.dispose());

  it('splits hard texts into the same ids at the same places', async () => {
    const answers = readGolden<[number[], number[], number[]][]>(name, 'hard-texts.json');
    const found = await tokenizer(inputs.hard_texts, {
      add_special_tokens: false,
      return_offsets_mapping: true,
      return_tensor: false,
    });
    const wrong = inputs.hard_texts.flatMap((text, i) => {
      const words = found.word_ids(i).map((word) => word ?? -1);
      const ours = [found.input_ids[i], found.offset_mapping![i]!.flat(), words];
      return JSON.stringify(ours) === JSON.stringify(answers[i]) ? [] : [{ text, ours, python: answers[i] }];
    });
    expect(wrong).toEqual([]);
  });

  it('decodes, tokenizes and describes itself as there', async () => {
    const golden = readGolden<Record<string, never>>(name, 'texts.json');
    const { input_ids } = await tokenizer(inputs.hard_texts, { return_tensor: false, verbose: false });
    const decoded = await tokenizer.batch_decode(input_ids);
    const skipping = await tokenizer.batch_decode(input_ids, { skip_special_tokens: true });
    const uncleaned = await tokenizer.batch_decode(input_ids, { clean_up_tokenization_spaces: false });
    const differing = (texts: string[]) =>
      Object.fromEntries(texts.flatMap((text, i) => (text === decoded[i] ? [] : [[String(i), text]])));
    expect({
      decoded,
      skipping: differing(skipping),
      uncleaned: differing(uncleaned),
      tokenized: await Promise.all(inputs.tokenized.map((text) => tokenizer.tokenize(text))),
      tokenized_pair: await tokenizer.tokenize(inputs.tokenized[0]!, {
        pair: inputs.tokenized[1]!,
        add_special_tokens: true,
      }),
      special_tokens_map: tokenizer.special_tokens_map,
      all_special_tokens: tokenizer.all_special_tokens,
      all_special_ids: tokenizer.all_special_ids,
      added_vocab: Object.fromEntries(tokenizer.get_added_vocab()),
      vocab_size: tokenizer.vocab_size,
      length: tokenizer.length,
      num_special_tokens_to_add: [tokenizer.num_special_tokens_to_add(), tokenizer.num_special_tokens_to_add(true)],
      model_input_names: tokenizer.model_input_names,
      sides: [tokenizer.padding_side, tokenizer.truncation_side],
    }).toEqual(golden);
  });

  const answers = readGolden<(GoldenAnswer | null)[]>(name, 'answers.json');
  const calls = inputs.calls.flatMap((call, i) => (answers[i] ? [{ i, call, answer: answers[i] }] : []));
  it.each(calls)('answers call $i alike: $call.options', async ({ call, answer }) => {
    if ('error' in answer)
      await expect(answerTo(name, call)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) });
    else expect(await answerTo(name, call)).toEqual(answer);
  });
});

async function answerTo(name: string, call: GoldenCall): Promise<Record<string, unknown>> {
  const tokenizer = await AutoTokenizer.from_pretrained(join(kTokenizers, name), call.from_pretrained);
  try {
    Object.assign(tokenizer, call.set);
    const found = await tokenizer(call.text, { ...call.options, return_tensor: false });
    return 'offset_mapping' in found ? { ...found, ...idsOf(found, call) } : { ...found };
  } finally {
    tokenizer.dispose();
  }
}

function idsOf(found: BatchEncoding, call: GoldenCall) {
  const { input_ids } = found as unknown as { input_ids: number[] | number[][] };
  const rows = Array.isArray(input_ids[0]) ? input_ids.length : 1;
  const indices = Array.from({ length: rows }, (_, i) => i);
  expect(call.options.return_offsets_mapping).toBe(true);
  return {
    word_ids: indices.map((i) => found.word_ids(i)),
    sequence_ids: indices.map((i) => found.sequence_ids(i)),
  };
}
