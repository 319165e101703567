import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathOf, root, run } from './run-command';

describe('npm run build:native', () => {
  let folder: string;
  let script: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'native-transformers-build-'));
    mkdirSync(join(folder, 'package', 'scripts'), { recursive: true });
    script = join(folder, 'package', 'scripts', 'build-native.cjs');
    copyFileSync(join(root, 'scripts', 'build-native.cjs'), script);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the script where PATH has only `tools`; all but npm are stand-ins that can do nothing but be there. */
  function build(tools: string[], env: Record<string, string> = {}, node = process.execPath) {
    const PATH = pathOf(
      mkdtempSync(join(folder, 'bin-')),
      tools.filter((tool) => tool === 'npm'),
    );
    for (const tool of tools)
      if (tool !== 'npm') writeFileSync(join(PATH, tool), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    return run(node, [script], folder, { PATH, CXX: '', PYTHON: '', npm_execpath: '', npm_config_python: '', ...env });
  }

  it('says that a compiler is missing, and how to get one', () => {
    expect(build(['make', 'python3'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^native-transformers: no C\+\+ compiler was found.*apt-get install g\+\+ make/),
    });
    expect(build(['make'], { CXX: 'my-c++ -m64' }).stderr).toMatch(/no C\+\+ compiler was found \(my-c\+\+\)/);
  });

  it('says that make is missing', () => {
    expect(build(['c++', 'python3'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^native-transformers: make was not found/),
    });
  });

  it('says that python3 is missing, which node-gyp needs', () => {
    expect(build(['c++', 'make'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^native-transformers: python3 was not found, which node-gyp needs/),
    });
  });

  it("says that Node's headers are missing, and what contains them", () => {
    const bare = join(folder, 'bare', 'bin', 'node');
    mkdirSync(join(folder, 'bare', 'bin'), { recursive: true });
    duplicate(process.execPath, bare);
    expect(build(['c++', 'make', 'python3', 'npm'], {}, bare)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^native-transformers: the headers of Node v[\d.]+ \(include\/node\/node_api.h\) were not found.*official archive/,
      ),
    });
  });

  it('says that node-gyp is missing', () => {
    const bare = join(folder, 'lone', 'bin', 'node');
    mkdirSync(join(folder, 'lone', 'bin'), { recursive: true });
    duplicate(process.execPath, bare);
    expect(build(['c++', 'make', 'python3'], {}, bare)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^native-transformers: node-gyp was not found inside npm/),
    });
  });

  it('refuses a way of building that it does not have', () => {
    expect(build(['c++', 'make'], { NATIVE_TRANSFORMERS_BUILD: 'bazel' })).toMatchObject({
      code: 1,
      stderr: "native-transformers: NATIVE_TRANSFORMERS_BUILD is 'bazel'; it must be cmake-js or node-gyp\n",
    });
    expect(build(['c++', 'make'], { NATIVE_TRANSFORMERS_BUILD: 'cmake-js' })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/cmake-js, but cmake or cmake-js was not found/),
    });
  });
});

function duplicate(file: string, to: string): void {
  try {
    linkSync(file, to);
  } catch {
    copyFileSync(file, to); // another file system
  }
}
