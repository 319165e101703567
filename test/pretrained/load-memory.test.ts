import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('memory while loading (row 28)', () => {
  const program = join(__dirname, 'programs', 'load-memory.cjs');
  const kShard = 24e6;

  it.each(['safetensors', 'pytorch'])('is the model and less than a shard beyond, from shards of %s', (format) => {
    const folder = mkdtempSync(join(tmpdir(), 'load-memory-'));
    try {
      const run = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
      expect(run('make', folder, format)).toMatchObject({ status: 0, stderr: '' });
      const { weights, tensors, resident } = JSON.parse(run('load', folder).stdout) as Record<string, number>;
      expect(tensors).toBeGreaterThanOrEqual(weights as number);
      expect(tensors).toBeLessThan((weights as number) + kShard);
      // What the process holds besides (code, buffers, maps of the heap) is no more than a shard either.
      expect(resident).toBeGreaterThan(weights as number);
      expect(resident).toBeLessThan((weights as number) + 2 * kShard);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
