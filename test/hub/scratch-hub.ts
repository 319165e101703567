import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { retryPolicy } from '../../lib/hub/retry';
import { HubServer } from './hub-server';

/** Variables that change what the Hub's client does; a test starts without any of them. */
const variables = [
  'HF_HOME',
  'HF_HUB_CACHE',
  'HUGGINGFACE_HUB_CACHE',
  'TRANSFORMERS_CACHE',
  'PYTORCH_TRANSFORMERS_CACHE',
  'PYTORCH_PRETRAINED_BERT_CACHE',
  'XDG_CACHE_HOME',
  'HF_ENDPOINT',
  'HF_TOKEN',
  'HUGGING_FACE_HUB_TOKEN',
  'HF_TOKEN_PATH',
  'HF_HUB_DISABLE_IMPLICIT_TOKEN',
  'HF_HUB_OFFLINE',
  'TRANSFORMERS_OFFLINE',
  'HF_HUB_ETAG_TIMEOUT',
  'HF_HUB_DOWNLOAD_TIMEOUT',
  'HF_HUB_DISABLE_TELEMETRY',
  'DISABLE_TELEMETRY',
  'DO_NOT_TRACK',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'all_proxy',
  'no_proxy',
];

/** A server and an empty home of the Hub's clients, for each test of a file; retries wait milliseconds. */
export function useScratchHub(): { readonly server: HubServer; readonly home: string; readonly cache: string } {
  const saved: Record<string, string | undefined> = {};
  let server: HubServer;
  let home = '';
  beforeEach(async () => {
    for (const name of variables) {
      saved[name] = process.env[name];
      delete process.env[name];
    }
    server = await HubServer.start();
    home = mkdtempSync(join(tmpdir(), 'hub-'));
    process.env['HF_HOME'] = home;
    process.env['HF_ENDPOINT'] = server.endpoint;
    Object.assign(retryPolicy, { firstWait: 0.01, longestWait: 0.02 });
  });
  afterEach(async () => {
    await server.close();
    rmSync(home, { recursive: true, force: true });
    for (const name of variables) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
  });
  return {
    get server() {
      return server;
    },
    get home() {
      return home;
    },
    get cache() {
      return join(home, 'hub');
    },
  };
}

/** Bytes that are the same in each run, and compress badly. */
export function bytesOf(length: number, seed = 1): Buffer {
  const data = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[i] = state & 255;
  }
  return data;
}
