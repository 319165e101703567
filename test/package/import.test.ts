import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { root } from './run-command';

const dist = join(root, 'dist');

/** What a program prints, as JSON. */
function printed(program: string, ...options: string[]): unknown {
  return JSON.parse(execFileSync(process.execPath, [...options, '-e', program], { cwd: root, encoding: 'utf8' }));
}

describe('importing the package', () => {
  it('runs the reader of safetensors and no other', () => {
    require('../../lib');
    const loaded = Object.keys(require.cache).map((file) => relative(root, file).split(sep).join('/'));
    expect(loaded).toContain('lib/checkpoint/safetensors.ts');
    const formats = loaded.filter((file) => file.startsWith('lib/checkpoint/'));
    const readers = /\/(flax|gguf|hdf5|pytorch|bundle|pickle|zip-container|msgpack-tree|gguf-header)\.ts$/;
    expect(formats.filter((file) => readers.test(file))).toEqual([]);
  });

  it('loads two files of dist, whatever is imported', () => {
    const program = `require('./dist'); console.log(JSON.stringify(Object.keys(require.cache)))`;
    const files = (printed(program) as string[]).filter((file) => file.startsWith(dist + sep));
    expect(files.sort()).toEqual([join(dist, 'index.js'), join(dist, 'modules.js')]);
  });

  it('gives import the same names as require', () => {
    const required = printed(`console.log(JSON.stringify(Object.keys(require('./dist')).sort()))`) as string[];
    const program = `import * as all from './dist/index.js'; console.log(JSON.stringify(Object.keys(all).sort()))`;
    const imported = printed(program, '--input-type=module') as string[];
    expect(imported.filter((name) => name !== 'default' && name !== 'module.exports')).toEqual(required);
    expect(required).toContain('AutoModel');
  });
});

describe('dist/', () => {
  const modules = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));

  it('has each module of lib/ where it was, as the one that all share', () => {
    const names = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => file.replace(/\.ts$/, '.js'));
    expect(modules.filter((file) => file !== 'modules.js').sort()).toEqual(names.sort());
    for (const file of modules.filter((file) => file !== 'modules.js'))
      expect(readFileSync(join(dist, file), 'utf8')).toMatch(
        /^(#!.*\n)?module\.exports = require\('[./]+\/modules\.js'\)\(/,
      );
    const program = `const { OSError } = require('./dist'); console.log(OSError === require('./dist/errors').OSError)`;
    expect(printed(program)).toBe(true);
  });

  it('leads from an error back to the line of lib/ that threw it', () => {
    const program = `require('./dist/checkpoint/open').openCheckpoint('nowhere').catch((error) => console.log(JSON.stringify(error.stack)))`;
    const stack = printed(program, '--enable-source-maps') as string;
    const [, file = '', line = '0'] = /\((.*lib[\\/]checkpoint[\\/]fault\.ts):(\d+):\d+\)/.exec(stack) ?? [];
    expect(readFileSync(file, 'utf8').split('\n')[Number(line) - 1]).toContain('new CheckpointError(');
  });
});
