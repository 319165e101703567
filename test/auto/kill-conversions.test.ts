import { killConversions } from './kill-conversions.cjs';

/** Six kills; `node test/auto/kill-conversions.cjs 200` is the long run. */
describe('a conversion to GGUF that is killed', () => {
  it('leaves the old file, the new one or none, and the next one completes and clears what it left', async () => {
    const found = await killConversions(6);
    expect(found).toMatchObject({ kills: 6, torn: 0, completes: true, litter: [] });
    expect(found.mostLeft).toBeLessThan(2);
  });
});
