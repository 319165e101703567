import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

const lib = join(__dirname, '..', 'lib');

/** The rooms from left to right: each may import those behind it, as the map in HACKING.md has them. */
const rooms = 'cli jobs pipelines auto models pretrained generation nn tensor binding'.split(' ');

/** Rooms below that line: what they may import, and the last room above that may import them. */
const below: Record<string, { imports: string[]; lastAbove: string }> = {
  preprocess: { imports: ['checkpoint', 'tensor'], lastAbove: 'pipelines' },
  checkpoint: { imports: [], lastAbove: 'pretrained' },
  hub: { imports: [], lastAbove: 'pretrained' },
};

function mayImport(room: string): string[] {
  if (below[room]) return below[room].imports;
  const place = rooms.indexOf(room);
  const under = Object.keys(below).filter((name) => place <= rooms.indexOf(below[name]?.lastAbove as string));
  return [...rooms.slice(place + 1), ...under];
}

const folders = readdirSync(lib, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** The folder of lib that a file lies in; null for a file in lib itself: a leaf, or the package's entrance. */
function roomOf(file: string): string | null {
  const [first] = relative(lib, file).split(sep) as [string];
  return folders.includes(first) ? first : null;
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const paths = [...text.matchAll(/(?:\bfrom|\bimport\(|\brequire\(|^import)\s*'(\.[^']*)'/gm)].map(
    (m) => m[1] as string,
  );
  return paths.map((path) => join(dirname(file), path));
}

const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(lib, name));

describe('the rooms of the house', () => {
  it('are those of the map', () => {
    expect(folders.filter((room) => !rooms.includes(room) && !(room in below))).toEqual([]);
  });

  it('import rightward and downward only', () => {
    const breaches = files.flatMap((file) => {
      const room = roomOf(file);
      if (room === null) return [];
      const allowed = [room, ...mayImport(room)];
      const targets = importsOf(file).filter((path) => !allowed.includes(roomOf(path) ?? room));
      return targets.map((path) => `${relative(lib, file)} imports ${relative(lib, path)}`);
    });
    expect(breaches).toEqual([]);
  });

  it('are entered by the package, and no leaf imports a room', () => {
    const leaves = files.filter((file) => roomOf(file) === null && relative(lib, file) !== 'index.ts');
    expect(leaves.filter((file) => importsOf(file).some((path) => roomOf(path) !== null))).toEqual([]);
    expect(files.filter((file) => importsOf(file).some((path) => relative(lib, path) === 'index'))).toEqual([]);
  });
});
