import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePyTorch } from '../../lib/checkpoint/pytorch/pytorch-writer';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { pipeline } from '../../lib/pipelines';
import { kGoldens } from './golden-pipelines';

/** Puts pytorch_model.bin in place of model.safetensors. */
async function toPyTorch(folder: string): Promise<void> {
  const path = join(folder, 'model.safetensors');
  {
    await using source = await openSafetensors(path);
    const tensors = source.names().map((name) => ({ name, ...source.info(name), bytes: () => source.read(name) }));
    await writePyTorch(join(folder, 'pytorch_model.bin'), tensors);
  }
  await rm(path);
}

describe('a folder of sentence-transformers with pytorch_model.bin', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pytorch-weights-'));
    await cp(join(kGoldens, 'sentence-flags'), folder, { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('gives the same vectors, the Dense module included', async () => {
    const text = 'a sentence';
    const vectorOf = async () => {
      await using pipe = await pipeline('feature-extraction', folder);
      return Array.from((await pipe(text)).data as Float32Array);
    };
    const expected = await vectorOf();
    await toPyTorch(join(folder, '0_Transformer'));
    await toPyTorch(join(folder, '2_Dense'));
    expect(await vectorOf()).toEqual(expected);
  });
});
