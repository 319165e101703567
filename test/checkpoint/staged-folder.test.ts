import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { exchangePaths, lockFile } from '../../lib/binding/files';
import type { FolderSystem } from '../../lib/checkpoint/folder-lock';
import { completeInterruptedSave } from '../../lib/checkpoint/save-journal';
import { StagedFile, writeWhole } from '../../lib/checkpoint/staged-file';
import { type FolderContents, saveFolder } from '../../lib/checkpoint/staged-folder';
import { AbortError, OSError } from '../../lib/errors';
import { errorOf, scratchFolder } from './scratch';

jest.mock('node:fs/promises', () => ({ ...jest.requireActual('node:fs/promises') }));
const promises = jest.requireMock<typeof import('node:fs/promises')>('node:fs/promises');

const scratch = scratchFolder();
let count = 0;
let parent: string;
let target: string;

beforeEach(() => {
  parent = join(scratch, String(count++));
  target = join(parent, 'model');
  mkdirSync(parent);
});

const native: FolderSystem = { exchange: exchangePaths, lock: lockFile };
/** A system whose file systems cannot exchange folders. */
const withoutExchange: FolderSystem = { exchange: async () => 'EINVAL', lock: lockFile };
const systems: [string, FolderSystem][] = [
  ['exchange', native],
  ['journal', withoutExchange],
];

/** New files by name; names that begin with 'old' are stale beside them. */
function files(texts: Record<string, string>, before: () => unknown = () => {}): FolderContents {
  return {
    async write(folder) {
      for (const [name, text] of Object.entries(texts)) await writeWhole(join(folder, name), Buffer.from(text));
      await before();
      return Object.keys(texts);
    },
    isStale: (name, written) => name.startsWith('old') && !written.has(name),
  };
}

function fill(texts: Record<string, string>): void {
  mkdirSync(target);
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(target, name), text);
}

const found = (folder = target) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));

/** Nothing but the target is left beside it. */
const tidy = () => expect(readdirSync(parent).filter((name) => name !== 'model')).toEqual([]);

describe.each(systems)('saving a folder by %s', (_, system) => {
  it('writes, replaces, removes what is stale, and keeps the rest', async () => {
    await saveFolder(target, files({ a: '1', 'old.a': '1' }), system);
    expect(found()).toEqual({ a: '1', 'old.a': '1' });
    writeFileSync(join(target, 'mine'), 'mine');
    await saveFolder(target, files({ a: '2', b: '2' }), system);
    expect(found()).toEqual({ a: '2', b: '2', mine: 'mine' });
    tidy();
  });

  it('leaves the old state, and no litter, when writing fails or is aborted', async () => {
    fill({ a: 'old', 'old.a': 'old', mine: 'mine' });
    const before = found();
    const fails = files({ a: 'new' }, () => Promise.reject(new Error('broken')));
    expect((await errorOf(() => saveFolder(target, fails, system))).message).toBe('broken');
    const names: FolderContents = {
      ...files({}),
      write: (made) => Promise.reject(new Error(`Writing '${made}/a' failed`)),
    };
    expect((await errorOf(() => saveFolder(target, names, system))).message).toBe(`Writing '${target}/a' failed`);
    const controller = new AbortController();
    const aborts = files({ a: 'new' }, () => controller.abort());
    expect(await errorOf(() => saveFolder(target, aborts, system, controller.signal))).toBeInstanceOf(AbortError);
    expect(found()).toEqual(before);
    tidy();
  });

  it('makes no folder, and no parents, when a first save fails', async () => {
    const fails = files({ a: 'new' }, () => Promise.reject(new Error('broken')));
    await errorOf(() => saveFolder(join(parent, 'x', 'y', 'z'), fails, system));
    expect(readdirSync(parent)).toEqual([]);
  });

  it('refuses a second save into the same folder while one is at work, and lets it be made anew later', async () => {
    fill({ a: 'old' });
    let second: Promise<unknown> = Promise.resolve();
    const first = files({ a: 'first' }, async () => {
      second = errorOf(() => saveFolder(target, files({ a: 'second' }), system));
      await second;
    });
    await saveFolder(target, first, system);
    expect(await second).toMatchObject({ name: 'OSError', code: 'SAVE_IN_PROGRESS' });
    expect(found()).toEqual({ a: 'first' });
    await saveFolder(target, files({ a: 'third' }), system);
    expect(found()).toEqual({ a: 'third' });
    tidy();
  });

  it('saves through a link to a folder, and leaves the link', async () => {
    fill({ a: 'old' });
    symlinkSync(target, join(parent, 'link'));
    await saveFolder(join(parent, 'link'), files({ a: 'new' }), system);
    expect(found()).toEqual({ a: 'new' });
    expect(readdirSync(parent).sort()).toEqual(['link', 'model']);
    expect(statSync(join(parent, 'link'), {}).ino).toBe(statSync(target).ino);
  });

  it('keeps the permissions of the folder and of the files that it replaces', async () => {
    fill({ a: 'old' });
    chmodSync(join(target, 'a'), 0o640);
    chmodSync(target, 0o700);
    await saveFolder(target, files({ a: 'new' }), system);
    expect(statSync(join(target, 'a')).mode & 0o777).toBe(0o640);
    expect(statSync(target).mode & 0o777).toBe(0o700);
  });

  it('removes temporary files of writers that are dead, and those alone', async () => {
    const dead = `.a.${'0'.repeat(16)}.tmp`;
    fill({ [dead]: '', 'own.tmp': '' });
    const writer = await StagedFile.create(join(target, 'b'));
    await writer.write(Buffer.from('late'));
    await writer.finish();
    await saveFolder(target, files({ a: 'new' }), system);
    expect(Object.keys(found()).sort()).toEqual([expect.stringMatching(/^\.b\..*\.tmp$/), 'a', 'own.tmp']);
    await writer.commit();
    expect(found()).toEqual({ a: 'new', b: 'late', 'own.tmp': '' });
  });

  it('refuses to put a file where a folder is', async () => {
    fill({ mine: 'mine' });
    mkdirSync(join(target, 'a'));
    writeFileSync(join(target, 'a', 'inner'), 'inner');
    const error = await errorOf(() => saveFolder(target, files({ a: 'new' }), system));
    expect(error).toBeInstanceOf(OSError);
    expect(error.message).toContain('is a folder');
    expect(readFileSync(join(target, 'a', 'inner'), 'utf8')).toBe('inner');
    tidy();
  });

  it('says what cannot be written, and where', async () => {
    writeFileSync(join(parent, 'file'), '');
    const error = await errorOf(() => saveFolder(join(parent, 'file', 'model'), files({ a: '' }), system));
    expect(error).toMatchObject({ name: 'OSError', code: 'WRITE_FAILED' });
    expect(error.message).toContain(join(parent, 'file'));
  });
});

describe('saving by exchange', () => {
  it('sweeps what killed saves left beside the folder, but not what another process is writing', async () => {
    fill({ a: 'old' });
    const dead = join(parent, `.model.${'0'.repeat(16)}.saving`);
    const others = join(parent, `.model.${'1'.repeat(16)}.saved`);
    mkdirSync(dead);
    writeFileSync(join(dead, 'half'), 'half');
    mkdirSync(others);
    let seen: string[] = [];
    const inner = files({ b: 'b' }, () => {
      seen = readdirSync(parent).filter((name) => name.endsWith('.saving'));
    });
    // The outer save's own folder is one that the inner save must not sweep: both are beside 'model'.
    const outer = files({ a: 'new' }, () => errorOf(() => saveFolder(target, inner, native)));
    await saveFolder(target, outer, native);
    expect(seen).toEqual([]);
    expect(found()).toEqual({ a: 'new' });
    expect(existsSync(dead)).toBe(false);
    expect(readdirSync(parent).sort()).toEqual([`.model.${'1'.repeat(16)}.saved`, 'model']);
  });

  it('keeps what others put into the folder while it saves', async () => {
    fill({ a: 'old', log: '1' });
    const contents = files({ a: 'new' });
    const late: FolderSystem = {
      ...native,
      async exchange(a, b) {
        if (b === target) {
          writeFileSync(join(target, 'late'), 'late');
          rmSync(join(target, 'log'));
          writeFileSync(join(target, 'log'), '2');
          const soon = new Date(Date.now() + 5000);
          utimesSync(join(target, 'log'), soon, soon);
        }
        return exchangePaths(a, b);
      },
    };
    await saveFolder(target, contents, late);
    expect(found()).toEqual({ a: 'new', late: 'late', log: '2' });
  });

  it('lets a file that is being written into the folder take its place in the new one', async () => {
    fill({ a: 'old', b: 'old' });
    let committed: Promise<void> = Promise.resolve();
    const between: FolderSystem = {
      ...native,
      async exchange(a, b) {
        if (b !== target) return exchangePaths(a, b);
        const staged = await StagedFile.create(join(target, 'b'));
        await staged.write(Buffer.from('new'));
        const refused = await exchangePaths(a, b);
        committed = staged.commit(); // its temporary file is in the old folder now
        await new Promise((resolve) => setTimeout(resolve, 30));
        return refused;
      },
    };
    await saveFolder(target, files({ a: 'new' }), between);
    await committed;
    expect(found()).toEqual({ a: 'new', b: 'new' });
    tidy();
  });

  it('completes when the folder comes to be meanwhile', async () => {
    const contents = files({ a: 'new' }, () => fill({ mine: 'mine' }));
    await saveFolder(target, contents, native);
    expect(found()).toEqual({ a: 'new', mine: 'mine' });
    tidy();
  });

  it('keeps the folder itself where it is the working directory', async () => {
    fill({ a: 'old' });
    const { ino } = statSync(target);
    const here = process.cwd();
    process.chdir(target);
    try {
      await saveFolder(target, files({ a: 'new' }), native);
      expect(statSync('.').ino).toBe(ino);
      await saveFolder('.', files({ a: 'newer' }), native);
    } finally {
      process.chdir(here);
    }
    expect(statSync(target).ino).toBe(ino);
    expect(found()).toEqual({ a: 'newer' });
    tidy();
  });

  it('writes inside the folder where the folder around it may not be written to', async () => {
    fill({ a: 'old', mine: 'mine' });
    const nobody = 65534;
    const isRoot = process.geteuid?.() === 0;
    chmodSync(scratch, 0o755);
    if (isRoot) for (const path of [target, join(target, 'a')]) chownSync(path, nobody, nobody);
    chmodSync(parent, 0o555);
    if (isRoot) process.seteuid?.(nobody);
    try {
      expect(await errorOf(() => saveFolder(join(parent, 'other'), files({ a: '' }), native))).toMatchObject({
        name: 'OSError',
        code: 'WRITE_FAILED',
      });
      await saveFolder(target, files({ a: 'new' }), native);
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(parent, 0o755);
    }
    expect(found()).toEqual({ a: 'new', mine: 'mine' });
    tidy();
  });

  it('leaves a folder where it is that holds what may not be read, and says so of one that may not be read itself', async () => {
    fill({ a: 'old' });
    const { ino } = statSync(target);
    const isRoot = process.geteuid?.() === 0;
    for (const path of [scratch, parent]) chmodSync(path, 0o777);
    mkdirSync(join(target, 'closed'), { mode: 0o000 });
    if (isRoot) for (const path of [target, join(target, 'a')]) chownSync(path, 65534, 65534);
    if (isRoot) process.seteuid?.(65534);
    try {
      await saveFolder(target, files({ a: 'new' }), native);
      expect(statSync(target).ino).toBe(ino);
      expect(readFileSync(join(target, 'a'), 'utf8')).toBe('new');
      chmodSync(target, 0o000);
      const error = await errorOf(() => saveFolder(target, files({ a: 'newer' }), native));
      expect(error).toMatchObject({ name: 'OSError', code: 'WRITE_FAILED' });
      expect(error.message).toContain(target);
    } finally {
      chmodSync(target, 0o755);
      if (isRoot) process.seteuid?.(0);
    }
    chmodSync(join(target, 'closed'), 0o755);
    expect(readdirSync(target).sort()).toEqual(['a', 'closed']);
    tidy();
  });

  it('copies where there are no hard links', async () => {
    const link = jest.spyOn(promises, 'link').mockRejectedValue(Object.assign(new Error('no'), { code: 'EPERM' }));
    try {
      fill({ a: 'old', mine: 'mine' });
      const old = statSync(join(target, 'mine'));
      await saveFolder(target, files({ a: 'new' }), native);
      expect(link).toHaveBeenCalled();
      expect(found()).toEqual({ a: 'new', mine: 'mine' });
      expect(statSync(join(target, 'mine')).ino).not.toBe(old.ino);
      expect(Math.abs(statSync(join(target, 'mine')).mtimeMs - old.mtimeMs)).toBeLessThan(2);
    } finally {
      link.mockRestore();
    }
  });
});

describe('saving by journal', () => {
  const stage = `.saving-${'0'.repeat(16)}`;
  const journal = (plan: unknown) =>
    writeFileSync(join(target, '.save-journal.json'), typeof plan === 'string' ? plan : JSON.stringify(plan));

  it('is completed by whoever looks next, once it was decided', async () => {
    fill({ a: 'old', b: 'new', 'old.a': 'old', mine: 'mine' });
    mkdirSync(join(target, stage));
    writeFileSync(join(target, stage, 'a'), 'new'); // b was moved before the kill
    journal({ stage, files: ['a', 'b'], remove: ['old.a', 'old.b'] });
    await completeInterruptedSave(target, native);
    expect(found()).toEqual({ a: 'new', b: 'new', mine: 'mine' });
  });

  it('is forgotten when it was not decided', async () => {
    fill({ a: 'old' });
    mkdirSync(join(target, stage));
    writeFileSync(join(target, stage, 'a'), 'half');
    await saveFolder(target, files({ b: 'new' }), withoutExchange);
    expect(found()).toEqual({ a: 'old', b: 'new' });
  });

  it('removes nothing for a journal without its files', async () => {
    fill({ a: 'new', 'old.a': 'kept' });
    journal({ stage, files: ['a'], remove: ['old.a'] });
    await completeInterruptedSave(target, native);
    expect(found()).toEqual({ a: 'new', 'old.a': 'kept' });
  });

  it.each([
    'not json',
    'null',
    { stage: '../elsewhere', files: [], remove: [] },
    { stage, files: ['../../a'], remove: [] },
    { stage, files: [], remove: ['/etc/passwd'] },
    { stage, files: [], remove: ['sub/file'] },
    { stage, files: 'a', remove: [] },
  ])('is refused when it is damaged or reaches elsewhere: %j', async (plan) => {
    fill({ a: 'old' });
    mkdirSync(join(target, stage));
    journal(plan);
    const error = await errorOf(() => completeInterruptedSave(target, native));
    expect(error).toMatchObject({ name: 'OSError', code: 'SAVE_INTERRUPTED' });
    expect(existsSync(join(target, '.save-journal.json'))).toBe(true);
  });
});
