import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path';

/** The rules of the house that a machine can check: who may import whom, names, sizes, one list of sources. */

const root = join(__dirname, '..');
const kMostLines = 500;

/** What a room may import besides itself and the leaves. Imports run rightward and downward only (HACKING.md). */
const below: Record<string, string[]> = {
  hub: ['binding'], // file locks, which Node has no call for
  checkpoint: ['hub', 'binding'], // reads that never wait for a disk, which Node has no call for
  binding: [],
  tensor: ['binding'],
  nn: ['tensor', 'binding'],
  generation: ['nn', 'tensor', 'binding'],
  pretrained: ['generation', 'nn', 'tensor', 'binding', 'checkpoint', 'hub'],
  models: ['pretrained', 'generation', 'nn', 'tensor', 'binding'],
  auto: ['models', 'pretrained', 'generation', 'nn', 'tensor', 'binding', 'checkpoint', 'hub', 'preprocess'],
  preprocess: ['tensor', 'checkpoint', 'hub'], // of checkpoint: writing a file so that nothing is lost
};
below['pipelines'] = ['auto', ...(below['auto'] as string[])];
below['jobs'] = ['pipelines', ...below['pipelines']];
below['cli'] = ['jobs', ...below['jobs']];
const leaves = ['errors', 'logging', 'options', 'env', 'package', 'progress-info', 'turns'];

describe('rooms', () => {
  it('import rightward and downward only', () => {
    const breaches: string[] = [];
    for (const file of sources('lib', '.ts')) {
      const room = roomOf(file);
      if (room === 'index') continue;
      const allowed = leaves.includes(room) ? leaves : [room, ...leaves, ...(below[room] ?? ['unknown room'])];
      for (const target of importsOf(file)) if (!allowed.includes(roomOf(target))) breaches.push(`${file} → ${target}`);
    }
    expect(breaches).toEqual([]);
  });

  it('reach the addon through lib/binding alone', () => {
    expect(linesWith(sources('lib', '.ts'), /node-gyp-build|\.node'/).filter(outside('lib/binding'))).toEqual([]);
  });

  it('keep N-API in native/addon and intrinsics in native/cpu/simd', () => {
    const native = sources('native');
    expect(linesWith(native, /#include [<"](napi|node_api|node|v8|uv)\.h/).filter(outside('native/addon'))).toEqual([]);
    const intrinsics = /#include <(\w+intrin|arm_neon|arm_sve|x86intrin)\.h>|\b_mm(256|512)?_|\bv(ld|st)1q_/;
    expect(linesWith(native, intrinsics).filter(outside('native/cpu/simd'))).toEqual([]);
  });

  it('keep the addon out of native rooms that know no JavaScript', () => {
    expect(linesWith(sources('native'), /#include "addon\//).filter(outside('native/addon'))).toEqual([]);
    expect(linesWith(sources('native/math'), /#include "(?!math\/)/)).toEqual([]);
    expect(
      linesWith([...sources('native/ops'), ...sources('native/math')], /"core\/(stream|thread_pool|node)\.h"/),
    ).toEqual([]);
  });
});

describe('code that is compiled once for each instruction set', () => {
  const shared = [...sources('native/ops', '.inl'), ...sources('native/cpu', '.inl'), ...sources('native/cpu/simd')];

  it('uses no templates of the standard library', () => {
    expect(shared.length).toBeGreaterThan(5);
    expect(
      linesWith(shared, /\bstd::(?!memcpy)|#include <(vector|algorithm|string|memory|functional|map|array)>/),
    ).toEqual([]);
  });

  it('leaves no symbol that the linker could take for another instruction set', () => {
    const objects = sources('build').filter((file) => /cpu\/isa\/\w+(\.cc)?\.o$/.test(file));
    expect(objects.length).toBeGreaterThanOrEqual(2);
    for (const object of objects) {
      const isa = basename(object).split('.')[0] as string;
      const { stdout, status } = spawnSync('nm', ['--defined-only', join(root, object)], { encoding: 'utf8' });
      expect(status).toBe(0);
      const weak = stdout.split('\n').filter((line) => / [WVu] /.test(line));
      expect(weak.filter((line) => !line.includes(`${isa.length}${isa}`))).toEqual([]);
    }
  });
});

describe('native/sources.gypi', () => {
  it('lists every translation unit once, and nothing that is not there', () => {
    const { variables } = JSON.parse(read('native/sources.gypi')) as { variables: Record<string, string[]> };
    const listed = Object.values(variables)
      .flatMap((value) => (Array.isArray(value) ? value : []))
      .filter((item) => item.startsWith('native/'));
    expect(listed.sort()).toEqual(sources('native', '.cc').sort());
  });
});

describe('files', () => {
  const code = [
    ...sources('lib'),
    ...sources('native'),
    ...sources('test'),
    ...sources('bench'),
    ...sources('scripts'),
  ].filter((file) => /\.(ts|cc|h|inl|cjs|mjs|js|py|sh)$/.test(file));

  it('are named for what they hold', () => {
    expect(code.filter((file) => /\b(utils?|helpers?|common|misc|managers?)\b/i.test(basename(file)))).toEqual([]);
    expect(sources('lib', '.ts').filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(basename(file)))).toEqual([]);
  });

  it('are at most 500 lines long', () => {
    const lengths = code.map((file) => ({ file, lines: read(file).split('\n').length }));
    expect(lengths.filter(({ lines }) => lines > kMostLines)).toEqual([]);
  });

  it('leave nothing for later and name no machine', () => {
    const words = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);
    const paths = new RegExp(`(^|[^\\w.$}/])/(${['work', 'root', 'tmp', 'home'].join('|')})/`);
    const documents = [
      ...sources('docs', '.md'),
      ...['README.md', 'HACKING.md', 'CHANGELOG.md'].filter((f) => existsSync(join(root, f))),
    ];
    expect(linesWith([...code, ...documents], words)).toEqual([]);
    expect(linesWith([...code, ...documents], paths)).toEqual([]);
  });

  it('know objects of other realms: no instanceof with a global class', () => {
    const globals =
      '(Float|Int|Uint|Big|Error|\\w+Error|Promise|Array|Map|Set|Date|RegExp|Function|Abort|URL|DataView)';
    const pattern = new RegExp(`instanceof ${globals}\\w*`);
    expect(linesWith(sources('lib', '.ts'), pattern)).toEqual([]);
  });

  it('skip no test', () => {
    expect(
      linesWith(sources('test', '.test.ts'), /\b(it|describe|test)\.(only|skip|failing|todo)\b|\bx(it|describe)\(/),
    ).toEqual([]);
  });
});

describe('package.json', () => {
  const { dependencies, devDependencies, gypfile, scripts } = JSON.parse(read('package.json'));

  it('runs nothing when it is installed', () => {
    expect(gypfile).toBe(false);
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(name);
  });

  it('has no dependency that HACKING.md does not explain', () => {
    const table = read('HACKING.md').split('## Dependencies')[1] as string;
    const explained = (name: string) => table.includes(`\`${name}\``) || table.includes(`\`${name.split('/')[0]}/*\``);
    const types = /^@types\//;
    const names = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !types.test(name));
    expect(names.filter((name) => !explained(name))).toEqual([]);
  });
});

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Files below `folder`, as paths from the root, whose names end as said. Goldens and made things left out. */
function sources(folder: string, ending = ''): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(goldens|node_modules|__pycache__|results|\.cache)\//.test(file));
}

function roomOf(file: string): string {
  return (file.split('/')[1] as string).replace(/\.ts$/, '');
}

function importsOf(file: string): string[] {
  const pattern = /(?:\bfrom|\bimport|\brequire\()\s*\(?'(\.[^']*)'/g;
  return [...read(file).matchAll(pattern)].map((match) => normalize(join(dirname(file), match[1] as string)));
}

/** `file:line: text` for every line that matches. */
function linesWith(files: string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((text, i) => (pattern.test(text) ? [`${file}:${i + 1}: ${text.trim()}`] : [])),
  );
}

const outside = (folder: string) => (line: string) => !line.startsWith(`${folder}/`);
