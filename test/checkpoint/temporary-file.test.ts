import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFile } from '../../lib/binding/files';
import { StagedFile } from '../../lib/checkpoint/staged-file';
import { abandonedFiles, clearAbandoned, openTemporary } from '../../lib/checkpoint/temporary-file';

jest.mock('../../lib/binding/files', () => {
  const real = jest.requireActual<typeof import('../../lib/binding/files')>('../../lib/binding/files');
  return { ...real, lockFile: jest.fn(real.lockFile) };
});
const lock = lockFile as jest.Mock<boolean | null, [number]>;

const left = `.model.gguf.${'0'.repeat(16)}.tmp`;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'temporary-'));
});
afterEach(() => {
  lock.mockReset();
  lock.mockImplementation(jest.requireActual('../../lib/binding/files').lockFile);
  rmSync(folder, { recursive: true, force: true });
});

const write = (name: string) => writeFileSync(join(folder, name), 'half');

it('what no process holds is cleared away, and neither other names, folders nor links', async () => {
  for (const name of [left, 'mine.tmp', '.model.gguf.tmp']) write(name);
  expect(await abandonedFiles(folder)).toEqual(new Set([left]));
  await clearAbandoned(folder);
  expect(readdirSync(folder).sort()).toEqual(['.model.gguf.tmp', 'mine.tmp']);
  await clearAbandoned(join(folder, 'nowhere'));
});

it('what a writer holds stays, from its first byte until it has taken its place', async () => {
  const writer = await StagedFile.create(join(folder, 'model.gguf'));
  for (const step of [() => writer.write(Buffer.from('x')), () => writer.finish()]) {
    await step();
    await clearAbandoned(folder);
    expect(readdirSync(folder)).toHaveLength(1);
  }
  await writer.commit();
  await clearAbandoned(folder);
  expect(readdirSync(folder)).toEqual(['model.gguf']);
});

it('a writer whose new file is taken for abandoned before it is locked begins another', async () => {
  const paths: string[] = [];
  lock.mockImplementationOnce(() => {
    paths.push(...readdirSync(folder));
    return false;
  });
  const { path, handle, isHeld } = await openTemporary(join(folder, 'model.gguf'));
  expect([isHeld, existsSync(path), readdirSync(folder).length]).toEqual([true, true, 1]);
  expect(paths).toHaveLength(1);
  expect(path).not.toContain(paths[0]);
  await handle.close();
});

it('where there are no locks, an hour without a write tells', async () => {
  lock.mockReturnValue(null);
  for (const name of [left, left.replace('0', '1')]) write(name);
  utimesSync(join(folder, left), 1, 1);
  await clearAbandoned(folder);
  expect(readdirSync(folder)).toEqual([left.replace('0', '1')]);
  const writer = await StagedFile.create(join(folder, 'a'));
  await writer.write(Buffer.from('x'));
  await writer.commit();
  expect(existsSync(join(folder, 'a'))).toBe(true);
});
