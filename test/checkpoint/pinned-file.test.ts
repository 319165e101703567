import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PinnedFile } from '../../lib/checkpoint/pinned-file';
import { errorOf, scratchFolder } from './scratch';

const kNumbers = 20_000;
const kReaders = 32;
/** Readers of more numbers than these in one turn would hold others up for tens of milliseconds. */
const kMostATurn = 1000;

describe('many small reads of one file by many at once', () => {
  const path = join(scratchFolder(), 'numbers');
  writeFileSync(path, new Uint8Array(new Float64Array(kNumbers).map((_, i) => i).buffer));

  /** Reads every number, by readers who take the next one each, and calls `onRead` after each. */
  async function readAll(file: PinnedFile, onRead: () => void): Promise<void> {
    const queue = Array(kNumbers).keys();
    const work = async () => {
      const number = new Float64Array(1);
      const bytes = new Uint8Array(number.buffer);
      for (const i of queue) {
        if (!file.readNow(bytes, i * 8)) await file.readInto(bytes, i * 8);
        if (number[0] !== i) throw new Error(`number ${i} is ${number[0]}`);
        onRead();
      }
    };
    await Promise.all(Array.from({ length: kReaders }, work));
  }

  it('lets others have their turn in between', async () => {
    const file = await PinnedFile.open(path);
    let [read, most, seen] = [0, 0, 0];
    let isDone = false;
    const look = () => {
      most = Math.max(most, read - seen);
      seen = read;
      if (!isDone) setImmediate(look);
    };
    setImmediate(look);
    await readAll(file, () => read++);
    isDone = true;
    await file.close();
    expect(read).toBe(kNumbers);
    expect(most).toBeLessThanOrEqual(kMostATurn);
  });

  it('says that the file has been closed meanwhile', async () => {
    const file = await PinnedFile.open(path);
    setImmediate(() => void file.close());
    expect((await errorOf(() => readAll(file, () => {}))).code).toBe('CHECKPOINT_CLOSED');
  });
});
