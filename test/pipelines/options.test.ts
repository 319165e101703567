import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { pipeline } from '../../lib/pipelines';
import { AutoTokenizer } from '../../lib/preprocess';
import { kGoldens } from './golden-pipelines';

const bert = join(kGoldens, 'bert');
const judge = join(kGoldens, 'judge');

type Call = (...args: unknown[]) => Promise<unknown>;

let log: ReturnType<typeof setLogHook>;
beforeAll(() => {
  log = setLogHook(() => {});
});
afterAll(() => {
  setLogHook(log);
});

describe('options of pipelines', () => {
  it('are of their types, in a call and in what the pipeline was made with', async () => {
    await using pipe = await pipeline('feature-extraction', bert);
    const call = pipe as unknown as Call;
    const refused = (message: RegExp) => ({ code: 'ERR_TYPE', message: expect.stringMatching(message) });
    await expect(call('a', { normalize: 'no' })).rejects.toMatchObject(
      refused(/normalize of feature-extraction must be true or false, not a string \(no\)/),
    );
    await expect(call('a', { prompt: 5 })).rejects.toMatchObject(refused(/prompt of .* must be a text, not a number/));
    await expect(call('a', { prompt_name: {} })).rejects.toMatchObject(refused(/prompt_name .* must be a text/));
    await expect(call('a', { quantize: 1 })).rejects.toMatchObject(refused(/quantize .* must be true or false/));
    await using made = await pipeline('feature-extraction', bert, { normalize: 'no' });
    await expect(made('a')).rejects.toMatchObject(refused(/normalize/));
    await using guess = await pipeline('zero-shot-classification', judge);
    await expect((guess as unknown as Call)('a', ['b'], { multi_label: 'yes' })).rejects.toMatchObject(
      refused(/multi_label of zero-shot-classification must be true or false/),
    );
  });

  it('act: a precision needs something to quantize', async () => {
    await using pipe = await pipeline('feature-extraction', bert, { pooling: 'mean' });
    await expect(pipe('a', { precision: 'ubinary' })).rejects.toMatchObject({
      code: 'ERR_OPTION_VALUE',
      message: expect.stringMatching(/precision is 'ubinary'.*quantize: true/),
    });
    expect((await pipe('a', { precision: 'ubinary', quantize: true })).type).toBe('uint8');
  });
});

describe('arguments behind the last of a call', () => {
  it('are refused by pipelines', async () => {
    await using pipe = await pipeline('feature-extraction', bert);
    await expect((pipe as unknown as Call)('a', {}, 3)).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(/feature-extraction has at most 2 arguments.*got 3; argument 3 is a number \(3\)/),
    });
    await (pipe as unknown as Call)('a', {}, undefined);
  });

  it('are refused by zero-shot classification, which takes labels in one place', async () => {
    await using guess = await pipeline('zero-shot-classification', judge);
    const call = guess as unknown as Call;
    await expect(call('a', ['b'], {}, 1)).rejects.toThrow(/at most 3 arguments/);
    await expect(call('a', { candidate_labels: ['b'] }, { multi_label: true })).rejects.toThrow(/not options twice/);
    await expect(call('a', ['b'], { candidate_labels: ['c'] })).rejects.toThrow(/candidate_labels twice/);
    await call('a', null, { candidate_labels: ['c', 'd'] });
  });

  it('are refused by tokenizers', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained(bert);
    const call = tokenizer as unknown as Call;
    await expect(call('a', {}, 1)).rejects.toThrow(/takes texts and one object of options, and got 3 arguments/);
    await call('a', {}, undefined);
    tokenizer.dispose();
  });
});
