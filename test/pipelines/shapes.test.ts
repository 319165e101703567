import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { pipeline } from '../../lib/pipelines';
import { kGoldens } from './golden-pipelines';

/** How results nest: as in transformers.js 4.3 for its options, also where Transformers nests otherwise. */

let log: ReturnType<typeof setLogHook>;
beforeAll(() => {
  log = setLogHook(() => {});
});
afterAll(() => {
  setLogHook(log);
});

/** The nesting of a result: its objects by their keys. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  return value !== null && typeof value === 'object' ? Object.keys(value).join() : typeof value;
}

const text = 'My neighbour remembers the old engineer.';
const bert = join(kGoldens, 'bert');
const judge = join(kGoldens, 'judge');

describe('text-classification', () => {
  const single = 'label,score';

  it('gives a list for a text, the best of each for a list, and lists of lists only for top_k', async () => {
    await using pipe = await pipeline('sentiment-analysis', judge);
    expect(shape(await pipe(text))).toEqual([single]);
    expect(shape(await pipe(text, { top_k: 1 }))).toEqual([single]);
    expect(shape(await pipe([text]))).toEqual([single]);
    expect(shape(await pipe([text, text]))).toEqual([single, single]);
    expect(shape(await pipe([text, text], { top_k: 1 }))).toEqual([single, single]);
    expect(shape(await pipe(text, { top_k: 2 }))).toEqual([single, single]);
    expect(shape(await pipe([text], { top_k: 2 }))).toEqual([[single, single]]);
    expect(shape(await pipe(text, { top_k: null }))).toEqual([single, single, single]);
    expect(shape(await pipe([text, text], { top_k: null }))).toEqual([
      [single, single, single],
      [single, single, single],
    ]);
    expect(shape(await pipe(text, { top_k: 9 }))).toEqual([single, single, single]);
  });

  it('takes texts and pairs in one list', async () => {
    await using pipe = await pipeline('text-classification', judge);
    const pair = { text, text_pair: 'a fox' };
    const [first, second, third] = await pipe([text, pair, 'a fox']);
    expect([first, second, third]).toEqual([...(await pipe(text)), ...(await pipe(pair)), ...(await pipe('a fox'))]);
  });
});

describe('token-classification', () => {
  it('gives tokens for a text and a list of lists for a list', async () => {
    await using pipe = await pipeline('ner', bert);
    const token = 'entity,score,index,word,start,end';
    const group = 'entity_group,score,word,start,end';
    const [tokens] = await pipe([text], { ignore_labels: [] });
    expect(new Set(shape(tokens) as string[])).toEqual(new Set([token]));
    expect(await pipe(text, { ignore_labels: [] })).toEqual(tokens);
    const groups = await pipe(text, { aggregation_strategy: 'simple' });
    expect(new Set(shape(groups) as string[])).toEqual(new Set([group]));
    expect(await pipe([text, text], { aggregation_strategy: 'simple' })).toEqual([groups, groups]);
    expect(await pipe(['', 'a'], { ignore_labels: ['O'] })).toHaveLength(2);
  });

  it('counts characters in UTF-16 units', async () => {
    await using pipe = await pipeline('token-classification', bert);
    const written = '😀😀 the young fox — 東京';
    for (const { word, start, end } of await pipe(written, { ignore_labels: [] }))
      if (/^[a-z]+$/.test(word)) expect(written.slice(start, end)).toBe(word);
  });
});

describe('fill-mask', () => {
  it('gives five tokens for a text, and a list for each text of a list', async () => {
    await using pipe = await pipeline('fill-mask', bert);
    const single = 'score,token,token_str,sequence';
    expect(shape(await pipe('the [MASK] fox'))).toEqual(Array(5).fill(single));
    expect(shape(await pipe(['the [MASK] fox']))).toEqual([Array(5).fill(single)]);
    expect(shape(await pipe(['the [MASK] fox', '[MASK]'], { top_k: 2 }))).toEqual([
      [single, single],
      [single, single],
    ]);
    expect(await pipe('the [MASK] fox', { top_k: 100000 })).toHaveLength(pipe.tokenizer.length);
  });

  it('gives a list for each mask of a text with several', async () => {
    await using pipe = await pipeline('fill-mask', bert);
    const both = (await pipe('the [MASK] [MASK]', { top_k: 1 })) as unknown as { sequence: string }[][];
    expect(both).toHaveLength(2);
    expect(both[0]?.[0]?.sequence).toMatch(/\[MASK\]/);
  });
});

describe('question-answering', () => {
  const answer = 'score,start,end,answer';
  const context = 'The young fox watches the small river.';

  it('gives an answer for a question and a list for top_k or a list of questions', async () => {
    await using pipe = await pipeline('question-answering', bert, { num_labels: 2 });
    const one = await pipe('who watches?', context);
    expect(shape(one)).toBe(answer);
    expect(context.slice(one.start, one.end)).toBe(one.answer);
    expect(shape(await pipe('who watches?', context, { top_k: 2 }))).toEqual([answer, answer]);
    expect(await pipe(['who watches?', 'what?'], [context, context])).toEqual([one, await pipe('what?', context)]);
    expect(await pipe(['who watches?'], context)).toEqual([one]);
    expect(shape(await pipe(['who?', 'what?'], [context, context], { top_k: 2 }))).toEqual([
      [answer, answer],
      [answer, answer],
    ]);
    expect(await pipe({ question: 'who watches?', context })).toEqual(one);
    expect(await pipe([{ question: 'who watches?', context }])).toEqual([one]);
  });

  it('cuts questions where max_question_len says', async () => {
    await using pipe = await pipeline('question-answering', bert, { num_labels: 2 });
    const cut = await pipe('the fox again, again', context, { max_question_len: 2 });
    expect(cut).toEqual(await pipe('the fox', context));
    const long = 'fox '.repeat(80);
    await expect(pipe(long, context)).rejects.toMatchObject({ code: 'ERR_TRUNCATION' });
    expect(await pipe(long, context, { max_question_len: 4 })).toEqual(await pipe('fox fox fox fox', context));
  });
});

describe('zero-shot-classification', () => {
  it('takes labels as a list or a string, second or among the options', async () => {
    await using pipe = await pipeline('zero-shot-classification', judge);
    const result = await pipe(text, ['fox', 'train']);
    expect(shape(result)).toBe('sequence,labels,scores');
    expect(result.sequence).toBe(text);
    expect([...result.labels].sort()).toEqual(['fox', 'train']);
    expect(result.scores.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect(await pipe(text, 'fox, train')).toEqual(result);
    expect(await pipe(text, { candidate_labels: ['fox', 'train'] })).toEqual(result);
    expect(await pipe([text, text], ['fox', 'train'])).toEqual([result, result]);
    expect((await pipe(text, 'fox')).scores[0]).toBe((await pipe(text, ['fox'], { multi_label: true })).scores[0]);
  });

  it('reads a text of any length beside its hypothesis', async () => {
    await using pipe = await pipeline('zero-shot-classification', judge);
    expect((await pipe('again and '.repeat(500), ['fox', 'train'])).labels).toHaveLength(2);
    const template = `${'word '.repeat(70)}{}`;
    await expect(pipe(text, ['fox'], { hypothesis_template: template })).rejects.toMatchObject({
      code: 'ERR_TOO_MANY_TOKENS',
    });
  });
});
