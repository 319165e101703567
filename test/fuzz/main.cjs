/**
 * Mutated files through the public API: `node test/fuzz/main.cjs --help`. This file lets Node read the room's TypeScript,
 * and gives it the built package (dist/) wherever it imports lib/.
 */
const fs = require('node:fs');
const Module = require('node:module');
const { join, relative, sep } = require('node:path');

const root = join(__dirname, '../..');
const lib = join(root, 'lib') + sep;
const dist = join(root, 'dist') + sep;
if (!fs.existsSync(join(dist, 'index.js'))) {
  console.error('dist/ is missing: run npm run build first');
  process.exit(2);
}

const resolve = Module._resolveFilename;
Module._resolveFilename = function resolveFilename(request, parent, ...rest) {
  const from = parent?.filename ?? '';
  if (!request.startsWith('.') || !from.endsWith('.ts')) return resolve.call(this, request, parent, ...rest);
  const path = join(from, '..', request);
  return resolve.call(this, `${path}${sep}`.startsWith(lib) ? dist + path.slice(lib.length) : path, parent, ...rest);
};

const { transform } = require('../../jest.config.js');
const [, options] = Object.values(transform)[0];
require.extensions['.ts'] = (module, file) => module._compile(compiled(file), file);

/** What babel makes of `file`: once for all processes that share a folder. */
function compiled(file) {
  const kept = process.env.FUZZ_CODE && join(process.env.FUZZ_CODE, relative(root, file).replaceAll(sep, '+'));
  if (kept && fs.existsSync(kept)) return fs.readFileSync(kept, 'utf8');
  const { transformFileSync } = require('@babel/core');
  const { code } = transformFileSync(file, { ...options, cwd: root, sourceMaps: 'inline' });
  if (kept) {
    fs.writeFileSync(`${kept}.${process.pid}`, code);
    fs.renameSync(`${kept}.${process.pid}`, kept);
  }
  return code;
}
// Each error's stack is looked up in the maps of dist/, which costs more than to read the file: not where thousands are read.
process.setSourceMapsEnabled(!process.env.FUZZ_ORDER || JSON.parse(process.env.FUZZ_ORDER).alone);

require(process.send ? './child.ts' : './command.ts');
