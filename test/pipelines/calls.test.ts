import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStats } from '../../lib/binding/runtime';
import { setLogHook } from '../../lib/logging';
import { pipeline } from '../../lib/pipelines';
import { expectClose, kGoldens } from './golden-pipelines';

const bert = join(kGoldens, 'bert');
const judge = join(kGoldens, 'judge');
const words = ['fox', 'river', 'engineer', 'again', 'train', 'remembers', 'the', 'old'];

/** Texts of mixed lengths. */
function texts(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: 1 + ((i * 7) % 23) }, (_, j) => words[(i + j * j) % words.length]).join(' '),
  );
}

let log: ReturnType<typeof setLogHook>;
const said: string[] = [];
beforeEach(() => {
  said.length = 0;
  log = setLogHook((_, message) => said.push(message));
});
afterEach(() => {
  setLogHook(log);
});

describe('a call with a list', () => {
  it('gives each text what it gives it alone, whatever its neighbours are', async () => {
    const list = texts(40);
    const masked = list.map((text) => `${text} [MASK] river`);
    const context = 'The young fox watches the small river.';
    await using tokens = await pipeline('token-classification', bert);
    await using masks = await pipeline('fill-mask', bert);
    await using answers = await pipeline('question-answering', bert, { num_labels: 2 });
    await using labels = await pipeline('text-classification', judge, { top_k: null });
    await using guesses = await pipeline('zero-shot-classification', judge);
    const inTurn = async <T>(items: string[], call: (item: string) => Promise<T>): Promise<T[]> => {
      const results: T[] = [];
      for (const item of items) results.push(await call(item));
      return results;
    };
    const grouped = { aggregation_strategy: 'average' } as const;
    expect(await tokens(list, grouped)).toEqual(await inTurn(list, (text) => tokens(text, grouped)));
    expect(await masks(masked)).toEqual(await inTurn(masked, (text) => masks(text)));
    expect(await answers(list, context)).toEqual(await inTurn(list, (text) => answers(text, context)));
    expect(await labels(list)).toEqual(await inTurn(list, (text) => labels(text)));
    expect(await guesses(list, ['fox', 'train'])).toEqual(
      await inTurn(list, (text) => guesses(text, ['fox', 'train'])),
    );
  });

  it('keeps order over many blocks of texts', async () => {
    await using pipe = await pipeline('text-classification', judge);
    const list = texts(2600);
    const results = await pipe(list);
    expect(results).toHaveLength(2600);
    for (const i of [0, 1023, 1024, 2047, 2048, 2599]) expect([results[i]]).toEqual(await pipe(list[i] as string));
  });

  it('lets other events in while it runs', async () => {
    await using pipe = await pipeline('token-classification', bert);
    await pipe(texts(50));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await pipe(texts(2000), { ignore_labels: [] });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });

  it('gives a text of no tokens the same alone and in a list', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'no-tokens-'));
    try {
      await cp(bert, folder, { recursive: true });
      const tokenizer = join(__dirname, '../goldens/tokenizers/byte-level');
      for (const file of ['tokenizer.json', 'tokenizer_config.json'])
        await cp(join(tokenizer, file), join(folder, file));
      await using pipe = await pipeline('feature-extraction', folder);
      const both = await pipe(['', 'a fox'], { pooling: 'mean' });
      expect(Array.from(both.data as Float32Array).slice(0, 24)).toEqual(
        Array.from((await pipe('', { pooling: 'mean' })).data as Float32Array),
      );
      expect((await pipe('')).dims).toEqual([1, 0, 24]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('runs several calls of one pipeline at once', async () => {
    await using pipe = await pipeline('text-classification', judge);
    const lists = [texts(300), texts(70).reverse(), texts(5)];
    const together = await Promise.all(lists.map((list) => pipe(list)));
    for (const [i, list] of lists.entries()) expect(together[i]).toEqual(await pipe(list));
  });
});

describe('a call that cannot be', () => {
  it('names unknown options and the nearest known one, in every task', async () => {
    const calls: [Parameters<typeof pipeline>[0], string, unknown[], string, string][] = [
      ['feature-extraction', bert, ['a'], 'normalise', 'normalize'],
      ['text-classification', judge, ['a'], 'topk', 'top_k'],
      ['token-classification', bert, ['a'], 'ignore_label', 'ignore_labels'],
      ['fill-mask', bert, ['[MASK]'], 'target', 'targets'],
      ['question-answering', bert, ['a', 'b'], 'max_answer_length', 'max_answer_len'],
      ['zero-shot-classification', judge, ['a', ['b']], 'multilabel', 'multi_label'],
    ];
    for (const [task, folder, args, wrong, right] of calls) {
      await using pipe = await pipeline(task, folder, task === 'question-answering' ? { num_labels: 2 } : {});
      const call = pipe as unknown as (...args: unknown[]) => Promise<unknown>;
      await expect(call(...args, { [wrong]: 1 })).rejects.toMatchObject({
        name: 'TypeError',
        code: 'ERR_UNKNOWN_NAME',
        message: expect.stringMatching(new RegExp(`^${task} got an unexpected option '${wrong}'; .*'${right}'`)),
      });
      await expect(call(...args, 'options')).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) });
    }
  });

  it('says what is wrong with inputs', async () => {
    await using pipe = await pipeline('text-classification', judge);
    const call = pipe as unknown as (input?: unknown, options?: object) => Promise<unknown>;
    for (const input of [undefined, null, 3, {}, [3], ['a', null], { text: 3 }, { text: 'a', pair: 'b' }])
      await expect(call(input)).rejects.toMatchObject({ name: 'ValueError' });
    await expect(call([])).rejects.toThrow(/empty list/);
    await expect(call('a', { top_k: 0 })).rejects.toThrow(/top_k.*0/);
    await expect(call('a', { function_to_apply: 'tanh' })).rejects.toThrow(/'tanh'/);
    await using tokens = await pipeline('ner', bert);
    await expect(tokens('a', { aggregation_strategy: 'mean' as 'max' })).rejects.toThrow(/'mean'/);
    await expect(tokens('a', { stride: 64, aggregation_strategy: 'max' })).rejects.toThrow(/model_max_length/);
    await expect(tokens('a', { ignore_labels: 'O' as never })).rejects.toMatchObject({ name: 'TypeError' });
    await expect(tokens(['a', 3 as never])).rejects.toThrow(/item 1/);
    await using masks = await pipeline('fill-mask', bert);
    await expect(masks(['[MASK]', 'none'])).rejects.toThrow(/text 1/);
    await expect(masks('[MASK]', { targets: [] })).rejects.toMatchObject({ name: 'ValueError' });
    await expect(masks('[MASK]', { tokenizer_kwargs: { padding: true } as never })).rejects.toThrow(/'padding'/);
    await using answers = await pipeline('question-answering', bert, { num_labels: 2 });
    const ask = answers as unknown as (...args: unknown[]) => Promise<unknown>;
    await expect(ask('who?')).rejects.toThrow(/context/);
    await expect(ask(['who?', 'what?'], ['one'])).rejects.toThrow(/2 questions and 1 contexts/);
    await expect(
      ask([
        { question: 'a', context: 'b' },
        { question: 'a', context: '' },
      ]),
    ).rejects.toThrow(/sample 1/);
    await expect(ask('who?', 'me', {}, {})).rejects.toMatchObject({ name: 'ValueError' });
  });

  it('warns of targets that are no tokens', async () => {
    await using pipe = await pipeline('fill-mask', bert);
    said.length = 0;
    const [first] = await pipe('the [MASK] fox', { targets: ['engineering'] });
    expect(said).toEqual([expect.stringContaining("'engineering'")]);
    expectClose(
      first,
      (await pipe('the [MASK] fox', { targets: pipe.tokenizer.convert_ids_to_tokens(first!.token)! }))[0],
    );
  });
});

describe('a call that is stopped', () => {
  it('rejects with an AbortError, before it begins and in the middle, and leaves the pipeline usable', async () => {
    await using pipe = await pipeline('text-classification', judge);
    const reason = new Error('enough');
    const stopped = { name: 'AbortError', code: 'ABORT_ERR', cause: reason };
    await expect(pipe('a', { signal: AbortSignal.abort(reason) })).rejects.toMatchObject(stopped);
    const list = texts(6000);
    for (const wait of [1, 5, 40]) {
      const controller = new AbortController();
      const running = pipe(list, { signal: controller.signal });
      setTimeout(() => controller.abort(reason), wait);
      await expect(running).rejects.toMatchObject(stopped);
    }
    expect(await pipe('a')).toHaveLength(1);
  });

  it('stops every task', async () => {
    const options = { signal: AbortSignal.abort() };
    await using tokens = await pipeline('ner', bert);
    await using masks = await pipeline('fill-mask', bert);
    await using features = await pipeline('feature-extraction', bert);
    await using answers = await pipeline('question-answering', bert, { num_labels: 2 });
    await using guesses = await pipeline('zero-shot-classification', judge);
    for (const call of [
      tokens('a', options),
      masks('[MASK]', options),
      features('a', options),
      answers('a', 'b', options),
      guesses('a', 'b', options),
    ])
      await expect(call).rejects.toMatchObject({ code: 'ABORT_ERR' });
  });
});

describe('a disposed pipeline', () => {
  it('gives its memory back, and refuses calls', async () => {
    const settle = () => new Promise((resolve) => setTimeout(resolve, 50));
    await settle();
    const before = memoryStats().live;
    const pipe = await pipeline('feature-extraction', join(kGoldens, 'sentence-flags'));
    await pipe(texts(100));
    await pipe.dispose();
    await settle();
    expect(memoryStats().live).toBeLessThanOrEqual(before);
    await expect(pipe('a')).rejects.toMatchObject({
      code: 'ERR_DISPOSED',
      message: expect.stringMatching(/FeatureExtractionPipeline has been disposed, with its \w+Model; make another/),
    });
    await pipe.dispose();
  });
});
