'use strict';
// Builds the addon from source: cmake-js where both cmake and cmake-js are found, else the node-gyp that comes inside
// npm. Needs a C++ compiler and this Node's own headers; nothing is downloaded.
// NATIVE_TRANSFORMERS_BUILD=cmake-js|node-gyp chooses by hand.
const { spawnSync } = require('node:child_process');
const { existsSync, realpathSync, rmSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const windows = process.platform === 'win32';
const jobs = String(availableParallelism());

function main() {
  const wanted = process.env.NATIVE_TRANSFORMERS_BUILD || '';
  if (!['', 'cmake-js', 'node-gyp'].includes(wanted))
    fail(`NATIVE_TRANSFORMERS_BUILD is '${wanted}'; it must be cmake-js or node-gyp`);
  if (!windows) requireCompiler();
  const cmakeJs = wanted === 'node-gyp' ? null : findCmakeJs();
  dropBuildOf(cmakeJs ? 'config.gypi' : 'CMakeCache.txt');
  if (cmakeJs) build(cmakeJs, ['compile', '--parallel', jobs]);
  else if (wanted === 'cmake-js') fail('NATIVE_TRANSFORMERS_BUILD is cmake-js, but cmake or cmake-js was not found');
  else build(nodeGyp(), ['configure', 'build', `--nodedir=${nodePrefix()}`, `--jobs=${jobs}`]);
}

function requireCompiler() {
  const compilers = process.env.CXX ? [process.env.CXX.split(' ')[0]] : ['c++', 'g++', 'clang++'];
  if (!compilers.some(runs))
    fail(
      `no C++ compiler was found (${compilers.join(', ')}). ` +
        'Install one (Debian, Ubuntu: apt-get install g++ make; macOS: xcode-select --install)',
    );
  if (!runs('make') && !runs('ninja')) fail('make was not found. Install it (Debian, Ubuntu: apt-get install make)');
}

/** cmake-js, where cmake is there to be driven by it. */
function findCmakeJs() {
  try {
    const cmakeJs = require.resolve('cmake-js/bin/cmake-js', { paths: [root] });
    return runs('cmake') ? cmakeJs : null;
  } catch {
    return null;
  }
}

/** A build folder that the other tool made would be taken for up to date. */
function dropBuildOf(mark) {
  const folder = path.join(root, 'build');
  if (existsSync(path.join(folder, mark))) rmSync(folder, { recursive: true });
}

/** The node-gyp inside npm, wherever npm stands. */
function nodeGyp() {
  if (!windows && !runs('make')) fail('make was not found. Install it (Debian, Ubuntu: apt-get install make)');
  const pythons = [process.env.npm_config_python, process.env.PYTHON, 'python3', 'python'].filter(Boolean);
  if (!windows && !pythons.some(runs))
    fail('python3 was not found, which node-gyp needs. Install it, or cmake and cmake-js');
  const script = path.join('node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  for (const npm of npmFolders())
    for (const candidate of [path.join(npm, script), path.join(npm, '..', '..', script)])
      if (existsSync(candidate)) return candidate;
  return fail('node-gyp was not found inside npm. Install npm, or cmake and cmake-js');
}

function npmFolders() {
  const bin = path.dirname(process.execPath);
  const found = (process.env.PATH || '').split(path.delimiter).map((folder) => path.join(folder, 'npm'));
  const scripts = [process.env.npm_execpath, ...found].filter((file) => file && existsSync(file));
  return [
    ...scripts.map((file) => path.join(path.dirname(realpathSync(file)), '..')), // npm/bin/npm-cli.js
    path.join(bin, '..', 'lib', 'node_modules', 'npm'),
    path.join(bin, 'node_modules', 'npm'),
  ];
}

/** The prefix whose include/node holds the headers of Node. Without it node-gyp would download them. */
function nodePrefix() {
  const prefix = path.resolve(path.dirname(process.execPath), '..');
  const headers = path.join(prefix, 'include', 'node');
  if (['node_api.h', 'common.gypi'].every((file) => existsSync(path.join(headers, file)))) return prefix;
  return fail(
    `the headers of Node ${process.version} (include/node/node_api.h) were not found beside ${process.execPath}. ` +
      'Install Node from its official archive, which contains them, or the package libnode-dev of your distribution',
  );
}

function build(script, args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(`${path.basename(script, '.js')} could not build the addon; its last lines above say why`);
}

function runs(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore', shell: windows }).status === 0;
}

function fail(message) {
  process.stderr.write(`native-transformers: ${message}\n`);
  process.exit(1);
}

main();
