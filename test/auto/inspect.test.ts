import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectCheckpoint } from '../../lib/auto/inspect';
import { inspectionText } from '../../lib/cli/inspect';

const golden = join(__dirname, '..', 'goldens', 'bert', 'base');

describe('the inspection of a checkpoint', () => {
  it('tells what it is, and that it loads', async () => {
    const found = await inspectCheckpoint(golden);
    expect(found).toMatchObject({ path: golden, model_type: 'bert', loads: true });
    expect(inspectionText(found)).toMatch(/model type +bert\n.*model.safetensors +safetensors.*It will load\./s);
  });

  it('is an error where there is nothing, and shows no empty tables of what holds nothing', async () => {
    await expect(inspectCheckpoint(join(golden, 'elsewhere'))).rejects.toMatchObject({
      name: 'OSError',
      code: 'ERR_NO_FOLDER',
      message: expect.stringMatching(/there is no folder or file '.*elsewhere'/),
    });
    const empty = mkdtempSync(join(tmpdir(), 'inspect-'));
    try {
      const text = inspectionText(await inspectCheckpoint(empty));
      expect(text).toMatch(/^checkpoint {2}.*\n\nIt will not load:\n {2}.*config.json/);
      expect(text).not.toMatch(/dtype|architecture|parameters/);
    } finally {
      rmSync(empty, { recursive: true });
    }
  });

  it('of one weights file shows what lies in it, and says what loading it needs', async () => {
    const file = join(golden, 'model.safetensors');
    const found = await inspectCheckpoint(file);
    expect(found).toMatchObject({ model_type: 'bert', isFile: true, loads: true });
    expect(found.files).toHaveLength(1);
    expect(found.call).toMatch(/^Bert\w+\.from_pretrained\('.*model\.safetensors', { config: '.*config\.json' }\)$/);
    expect(inspectionText(found)).toMatch(/parameters.*model.safetensors.*word_embeddings.*It will load: Bert/s);
  });

  it('of a file without its config shows what lies in it, and asks for one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inspect-'));
    try {
      const file = join(folder, 'model.safetensors');
      copyFileSync(join(golden, 'model.safetensors'), file);
      const found = await inspectCheckpoint(file);
      expect(found).toMatchObject({ model_type: '', loads: false, call: null });
      expect(inspectionText(found)).toMatch(/word_embeddings.*It will not load:\n {2}.*give the config of/s);
      expect((await inspectCheckpoint(file, { config: golden })).loads).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
