import { once } from 'node:events';
import { join } from 'node:path';
import { kTokenizers } from './golden-tokenizers';
import { runProcess, startWorker } from './typescript-thread';

const folder = JSON.stringify(join(kTokenizers, 'bert'));
const manyTexts = `Array.from({ length: 20000 }, (_, i) => 'the cat watches a wooden bridge number ' + i)`;

describe('tokenizers and threads', () => {
  it('works in worker threads, several at a time', async () => {
    const workers = Array.from({ length: 3 }, () =>
      startWorker(`
        const tokenizer = await preprocess.AutoTokenizer.from_pretrained(${folder});
        const { input_ids } = await tokenizer(['the cat', 'again'], { padding: true });
        require('node:worker_threads').parentPort.postMessage({ dims: [...input_ids.dims], text: await tokenizer.decode([2, 222, 3]) });
      `),
    );
    const answers = await Promise.all(workers.map((worker) => once(worker, 'message')));
    for (const [answer] of answers) expect(answer).toEqual({ dims: [2, 4], text: '[CLS] the [SEP]' });
  });

  it('survives the end of a worker thread in the middle of a batch', async () => {
    const worker = startWorker(`
      const tokenizer = await preprocess.AutoTokenizer.from_pretrained(${folder});
      const batch = tokenizer(${manyTexts}, { padding: true });
      require('node:worker_threads').parentPort.postMessage('started');
      await batch;
    `);
    await once(worker, 'message');
    expect(await worker.terminate()).toBe(1);
  });

  it('keeps a process alive while it is asked for something, and no longer', () => {
    const { status, stdout } = runProcess(`
      const tokenizer = await preprocess.AutoTokenizer.from_pretrained(${folder});
      console.log((await tokenizer('the cat')).input_ids.size);
    `);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '4\n' });
  });

  it('lets a process exit in the middle of a batch', () => {
    const { status, signal, stderr } = runProcess(`
      const tokenizer = await preprocess.AutoTokenizer.from_pretrained(${folder});
      tokenizer(${manyTexts}, { padding: true });
      setTimeout(() => process.exit(7), 20);
    `);
    expect({ status, signal, stderr }).toEqual({ status: 7, signal: null, stderr: '' });
  });

  it('ends its thread with the last tokenizer, and starts another for the next', () => {
    const { status, stdout } = runProcess(`
      const first = await preprocess.AutoTokenizer.from_pretrained(${folder});
      first.dispose();
      const refused = await first('a').catch((error) => error.code);
      const second = await preprocess.AutoTokenizer.from_pretrained(${folder});
      console.log(refused, (await second('the cat')).input_ids.size);
    `);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'ERR_DISPOSED 4\n' });
  });
});
