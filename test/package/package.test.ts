import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun, pathOf, root, run, runWith } from './run-command';

const kMostBytes = 12e6;
const kInstallMs = 120_000;
const kBuildMs = 600_000;
const kCheckpoint = join(root, 'test', 'goldens', 'bert', 'base');
const kBuildCommand = 'npm run build:native --prefix node_modules/native-transformers';

/** A program that runs a model through the package's door, without and with `import`. */
const program = `
  const model = await AutoModel.from_pretrained(${JSON.stringify(kCheckpoint)});
  const { last_hidden_state } = await model({ input_ids: [[1, 2, 3]] });
  console.log(last_hidden_state.dims[1]);`;
const required = `const { AutoModel } = require('native-transformers'); (async () => {${program}})()`;
const imported = `import { AutoModel } from 'native-transformers'; ${program}`;

describe('the packed package', () => {
  let folder: string;
  let withPrebuilt: string;
  let withoutPrebuilt: string;
  let bareTools: Record<string, string>;

  beforeAll(() => {
    if (!existsSync(join(root, 'dist', 'index.js')) || !existsSync(join(root, 'build', 'Release')))
      throw new Error('these tests pack what has been built: npm run build first');
    folder = mkdtempSync(join(tmpdir(), 'native-transformers-package-'));
    bareTools = { PATH: pathOf(join(folder, 'bin'), ['node', 'npm', 'sh']) };
    const copy = unpack(pack(root, join(folder, 'as-is')), join(folder, 'copy'));
    rmSync(join(copy, 'prebuilds'), { recursive: true, force: true });
    withoutPrebuilt = pack(copy, join(folder, 'without'));
    const options = ['--napi', '--strip', '--tag-libc', '--node-gyp', join(__dirname, 'reuse-build.cjs')];
    mustRun(process.execPath, [join(root, 'node_modules', 'prebuildify', 'bin.js'), ...options], copy);
    withPrebuilt = pack(copy, join(folder, 'with'));
  }, kInstallMs);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function pack(from: string, to: string): string {
    mkdirSync(to);
    mustRun('npm', ['pack', '--ignore-scripts', '--pack-destination', to], from);
    return join(to, readdirSync(to)[0] as string);
  }

  function unpack(archive: string, to: string): string {
    mkdirSync(to);
    mustRun('tar', ['-xzf', archive, '-C', to], folder);
    return join(to, 'package');
  }

  /** A new folder with the archive installed in it, by nothing but Node and npm. */
  function install(archive: string, name: string): string {
    const project = join(folder, name);
    mkdirSync(project);
    mustRun('npm', ['install', archive, '--prefer-offline', '--no-audit', '--no-fund'], project, bareTools);
    return project;
  }

  const node = (project: string, script: string, ...args: string[]) =>
    run(process.execPath, [...args, '-e', script], project, bareTools);

  it('holds what a user needs to run it or build it, and nothing else', () => {
    const files = mustRun('tar', ['-tzf', withPrebuilt], folder)
      .trim()
      .split('\n')
      .map((file) => file.replace(/^package\//, ''));
    for (const file of ['package.json', 'LICENSE', 'binding.gyp', 'CMakeLists.txt', 'scripts/build-native.cjs'])
      expect(files).toContain(file);
    const prebuilt = /^prebuilds\/\w+-\w+\/native-transformers\.(glibc|musl)\.node$/;
    expect(files.filter((file) => prebuilt.test(file))).toHaveLength(1);
    expect(files).toContain('dist/index.d.ts');
    const rooms = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]));
    expect([...rooms].sort()).toEqual(['dist', 'native', 'prebuilds', 'scripts']);
    expect(files.filter((file) => /\.(o|a|map\.gz|safetensors|py)$/.test(file))).toEqual([]);
  });

  it('is at most 12 MB with one prebuilt binary', () => {
    expect(statSync(withPrebuilt).size).toBeLessThanOrEqual(kMostBytes);
  });

  it(
    'installs without a compiler and runs a model, by import and by require',
    () => {
      const project = install(withPrebuilt, 'prebuilt');
      for (const ended of [node(project, required), node(project, imported, '--input-type=module')])
        expect(ended).toMatchObject({ code: 0, stdout: '3\n' });
      const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
      process.stdout.write(
        `package with one prebuilt: ${megabytes(statSync(withPrebuilt).size)} packed; ` +
          `its dependency tokenizers: ${megabytes(sizeOf(join(project, 'node_modules'), /^tokenizers/))} installed\n`,
      );
    },
    kInstallMs,
  );

  it(
    'names the one build command where no prebuilt binary fits, and that command is enough',
    () => {
      const project = install(withoutPrebuilt, 'source');
      const missing = node(project, required);
      expect(missing.code).toBe(1);
      expect(missing.stderr).toContain("code: 'ERR_NATIVE_MISSING'");
      expect(missing.stderr).toContain(`Build it with: ${kBuildCommand} (`);
      const { code, stderr } = runWith(cleanMachine(), 'sh', ['-c', kBuildCommand], project);
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      expect(node(project, required)).toMatchObject({ code: 0, stdout: '3\n' });
    },
    kBuildMs,
  );

  /** No npmrc, no caches, and no way to download anything. */
  function cleanMachine(): Record<string, string | undefined> {
    const HOME = join(folder, 'home');
    mkdirSync(HOME);
    const nowhere = 'http://127.0.0.1:9';
    return { PATH: process.env['PATH'], HOME, HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere };
  }
});

/** Bytes of all files below the folders in `parent` whose names match. */
function sizeOf(parent: string, name: RegExp): number {
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && name.test(entry.name))
    .flatMap((entry) => readdirSync(join(parent, entry.name), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .reduce((bytes, entry) => bytes + statSync(join(entry.parentPath, entry.name)).size, 0);
}
