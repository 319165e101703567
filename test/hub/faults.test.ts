import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hubDownload } from '../../lib/hub/download';
import { lockFile } from '../../lib/hub/file-lock';
import { retryAfterOf, retryPolicy } from '../../lib/hub/retry';
import { bytesOf, useScratchHub } from './scratch-hub';

/** A server and a network that misbehave. */

const hub = useScratchHub();
const weights = bytesOf(300_000);
const sha256 = createHash('sha256').update(weights).digest('hex');
const files = { 'config.json': '{"model_type": "bert"}', 'model.safetensors': weights };
const blobs = () => join(hub.cache, 'models--org--name', 'blobs');
const gets = () => hub.server.log.filter(({ method }) => method === 'GET');
const download = (file = 'model.safetensors') => hubDownload('org/name', file);

async function expectWhole(): Promise<void> {
  expect(readFileSync(await download()).equals(weights)).toBe(true);
  expect(readdirSync(blobs())).toEqual([sha256]);
}

beforeEach(() => hub.server.commit('org/name', files));

describe('a transfer', () => {
  it('that breaks goes on where it broke', async () => {
    hub.server.faults.push({ on: 'GET /lfs/', cut: 100_000, times: 2 });
    await expectWhole();
    expect(gets().map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
  });

  it('that always breaks ends with an error, and the next call goes on', async () => {
    hub.server.faults.push({ on: 'GET /lfs/', cut: 20_000 });
    await expect(download()).rejects.toMatchObject({ code: 'ERR_HUB_CONNECTION' });
    expect(gets()).toHaveLength(1 + retryPolicy.most);
    expect(readdirSync(blobs())).toEqual([`${sha256}.incomplete`]);
    hub.server.forget();
    await expectWhole();
    expect(gets()[0]!.headers.range).toBe('bytes=120000-');
  });

  it('of a server that knows no ranges begins again', async () => {
    hub.server.faults.push({ on: 'GET /lfs/', cut: 100_000, times: 1 }, { on: 'GET /lfs/', noRange: true });
    await expectWhole();
  });

  it('that was complete but for its name is finished without a request for bytes', async () => {
    mkdirSync(blobs(), { recursive: true });
    writeFileSync(join(blobs(), `${sha256}.incomplete`), weights);
    await expectWhole();
    expect(gets()).toEqual([]);
  });

  it('goes on behind what Python has left', async () => {
    mkdirSync(blobs(), { recursive: true });
    writeFileSync(join(blobs(), `${sha256}.incomplete`), weights.subarray(0, 1234));
    await expectWhole();
    expect(gets()[0]!.headers.range).toBe('bytes=1234-');
  });

  it('whose beginning is damaged is found out, and made again from nothing', async () => {
    mkdirSync(blobs(), { recursive: true });
    writeFileSync(join(blobs(), `${sha256}.incomplete`), Buffer.alloc(1234));
    await expectWhole();
    expect(gets().map(({ headers }) => headers.range)).toEqual(['bytes=1234-', undefined]);
  });

  it('whose beginning is longer than the file begins again', async () => {
    mkdirSync(blobs(), { recursive: true });
    writeFileSync(join(blobs(), `${sha256}.incomplete`), Buffer.alloc(400_000));
    await expectWhole();
  });

  it('that flips a bit is made once more', async () => {
    hub.server.faults.push({ on: 'GET /lfs/', corrupt: 7, times: 1 });
    await expectWhole();
  });

  it.each([
    ['model.safetensors', 'GET /lfs/', 'sha256'],
    ['config.json', 'GET /org/name', 'git sha1'],
  ])('that always flips a bit of %s leaves nothing', async (file, on, sum) => {
    hub.server.faults.push({ on, corrupt: 7 });
    await expect(download(file)).rejects.toThrow(sum);
    await expect(download(file)).rejects.toMatchObject({ name: 'HubIntegrityError', code: 'ERR_HUB_INTEGRITY' });
    expect(readdirSync(blobs())).toEqual([]);
    expect(readdirSync(join(hub.cache, 'models--org--name', 'snapshots'))).toEqual([]);
  });

  it.each([299_999, 300_001])('of %d bytes where 300000 are announced is refused', async (length) => {
    hub.server.faults.push({ on: 'HEAD', headers: { 'X-Linked-Size': String(length) } });
    await expect(download()).rejects.toThrow('Consistency check failed');
    expect(readdirSync(blobs())).toEqual([]);
  });

  it('of another part than the one asked for is refused', async () => {
    hub.server.faults.push({ on: 'GET /lfs/', cut: 1000, times: 1 });
    hub.server.faults.push({ on: 'GET /lfs/', headers: { 'Content-Range': 'bytes 5-299999/300000' }, times: 1 });
    await expectWhole();
    expect(gets().map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=1000-', undefined]);
  });

  it('of encoded bytes is refused', async () => {
    hub.server.faults.push({ on: 'GET /lfs/', headers: { 'Content-Encoding': 'gzip' } });
    await expect(download()).rejects.toThrow('encoded (gzip)');
  });

  it('that falls silent is given up after HF_HUB_DOWNLOAD_TIMEOUT, and tried again', async () => {
    process.env['HF_HUB_DOWNLOAD_TIMEOUT'] = '0.1';
    hub.server.faults.push({ on: 'GET /lfs/', silent: true, times: 1 });
    await expectWhole();
  });

  it('whose address has run out asks for a new one', async () => {
    hub.server.faults.push({ on: 'GET /lfs/', status: 403, times: 1 });
    await expectWhole();
    expect(hub.server.requests().map((line) => line.split(' ')[0])).toEqual(['HEAD', 'GET', 'HEAD', 'GET']);
  });
});

describe('a server under load', () => {
  it.each([429, 500, 502, 503, 504])('that answers %d is asked again', async (status) => {
    hub.server.faults.push({ on: 'HEAD', status, times: 2 }, { on: 'GET', status, times: 2 });
    await expectWhole();
    expect(hub.server.log).toHaveLength(6);
  });

  it('is given the time that it asks for', async () => {
    hub.server.faults.push({ on: 'GET', status: 429, headers: { 'Retry-After': '0.3' }, times: 1 });
    const started = Date.now();
    await expectWhole();
    expect(Date.now() - started).toBeGreaterThan(290);
  });

  it('that asks for an hour is not waited for', async () => {
    hub.server.faults.push({ on: 'GET', status: 503, headers: { 'Retry-After': '3600' } });
    await expect(download()).rejects.toMatchObject({ name: 'HfHubHTTPError', status: 503 });
    expect(gets()).toHaveLength(1);
  });

  it('is not asked for ever', async () => {
    hub.server.faults.push({ on: 'HEAD', status: 503 });
    await expect(download()).rejects.toMatchObject({ name: 'LocalEntryNotFoundError', status: 503 });
    expect(hub.server.log).toHaveLength(1 + retryPolicy.most);
  });

  it('says how long in seconds or by a date', () => {
    expect(retryAfterOf('7')).toBe(7);
    expect(retryAfterOf('Thu, 01 Jan 1970 00:01:00 GMT', 0)).toBe(60);
    expect(retryAfterOf('soon')).toBeNull();
  });
});

describe('without an answer', () => {
  it('what is in the cache is used', async () => {
    const path = await download();
    hub.server.faults.push({ on: 'HEAD', status: 500 });
    expect(await download()).toBe(path);
    await hub.server.close();
    expect(await download()).toBe(path);
  });

  it('what is not in the cache is an error that says both', async () => {
    await hub.server.close();
    await expect(download()).rejects.toMatchObject({
      name: 'LocalEntryNotFoundError',
      code: 'ERR_HUB_LOCAL_ENTRY_NOT_FOUND',
    });
    await expect(hubDownload('org/name', 'config.json', { force_download: true })).rejects.toMatchObject({
      name: 'ValueError',
    });
  });

  it('for HF_HUB_ETAG_TIMEOUT a question is given up', async () => {
    process.env['HF_HUB_ETAG_TIMEOUT'] = '0.05';
    hub.server.faults.push({ on: 'HEAD', silent: true });
    await expect(download()).rejects.toThrow('said nothing for 0.05 s');
  });
});

describe.each(['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE', 'local_files_only'])('with %s', (name) => {
  const options = { local_files_only: name === 'local_files_only' };
  const goOffline = () => {
    hub.server.forget();
    if (!options.local_files_only) process.env[name] = 'yes';
  };

  it('nothing is asked: the cache answers, or an error', async () => {
    const path = await download();
    goOffline();
    expect(await hubDownload('org/name', 'model.safetensors', options)).toBe(path);
    await expect(hubDownload('org/name', 'config.json', options)).rejects.toMatchObject({
      name: 'LocalEntryNotFoundError',
    });
    await expect(hubDownload('org/name', 'config.json', { ...options, force_download: true })).rejects.toMatchObject({
      name: 'ValueError',
      code: 'ERR_HUB_OFFLINE',
    });
    expect(hub.server.log).toEqual([]);
  });
});

describe('a refusal', () => {
  it.each([
    [
      'an unknown repository',
      () => hubDownload('org/other', 'config.json'),
      'RepositoryNotFoundError',
      'ERR_HUB_REPOSITORY_NOT_FOUND',
    ],
    [
      'an unknown revision',
      () => hubDownload('org/name', 'config.json', { revision: 'v9' }),
      'RevisionNotFoundError',
      'ERR_HUB_REVISION_NOT_FOUND',
    ],
    ['an unknown file', () => download('other.json'), 'EntryNotFoundError', 'ERR_HUB_ENTRY_NOT_FOUND'],
  ])('of %s has its own class', async (_, call, name, code) => {
    await expect(call()).rejects.toMatchObject({ name, code, requestId: 'request-1' });
    expect(hub.server.log).toHaveLength(1);
  });

  it('of a gated repository is one of a repository too', async () => {
    hub.server.repos.get('org/name')!.gated = true;
    const error = await download().catch((e) => e);
    expect(error).toMatchObject({ name: 'GatedRepoError', code: 'ERR_HUB_GATED', status: 403 });
    expect(error.serverMessage).toContain('restricted');
  });

  it('of status 401 about a repository is one of the repository, unless it says that the token is wrong', async () => {
    hub.server.faults.push({ on: 'HEAD', status: 401 });
    await expect(download('config.json')).rejects.toMatchObject({ name: 'RepositoryNotFoundError', status: 401 });
    hub.server.forget();
    const headers = { 'X-Error-Message': 'Invalid credentials in Authorization header' };
    hub.server.faults.push({ on: 'HEAD', status: 401, headers });
    await expect(download('config.json')).rejects.toMatchObject({ name: 'HfHubHTTPError', status: 401 });
  });

  it('of status 400 is a BadRequestError', async () => {
    hub.server.faults.push({ on: 'GET', status: 400, body: '{"error": "no such thing"}' });
    await expect(download('config.json')).rejects.toMatchObject({
      name: 'BadRequestError',
      serverMessage: 'no such thing',
    });
  });

  it('shows no signature of an address', async () => {
    hub.server.faults.push({ on: 'GET /lfs', status: 404, body: 'gone' });
    const error = await download().catch((e) => e);
    expect(error).toMatchObject({ name: 'HfHubHTTPError', status: 404, serverMessage: 'gone' });
    expect(`${error.message} ${error.url}`).not.toContain('signature');
  });
});

it('leaves a cache alone that a failed call has not made', async () => {
  await expect(hubDownload('org/other', 'config.json')).rejects.toThrow();
  expect(existsSync(hub.cache)).toBe(false);
});

it('a lock that cannot be opened says what to set', async () => {
  const place = join(hub.home, 'no-folder');
  writeFileSync(place, '');
  await expect(lockFile(join(place, 'x.lock'), async () => false)).rejects.toMatchObject({
    code: 'ERR_HUB_CACHE',
    message: expect.stringMatching(/the lock '.*x\.lock' cannot be opened: .*; check .*set HF_HOME or cache_dir/),
  });
});
