import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Code that lets `require` read this package's TypeScript, as jest.config.js translates it. */
const kHook = `
  const { transform } = require(${JSON.stringify(join(__dirname, '../../jest.config.js'))});
  const babel = require(${JSON.stringify(require.resolve('@babel/core'))});
  const options = Object.values(transform)[0][1];
  require.extensions['.ts'] = (module, file) =>
    module._compile(babel.transformFileSync(file, { ...options, cwd: ${JSON.stringify(join(__dirname, '../..'))} }).code, file);
  const preprocess = require(${JSON.stringify(join(__dirname, '../../lib/preprocess/index.ts'))});
`;

/** A worker thread that runs `body`, the body of an async function, with the tokenizers as `preprocess`. */
export function startWorker(body: string): Worker {
  return new Worker(asyncMain(body), { eval: true, execArgv: [] });
}

/** Runs `body` in a process of its own. */
export function runProcess(body: string): {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
} {
  return spawnSync(process.execPath, ['-e', asyncMain(body)], { encoding: 'utf8', timeout: 50_000 });
}

function asyncMain(body: string): string {
  return `${kHook}; (async () => { ${body} })().catch((error) => { console.error(error); process.exit(1); });`;
}
