import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './run-command';

describe('importing the package', () => {
  it('loads the reader of safetensors and no other', () => {
    const program = `require('./dist'); console.log(JSON.stringify(Object.keys(require.cache)))`;
    const files = JSON.parse(
      execFileSync(process.execPath, ['-e', program], { cwd: root, encoding: 'utf8' }),
    ) as string[];
    const loaded = files.filter((file) => file.startsWith(join(root, 'dist', 'checkpoint')));
    expect(loaded).toContain(join(root, 'dist', 'checkpoint', 'safetensors.js'));
    const readers = /[\\/](flax|gguf|hdf5|pytorch|bundle|pickle|zip-container|msgpack-tree|gguf-header)\.js$/;
    expect(loaded.filter((file) => readers.test(file))).toEqual([]);
  });
});
