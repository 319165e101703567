/** Checkpoints that torch wrote, and what they give: files of every form that `pytorch_model.bin` has had since zip. */
import { join } from 'node:path';
import { setLogHook } from '../../lib/logging';
import { expectRecorded, recordedCases } from './recorded-case';

const root = join(__dirname, '..', 'goldens', 'pytorch');

beforeEach(() => setLogHook(() => {}));
afterEach(() => setLogHook(null));

it.each(recordedCases(root))('%s gives what torch gave, and reports what Transformers did (rows 46, 56, 59)', (name) =>
  expectRecorded(join(root, name)),
);
