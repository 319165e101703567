import { join } from 'node:path';
import { AutoTokenizer, type PreTrainedTokenizer } from '../../lib/preprocess';
import { kTokenizers } from './golden-tokenizers';

const texts = Array.from(
  { length: 10_000 },
  (_, i) => `the old engineer rewrites three numbers, ${'again and '.repeat(i % 30)}again`,
);

describe('a tokenizer call over 10,000 texts', () => {
  let tokenizer: PreTrainedTokenizer;
  beforeAll(async () => {
    tokenizer = await AutoTokenizer.from_pretrained(join(kTokenizers, 'bert'));
  });
  afterAll(() => tokenizer.dispose());

  it('lets the event loop turn all the while', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await tokenizer(texts, { padding: true, truncation: true });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20); // one call that held the loop would leave it at 0 or 1
  });

  it('gives the rows that single calls give, in order', async () => {
    const { input_ids } = await tokenizer(texts, { return_tensor: false });
    expect(input_ids.length).toBe(texts.length);
    for (const i of [0, 255, 256, 257, 5000, 9999]) expect(input_ids[i]).toEqual(await tokenizer.encode(texts[i]!));
  });

  it('stops when its signal is aborted, and leaves the tokenizer usable', async () => {
    const controller = new AbortController();
    const call = tokenizer(texts, { padding: true, signal: controller.signal });
    setTimeout(() => controller.abort('enough'), 10);
    await expect(call).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' });
    expect(await tokenizer.encode('the cat')).toEqual([2, 222, 309, 3]);
  });

  it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    ['a call', (signal) => tokenizer('a', { signal })],
    ['encode', (signal) => tokenizer.encode('a', { signal })],
    ['tokenize', (signal) => tokenizer.tokenize('a', { signal })],
    ['decode', (signal) => tokenizer.decode([1], { signal })],
    ['batch_decode', (signal) => tokenizer.batch_decode([[1]], { signal })],
    ['save_pretrained', (signal) => tokenizer.save_pretrained('never-made', { signal })],
    ['from_pretrained', (signal) => AutoTokenizer.from_pretrained(join(kTokenizers, 'bert'), { signal })],
  ])('%s does not start with an aborted signal', async (_name, start) => {
    await expect(start(AbortSignal.abort('no'))).rejects.toMatchObject({ code: 'ABORT_ERR', cause: 'no' });
  });

  it('keeps no listener on a signal after the call', async () => {
    const { signal } = new AbortController();
    const add = jest.spyOn(signal, 'addEventListener');
    const remove = jest.spyOn(signal, 'removeEventListener');
    await tokenizer(texts.slice(0, 600), { signal, return_tensor: false });
    expect(add.mock.calls.length).toBeGreaterThan(0);
    expect(remove.mock.calls.length).toBe(add.mock.calls.length);
  });
});

describe('truncation', () => {
  it('never ends the process, whatever the lengths', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained(join(kTokenizers, 'bert'));
    const question = 'who '.repeat(260);
    const context = 'the cat watches '.repeat(400);
    for (const truncation of ['only_first', 'only_second', 'longest_first'] as const)
      for (const max_length of truncation === 'longest_first' ? [384] : [3, 4, 10, 250, 263, 264, 265, 384])
        for (const stride of [0, 1, 128, 380]) {
          const options = { text_pair: context, truncation, max_length, stride, return_overflowing_tokens: true };
          const found = await tokenizer(question, { ...options, return_tensor: false }).catch((error) => error.code);
          if (found === 'ERR_TRUNCATION') continue;
          expect((found.input_ids as unknown as number[][])[0]!.length).toBeLessThanOrEqual(max_length);
        }
    tokenizer.dispose();
  });

  it('covers a long text with windows that share `stride` tokens', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained(join(kTokenizers, 'bert'));
    const text = Array.from({ length: 1200 }, (_, i) => (i % 2 ? 'cat' : 'the')).join(' ');
    const [all, windows] = await Promise.all([
      tokenizer.encode(text, { add_special_tokens: false }),
      tokenizer(text, {
        truncation: true,
        max_length: 384,
        stride: 128,
        return_overflowing_tokens: true,
        return_tensor: false,
      }),
    ]);
    const bodies = (windows.input_ids as unknown as number[][]).map((row) => row.slice(1, -1));
    expect(bodies.map((body) => body.length)).toEqual([382, 382, 382, 382, 184]);
    expect([...bodies[0]!, ...bodies.slice(1).flatMap((body) => body.slice(128))]).toEqual(all);
    tokenizer.dispose();
  });
});
