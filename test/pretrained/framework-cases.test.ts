/** Checkpoints that TensorFlow, its first version's releases and Flax wrote, and what they give. */
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { expectRecorded, recordedCases } from './recorded-case';

const root = join(__dirname, '..', 'goldens', 'frameworks');

beforeEach(() => setLogHook(() => {}));
afterEach(() => setLogHook(null));

it.each(recordedCases(root))('%s gives what its framework gave (rows 21, 148, 150, 157, 158, 165, 166)', (name) =>
  expectRecorded(join(root, name)),
);
