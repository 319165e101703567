import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pushToHub } from '../../lib/hub/push-to-hub';
import { goodToken } from './hub-server';
import { allowWrites, type Writes } from './hub-writes';
import { bytesOf, useScratchHub } from './scratch-hub';
import { xetToken } from './xet-storage';

/** Large files go up by Xet where the Hub offers it (H-14). */

const hub = useScratchHub();
let writes: Writes;

beforeEach(() => {
  process.env['HF_TOKEN'] = goodToken;
  writes = allowWrites(hub.server);
  writes.xet = true;
});
afterEach(() => delete process.env['HF_HUB_DISABLE_XET']);

const puts = () => hub.server.log.filter(({ method }) => method === 'PUT');
const pushed = () => {
  const known = hub.server.repos.get('org/name')!;
  return known.commits.get(known.refs.get('main') as string)!.get('model.safetensors') as Buffer;
};

describe('where the Hub offers Xet', () => {
  const large = bytesOf(400_000, 7);
  const pushLarge = () =>
    pushToHub(
      {
        className: 'BertModel',
        async save(folder: string) {
          writeFileSync(join(folder, 'config.json'), '{}');
          writeFileSync(join(folder, 'model.safetensors'), large);
        },
      },
      'org/name',
      {},
    );

  it('sends a large file in chunks, with the token of that storage, and commits once', async () => {
    await pushLarge();
    expect(pushed().equals(large)).toBe(true);
    expect(writes.commits).toHaveLength(1);
    expect(puts()).toEqual([]);
    const asked = hub.server.log.filter(({ server }) => server === 'storage');
    expect(asked.some(({ url }) => url === '/v1/shards')).toBe(true);
    for (const { headers } of asked) expect(headers.authorization).toBe(`Bearer ${xetToken}`);
  });

  it('sends nothing that the Hub has', async () => {
    await pushLarge();
    hub.server.forget();
    await pushLarge();
    expect(hub.server.log.filter(({ server }) => server === 'storage')).toEqual([]);
  });

  it('keeps to LFS where HF_HUB_DISABLE_XET says so', async () => {
    process.env['HF_HUB_DISABLE_XET'] = '1';
    await pushLarge();
    expect(pushed().equals(large)).toBe(true);
    expect(puts()).toHaveLength(1);
  });

  it('ends without a commit when that storage fails', async () => {
    hub.server.faults.push({ on: '/v1/shards', status: 403 });
    await expect(pushLarge()).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_HUB/) });
    expect(writes.commits).toEqual([]);
  });
});
