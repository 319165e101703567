import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertCheckpoint } from '../../lib/auto/convert-checkpoint';
import { setLogHook } from '../../lib/logging';
import { pipeline } from '../../lib/pipelines';
import type { ProgressInfo, TotalProgressInfo } from '../../lib/progress-info';
import { useScratchHub } from './scratch-hub';

/** `pipeline` by the id of a repository. */

const hub = useScratchHub();
const goldens = join(__dirname, '..', 'goldens');

beforeEach(() => setLogHook(() => {}));
afterEach(() => setLogHook(null));

function filesOf(folder: string, names = readdirSync(folder)): Record<string, Buffer> {
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))]));
}

function filesBelow(folder: string): Record<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return filesOf(folder, names);
}

describe('a pipeline', () => {
  it('fetches what its task needs at once, and nothing else', async () => {
    const files = filesBelow(join(goldens, 'pipelines', 'sentence-flags'));
    hub.server.commit('org/bert', { ...files, 'onnx/model.onnx': 'x', 'pytorch_model.bin': 'x', 'README.md': 'x' });
    const events: ProgressInfo[] = [];
    const extract = await pipeline('feature-extraction', 'org/bert', { progress_callback: (e) => events.push(e) });
    expect(extract.model.config.name_or_path).toBe('org/bert');
    await extract.dispose();
    const got = hub.server.requests().filter((line) => line.startsWith('GET'));
    expect(got[0]).toBe('GET /api/models/org/bert/revision/main');
    expect(hub.server.requests().join(' ')).not.toMatch(/onnx|\.bin|README/);
    expect(events.at(-1)).toEqual({ status: 'ready', task: 'feature-extraction', model: 'org/bert' });
    const sums = events.filter((event): event is TotalProgressInfo => event.status === 'progress_total');
    expect(sums.at(-1)!.loaded).toBe(sums[0]!.total);
    process.env['HF_HUB_OFFLINE'] = '1';
    const offline = await pipeline('feature-extraction', 'org/bert');
    await offline.dispose();
  });

  it.each([
    ['from_tf', 'tensorflow', 'tf_model.h5'],
    ['from_flax', 'flax', 'flax_model.msgpack'],
  ])('takes %s, and says so where it is missing', async (option, to, file) => {
    const golden = join(goldens, 'pipelines', 'bert');
    const folder = join(hub.home, option);
    await convertCheckpoint(golden, { to, output: folder });
    hub.server.commit('org/bert', filesOf(folder));
    await expect(pipeline('feature-extraction', 'org/bert')).rejects.toMatchObject({
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringMatching(new RegExp(`^org/bert .*set ${option} `)),
    });
    hub.server.forget();
    const extract = await pipeline('feature-extraction', 'org/bert', { [option]: true });
    await extract.dispose();
    expect(hub.server.requests().filter((line) => line.startsWith('HEAD') && line.endsWith(file))).toHaveLength(1);
  });

  it('fetches the weights that the config names in place of a search', async () => {
    const {
      'config.json': config,
      'model.safetensors': weights,
      ...texts
    } = filesOf(join(goldens, 'pipelines', 'bert'));
    const named = { ...JSON.parse(String(config)), transformers_weights: 'other.safetensors' };
    hub.server.commit('org/bert', {
      ...texts,
      'config.json': JSON.stringify(named),
      'other.safetensors': weights as Buffer,
    });
    const extract = await pipeline('feature-extraction', 'org/bert');
    await extract.dispose();
  });

  it('names the revision that there is not, as a model does', async () => {
    hub.server.commit('org/bert', filesOf(join(goldens, 'bert', 'base'), ['config.json', 'model.safetensors']));
    await expect(pipeline('feature-extraction', 'org/bert', { revision: 'v9' })).rejects.toMatchObject({
      name: 'OSError',
      code: 'ERR_HUB_REVISION_NOT_FOUND',
      message: expect.stringMatching(/^v9 is not a valid git identifier/),
    });
  });
});
