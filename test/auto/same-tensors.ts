import { createHash } from 'node:crypto';
import { openAnyCheckpoint } from '../../lib/checkpoint/open-any';

/** Type, shape and digest of every tensor of a checkpoint. */
export async function tensorsIn(folder: string): Promise<Record<string, string>> {
  await using source = await openAnyCheckpoint(folder);
  const found: Record<string, string> = {};
  for (const name of [...source.names()].sort()) {
    const { dtype, shape } = source.info(name);
    const digest = createHash('sha256')
      .update(await source.read(name))
      .digest('hex')
      .slice(0, 16);
    found[name] = `${dtype} [${shape}] ${digest}`;
  }
  return found;
}

/** Claims that two checkpoints hold the same, under the same names. */
export async function expectSameTensors(a: string, b: string): Promise<void> {
  expect(await tensorsIn(a)).toEqual(await tensorsIn(b));
}
