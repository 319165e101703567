/** Checkpoints that other programs wrote, where the folder of fixtures is beside the project. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatIndex, readIndex } from '../../lib/checkpoint/index-file';
import { openCheckpoint } from '../../lib/checkpoint/open';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { writeSafetensors } from '../../lib/checkpoint/safetensors-writer';
import { setLogHook } from '../../lib/logging';
import { atOnce } from '../../lib/turns';
import { errorOf, scratchFolder } from './scratch';

const shared = join(__dirname, '..', '..', '..', 'shared');
const fixtures = join(shared, 'fixtures');

if (existsSync(fixtures)) {
  const scratch = scratchFolder();
  const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
  const files = [fixtures, join(shared, 'models')].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.safetensors'))
      .map((name) => join(root, name)),
  );

  describe('safetensors files of Transformers', () => {
    it.each(files.map((file) => [file.slice(shared.length + 1), file]))('%s is read', async (_, file) => {
      await using source = await openSafetensors(file);
      expect(source.names().length).toBeGreaterThan(0);
      const last = source.names().at(-1) as string;
      expect(await source.read(last)).toHaveLength(source.info(last).byteLength);
    });

    it.each([
      'bert-st-sharded/model-00002-of-00006.safetensors',
      'llama-st-bf16/model.safetensors',
      'bert-tf-h5/case.safetensors',
    ])('%s is written again byte for byte', async (name) => {
      await using source = await openSafetensors(join(fixtures, name));
      const tensors = source.names().map((key) => ({ name: key, ...source.info(key), bytes: () => source.read(key) }));
      const copy = join(scratch, 'copy.safetensors');
      const metadata = source.metadata.size > 0 ? Object.fromEntries(source.metadata) : null;
      await writeSafetensors(copy, tensors, { metadata });
      expect(sha256(copy)).toBe(sha256(join(fixtures, name)));
    });

    it('the six shards of bert-st-sharded are one checkpoint, and nothing about it is worth a warning', async () => {
      const messages: string[] = [];
      const previous = setLogHook((_, message) => messages.push(message));
      try {
        await using source = await openCheckpoint(join(fixtures, 'bert-st-sharded'));
        expect(source.parts).toHaveLength(6);
        const total = source.names().reduce((sum, name) => sum + source.info(name).byteLength, 0);
        expect(total).toBe(source.indexMetadata.get('total_size'));
        expect(source.info('bert.embeddings.word_embeddings.weight')).toMatchObject({
          dtype: 'float32',
          shape: [101, 32],
        });
      } finally {
        setLogHook(previous);
      }
      expect(messages).toEqual([]);
    });

    it('the index of bert-st-sharded is written again byte for byte', async () => {
      const path = join(fixtures, 'bert-st-sharded', 'model.safetensors.index.json');
      expect(atOnce(formatIndex(await readIndex(path)))).toBe(readFileSync(path, 'utf8'));
    });

    it.each([
      ['bert-tf-h5', {}, 'WEIGHTS_NOT_FOUND'],
      ['bert-flax', {}, 'WEIGHTS_NOT_FOUND'],
      ['bert-pt-variant-fp16', {}, 'WEIGHTS_NOT_FOUND'],
      ['bert-pt-variant-fp16', { variant: 'fp32' }, 'WEIGHTS_NOT_FOUND'],
    ])('%s with %j ends in a named error', async (name, options, code) => {
      expect((await errorOf(() => openCheckpoint(join(fixtures, name), options))).code).toBe(code);
    });
  });
} else {
  it(`has no fixtures to read: ${fixtures} is not there`, () => {
    expect(existsSync(fixtures)).toBe(false);
  });
}
