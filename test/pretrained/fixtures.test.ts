/** Checkpoints that every framework wrote, and what they give: where the folder of fixtures is beside the project. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { expectRecorded, recordedCases } from './recorded-case';

const fixtures = join(__dirname, '..', '..', '..', 'shared', 'fixtures');

/** What this version does not read yet. */
const pending = /^(qwen2|llama-gguf|gpt2-gguf)|tf-h5|tf1/;

if (existsSync(fixtures)) {
  const names = recordedCases(fixtures);

  beforeEach(() => setLogHook(() => {}));
  afterEach(() => setLogHook(null));

  it.each(names.filter((name) => !pending.test(name)))('%s gives what its framework gave', (name) =>
    expectRecorded(join(fixtures, name)),
  );
} else {
  it(`has no fixtures to read: ${fixtures} is not there`, () => {
    expect(existsSync(fixtures)).toBe(false);
  });
}
