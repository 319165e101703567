import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderDigest } from '../../lib/jobs/model-fingerprint';

describe('folderDigest', () => {
  it.each(['model.safetensors', 'pytorch_model.bin', 'config.json', 'vocab.txt'])(
    'changes with %s, which decides what a model computes',
    async (name) => {
      const folder = await mkdtemp(join(tmpdir(), 'fingerprint-'));
      try {
        await writeFile(join(folder, name), 'one');
        const before = await folderDigest(folder);
        await writeFile(join(folder, 'README.md'), 'decides nothing');
        expect(await folderDigest(folder)).toBe(before);
        await writeFile(join(folder, name), 'two');
        expect(await folderDigest(folder)).not.toBe(before);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
});
