import { killSaves, modes } from './kill-saves.cjs';

/** Four kills a mode; `node test/pretrained/kill-saves.cjs 200` is the long run. */
describe('a save that is killed leaves the old state or the new one, and the next save completes', () => {
  it.each([...modes])('%s', async (mode) => {
    const found = await killSaves(mode, 4);
    expect(found).toMatchObject({ kills: 4, lost: 0, torn: 0, foreignLost: 0, litter: [] });
  });
});
