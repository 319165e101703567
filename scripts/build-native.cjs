'use strict';
// Builds the addon from source: cmake-js where both cmake and cmake-js are found, else the node-gyp that comes inside
// npm. Needs a C++ compiler and this Node's own headers; nothing is downloaded.
// NATIVE_TRANSFORMERS_BUILD=cmake-js|node-gyp chooses by hand.
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const wanted = process.env.NATIVE_TRANSFORMERS_BUILD;
const shell = process.platform === 'win32';

function fail(message) {
  process.stderr.write(`native-transformers: ${message}\n`);
  process.exit(1);
}

function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore', shell }).status === 0;
}

function find(request) {
  try {
    return require.resolve(request, { paths: [root] });
  } catch {
    return null;
  }
}

function run(script, args, env = {}) {
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  process.exit(result.status ?? 1);
}

/** The prefix whose include/node holds this Node's headers. */
function nodePrefix() {
  const prefix = path.join(path.dirname(process.execPath), '..');
  if (existsSync(path.join(prefix, 'include', 'node', 'node_api.h'))) return path.resolve(prefix);
  if (existsSync('/usr/include/node/node_api.h')) return '/usr';
  return null;
}

/** The node-gyp inside npm, wherever npm stands. */
function nodeGyp() {
  const places = [];
  if (process.env.npm_execpath) places.push(path.join(path.dirname(process.env.npm_execpath), '..'));
  const prefix = path.join(path.dirname(process.execPath), '..');
  places.push(path.join(prefix, 'lib', 'node_modules', 'npm'), path.join(path.dirname(process.execPath), 'node_modules', 'npm'));
  places.push('/usr/share/nodejs/npm', '/usr/lib/node_modules/npm', '/usr/local/lib/node_modules/npm');
  for (const place of places) {
    for (const inside of ['node_modules/node-gyp/bin/node-gyp.js', '../node-gyp/bin/node-gyp.js']) {
      const candidate = path.join(place, inside);
      if (existsSync(candidate)) return candidate;
    }
  }
  return find('node-gyp/bin/node-gyp.js');
}

if (wanted && wanted !== 'cmake-js' && wanted !== 'node-gyp')
  fail(`NATIVE_TRANSFORMERS_BUILD is '${wanted}'; it must be cmake-js or node-gyp`);

const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
if (process.platform !== 'win32' && !compilers.some(has))
  fail('no C++ compiler was found. Install one (Debian, Ubuntu: apt-get install g++ make; macOS: xcode-select --install)');

const cmakeJs = find('cmake-js/bin/cmake-js');
if (wanted !== 'node-gyp' && cmakeJs && has('cmake')) run(cmakeJs, ['compile', '--parallel', '2']);
if (wanted === 'cmake-js') fail('NATIVE_TRANSFORMERS_BUILD is cmake-js, but cmake or cmake-js was not found');

const prefix = nodePrefix();
if (!prefix)
  fail(
    `the headers of Node ${process.version} (include/node/node_api.h) were not found beside ${process.execPath}. ` +
      'Install Node from its official archive, which contains them, or the package libnode-dev of your distribution',
  );
const gyp = nodeGyp();
if (!gyp) fail('node-gyp was not found inside npm. Install npm, or cmake and cmake-js');
if (!has('make') && process.platform !== 'win32') fail('make was not found (Debian, Ubuntu: apt-get install make)');
run(gyp, ['rebuild', `--nodedir=${prefix}`, '--jobs', '2']);
