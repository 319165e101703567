import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { hubDownload } from '../../lib/hub/download';
import { hubOptionsOf } from '../../lib/hub/options';
import { proxyFor } from '../../lib/hub/proxy';
import { userAgent } from '../../lib/hub/request';
import * as settings from '../../lib/hub/settings';
import { storedToken, tokenFor, tokenForWriting } from '../../lib/hub/token';
import { LogLevel, setLogHook, setLogLevel } from '../../lib/logging';
import { useScratchHub } from './scratch-hub';

/** Environment variables, tokens and proxies. */

const hub = useScratchHub();

describe('environment variables (N-01 to N-09)', () => {
  it('name the home of everything', () => {
    expect(settings.hubHome()).toBe(hub.home);
    delete process.env['HF_HOME'];
    expect(settings.hubHome()).toBe(join(homedir(), '.cache', 'huggingface'));
    process.env['XDG_CACHE_HOME'] = '/xdg';
    expect(settings.hubHome()).toBe('/xdg/huggingface');
    process.env['HF_HOME'] = '~/hf';
    expect(settings.hubHome()).toBe(join(homedir(), 'hf'));
  });

  it('may name other variables in paths, as Python reads them', async () => {
    process.env['HUB_TEST_ROOT'] = hub.home;
    try {
      process.env['HF_HOME'] = '$HUB_TEST_ROOT/hf';
      expect(settings.cacheRoot()).toBe(join(hub.home, 'hf', 'hub'));
      const braced = (name: string) => `$\{${name}}`;
      process.env['HF_HUB_CACHE'] = `${braced('HUB_TEST_ROOT')}-cache/$HUB_TEST_NONE/${braced('HUB_TEST_NONE')}/a$`;
      expect(settings.cacheRoot()).toBe(`${hub.home}-cache/$HUB_TEST_NONE/${braced('HUB_TEST_NONE')}/a$`);
      process.env['HF_TOKEN_PATH'] = '$HUB_TEST_ROOT/secret';
      writeFileSync(join(hub.home, 'secret'), 'hidden');
      expect(await storedToken()).toBe('hidden');
      process.env['HF_TOKEN_PATH'] = '~/secret';
      expect(settings.tokenPath()).toBe(join(homedir(), 'secret'));
    } finally {
      delete process.env['HUB_TEST_ROOT'];
    }
  });

  it('that are empty count as absent', () => {
    const names = ['HF_HUB_CACHE', 'HF_ENDPOINT', 'HF_TOKEN_PATH', 'HF_HUB_ETAG_TIMEOUT', 'HF_HUB_OFFLINE', 'HF_TOKEN'];
    for (const name of names) process.env[name] = '';
    expect([settings.cacheRoot(), settings.tokenPath()]).toEqual([join(hub.home, 'hub'), join(hub.home, 'token')]);
    expect([settings.endpoint(), settings.etagTimeout()]).toEqual(['https://huggingface.co', 10]);
    expect([settings.isOffline(), settings.tokenInEnvironment()]).toEqual([false, null]);
  });

  it('name the root of the cache, older names before newer ones', () => {
    expect(settings.cacheRoot()).toBe(join(hub.home, 'hub'));
    const rising = [
      'HUGGINGFACE_HUB_CACHE',
      'HF_HUB_CACHE',
      'PYTORCH_PRETRAINED_BERT_CACHE',
      'PYTORCH_TRANSFORMERS_CACHE',
      'TRANSFORMERS_CACHE',
    ];
    for (const name of rising) {
      process.env[name] = `/${name}`;
      expect(settings.cacheRoot()).toBe(`/${name}`);
    }
  });

  it('name the server', () => {
    process.env['HF_ENDPOINT'] = 'https://mirror.example/hf//';
    expect(settings.endpoint()).toBe('https://mirror.example/hf');
    delete process.env['HF_ENDPOINT'];
    expect(settings.endpoint()).toBe('https://huggingface.co');
    process.env['HF_ENDPOINT'] = 'ftp://x';
    expect(() => settings.endpoint()).toThrow('HF_ENDPOINT');
  });

  it.each(['1', 'on', 'YES', 'True'])('are switched on by %s', (value) => {
    for (const name of ['TRANSFORMERS_OFFLINE', 'HF_HUB_OFFLINE']) {
      process.env[name] = value;
      expect(settings.isOffline()).toBe(true);
      for (const off of ['0', 'off', 'no', 'false', '2']) {
        process.env[name] = off;
        expect(settings.isOffline()).toBe(false);
      }
    }
  });

  it('give seconds, or say that they do not', () => {
    expect(settings.etagTimeout()).toBe(10);
    expect(settings.downloadTimeout()).toBe(10);
    process.env['HF_HUB_ETAG_TIMEOUT'] = '2.5';
    expect(settings.etagTimeout()).toBe(2.5);
    for (const wrong of ['long', '0', '-1', '10s', 'Infinity']) {
      process.env['HF_HUB_DOWNLOAD_TIMEOUT'] = wrong;
      expect(() => settings.downloadTimeout()).toThrow(`HF_HUB_DOWNLOAD_TIMEOUT is '${wrong}'`);
      process.env['HF_HUB_ETAG_TIMEOUT'] = wrong;
      expect(() => settings.etagTimeout()).toThrow(`HF_HUB_ETAG_TIMEOUT is '${wrong}'`);
    }
  });

  it.each(['HF_HUB_DISABLE_TELEMETRY', 'DISABLE_TELEMETRY', 'DO_NOT_TRACK'])(
    '%s takes facts out of the user agent',
    (name) => {
      expect(userAgent({ file_type: 'model' })).toMatch(
        /^native-transformers\/[\d.]+; node\/[\d.]+; file_type\/model$/,
      );
      process.env[name] = '1';
      expect(userAgent({ file_type: 'model' })).toMatch(/; telemetry\/off$/);
    },
  );
});

describe("variables of Python's faster transports (N-11)", () => {
  it('do nothing, which is said once', () => {
    const said: string[] = [];
    setLogHook((_, message) => said.push(message));
    setLogLevel(LogLevel.INFO);
    settings.tellOfAccelerators();
    process.env['HF_XET_HIGH_PERFORMANCE'] = '1';
    for (let i = 0; i < 2; i++) settings.tellOfAccelerators();
    delete process.env['HF_XET_HIGH_PERFORMANCE'];
    setLogLevel(LogLevel.WARNING);
    setLogHook(null);
    expect(said).toEqual([expect.stringContaining('HF_XET_HIGH_PERFORMANCE')]);
  });
});

describe('the token (N-04 to N-06, N-29)', () => {
  it('comes from HF_TOKEN, its older name, the file', async () => {
    expect(await storedToken()).toBeNull();
    writeFileSync(join(hub.home, 'token'), 'from-file\n');
    expect(await storedToken()).toBe('from-file');
    process.env['HUGGING_FACE_HUB_TOKEN'] = 'older';
    expect(await storedToken()).toBe('older');
    process.env['HF_TOKEN'] = ' \n';
    expect(await storedToken()).toBe('older');
    process.env['HF_TOKEN'] = ' newer\r\n';
    expect(await storedToken()).toBe('newer');
  });

  it('file can be elsewhere', async () => {
    process.env['HF_TOKEN_PATH'] = join(hub.home, 'secret');
    writeFileSync(join(hub.home, 'secret'), 'hidden');
    expect(await storedToken()).toBe('hidden');
  });

  it('is what the option says', async () => {
    await expect(tokenFor(true)).rejects.toMatchObject({ name: 'LocalTokenNotFoundError', code: 'ERR_HUB_NO_TOKEN' });
    await expect(tokenForWriting(null)).rejects.toMatchObject({ name: 'LocalTokenNotFoundError' });
    await expect(tokenForWriting(false)).rejects.toMatchObject({ name: 'LocalTokenNotFoundError' });
    expect(await tokenFor(null)).toBeNull();
    process.env['HF_TOKEN'] = 'stored';
    expect(await Promise.all([null, true, false, 'own'].map(tokenFor))).toEqual(['stored', 'stored', null, 'own']);
    process.env['HF_HUB_DISABLE_IMPLICIT_TOKEN'] = '1';
    expect(await Promise.all([null, true].map(tokenFor))).toEqual([null, 'stored']);
  });

  it('of before 2022 is copied to its place, and still works (N-05)', async () => {
    const { HOME } = process.env;
    process.env['HOME'] = join(hub.home, 'user');
    mkdirSync(join(hub.home, 'user', '.huggingface'), { recursive: true });
    writeFileSync(join(hub.home, 'user', '.huggingface', 'token'), 'ancient');
    expect(await storedToken()).toBe('ancient');
    expect(readFileSync(join(hub.home, 'token'), 'utf8')).toBe('ancient');
    process.env['HOME'] = HOME;
  });

  it('that no header can hold is refused and not shown', async () => {
    await expect(tokenFor('se\ncret')).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.not.stringContaining('cret'),
    });
    await expect(tokenFor(7)).rejects.toThrow('not a number');
  });

  it('has an older name in options, with a warning', () => {
    const said: string[] = [];
    setLogHook((_, message) => said.push(message));
    hubOptionsOf({ use_auth_token: 'x' });
    setLogHook(null);
    expect(said.join()).toContain('FutureWarning');
    expect(() => hubOptionsOf({ use_auth_token: 'x', token: 'y' })).toThrow('are both specified');
  });

  it('mirror is set aside, with a warning that names HF_ENDPOINT', () => {
    const said: string[] = [];
    setLogHook((_, message) => said.push(message));
    hubOptionsOf({ mirror: 'tuna' });
    setLogHook(null);
    expect(said.join()).toContain('HF_ENDPOINT');
  });
});

describe('a proxy (N-10, L-11)', () => {
  const url = new URL('https://hub.example/x');

  it('is chosen by host, by scheme, by environment', () => {
    expect(proxyFor(url)).toBeNull();
    process.env['ALL_PROXY'] = 'all:9';
    expect(proxyFor(url)?.href).toBe('http://all:9/');
    process.env['HTTPS_PROXY'] = 'http://env:1';
    expect(proxyFor(url)?.href).toBe('http://env:1/');
    process.env['https_proxy'] = 'http://small:2';
    expect(proxyFor(url)?.href).toBe('http://small:2/');
    delete process.env['https_proxy'];
    expect(proxyFor(new URL('http://hub.example'))?.href).toBe('http://all:9/');
    expect(proxyFor(url, { https: 'scheme:2' })?.href).toBe('http://scheme:2/');
    expect(proxyFor(url, { https: 'scheme:2', 'https://hub.example': 'host:3' })?.href).toBe('http://host:3/');
    expect(proxyFor(new URL('http://hub.example'), { https: 'scheme:2' })).toBeNull();
    expect(() => proxyFor(url, { https: 'socks5://user:pass@x' })).toThrow(/http\(s\).*\*\*\*/);
  });

  it.each([
    ['*', true],
    ['hub.example', true],
    ['.example', true],
    ['example', true],
    ['other, hub.example:443', true],
    ['hub.example:80', false],
    ['b.example', false],
  ])('is left out where NO_PROXY is %s: %s', (list, isOut) => {
    process.env['HTTPS_PROXY'] = 'http://env:1';
    process.env['NO_PROXY'] = list;
    expect(proxyFor(url) === null).toBe(isOut);
  });

  it('that cannot be reached is an error, also of what is in the cache (N-26)', async () => {
    hub.server.commit('org/name', { 'config.json': '{}' });
    await hubDownload('org/name', 'config.json');
    const proxies = { http: 'http://127.0.0.1:1' };
    await expect(hubDownload('org/name', 'config.json', { proxies })).rejects.toMatchObject({ code: 'ERR_HUB_PROXY' });
    process.env['HF_ENDPOINT'] = hub.server.endpoint.replace('http:', 'https:');
    await expect(hubDownload('org/name', 'config.json')).rejects.toMatchObject({ code: 'ERR_HUB_TLS' });
  });

  it('is refused unless it is a table of addresses', async () => {
    for (const proxies of [['http://proxy:1'], 'http://proxy:1', '', 0, { https: 1 }])
      await expect(hubDownload('org/name', 'config.json', { proxies: proxies as never })).rejects.toMatchObject({
        name: 'TypeError',
        message: expect.stringMatching(/^proxies must map 'http'/),
      });
  });

  it('gets every request', async () => {
    hub.server.commit('org/name', { 'config.json': '{}', 'model.safetensors': 'x'.repeat(5000) });
    const { server, seen } = await startProxy();
    const proxies = { http: `http://user:pass@127.0.0.1:${(server.address() as AddressInfo).port}` };
    const path = await hubDownload('org/name', 'model.safetensors', { proxies });
    server.close();
    expect(readFileSync(path)).toHaveLength(5000);
    expect(seen.map((line) => line.replace(/:\d+\//, ':PORT/').replace(/lfs.*/, 'lfs'))).toEqual([
      'HEAD http://127.0.0.1:PORT/org/name/resolve/main/model.safetensors',
      'GET http://127.0.0.1:PORT/lfs',
    ]);
  });
});

/** A proxy that passes plain requests on and wants a password. */
async function startProxy(): Promise<{ server: Server; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, answer) => {
    if (request.headers['proxy-authorization'] !== `Basic ${Buffer.from('user:pass').toString('base64')}`) {
      answer.writeHead(407).end();
      return;
    }
    seen.push(`${request.method} ${request.url}`);
    const url = new URL(request.url as string);
    const onward = connect(Number(url.port), url.hostname, () => {
      const headers = Object.entries({ ...request.headers, connection: 'close' }).map(
        ([name, value]) => `${name}: ${value}`,
      );
      onward.write(`${request.method} ${url.pathname}${url.search} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    });
    onward.pipe(answer.socket as NodeJS.WritableStream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  mkdirSync(hub.home, { recursive: true });
  return { server, seen };
}
