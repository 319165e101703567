import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readPacked, unpacked } from '../checkpoint/packed';
import { doubtOf, hunt } from './hunt';
import { memoryFolder } from './reader';
import { targets } from './targets';
import { mapHdf5 } from './targets/hdf5';
import { kPlantedSeed } from './targets/planted';

/** The watching itself: what is planted is found and named. The processes read dist/, as those of main.cjs do. */

const folder = memoryFolder();
const kHdf5 = join(__dirname, '../checkpoint/hdf5/h5py.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['hang', /^it hangs: no sign of life/],
  ['crash', /^it dies of SIGSEGV/],
  ['open-file', /^1 files are still open/],
  ['held-tensor', /^\d+ bytes of tensors are still held/],
  ['uncoded-error', /^an error of another kind: TypeError: of no kind of ours/],
])('finds a planted %s and names its seed', async (fault, what) => {
  const { findings } = await hunt({
    target: `planted-${fault}`,
    first: 1,
    runs: 560,
    seconds: 30,
    processes: 1,
    folder,
    silenceMs: fault === 'hang' ? 600 : 20_000,
  });
  expect(findings).toEqual([{ target: `planted-${fault}`, seeds: [kPlantedSeed], what: expect.stringMatching(what) }]);
});

test('doubts itself when many inputs come to errors that none comes to alone', () => {
  const tally = (odd: number) => ({
    ran: 5000,
    tally: new Map([
      ['loaded', 5000 - odd],
      ['FINDING', odd],
    ]),
  });
  expect(doubtOf(tally(4900))).toMatch(/^4900 of 5000 inputs/);
  expect(doubtOf(tally(11))).not.toBe('');
  expect(doubtOf(tally(10))).toBe('');
  expect(doubtOf({ ran: 5000, tally: new Map([['loaded', 5000]]) })).toBe('');
});

test('finds the numbers of an HDF5 file by watching its reader', async () => {
  const kept = join(folder, 'mapped');
  mkdirSync(kept);
  const bytes = unpacked((readPacked<{ file: string }>(kHdf5)['keras earliest'] as { file: string }).file);
  const { fields } = await mapHdf5(bytes, kept);
  expect(fields.length).toBeGreaterThan(400);
});

test.each(targets)('a seed of $name gives the same input in every process', async (target) => {
  const made = [];
  for (const process of ['one', 'two']) {
    const kept = join(folder, `${target.name}-${process}`);
    mkdirSync(kept);
    await target.prepare?.(kept);
    made.push(Array.from({ length: 40 }, (_, seed) => digestOf(target.make(seed))));
  }
  expect(made[0]).toEqual(made[1]);
});

function digestOf(files: ReadonlyMap<string, Uint8Array>): string {
  const names = [...files].map(([name, bytes]) => `${name} ${createHash('sha1').update(bytes).digest('hex')}`);
  return names.join('; ');
}
