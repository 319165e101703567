/**
 * Puts all modules of dist/ into one file, dist/modules.js: Node takes twice as long to find and read hundreds of files as
 * to run them. Each module stays where it was, as a line that asks that file for it, and runs when it is first asked for.
 * Declarations stay as they are; the map leads from the one file back to lib/.
 */
const { buildSync } = require('esbuild');
const { readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { dirname, join, relative, sep } = require('node:path');

const root = join(__dirname, '..');
const dist = join(root, 'dist');
const oneFile = join(dist, 'modules.js');
const modules = namesIn(join(root, 'lib'), '.ts');
for (const name of namesIn(dist, '.js')) if (!modules.includes(name)) rmSync(join(dist, `${name}.js`));

const entries = modules.map((name) => `  ${JSON.stringify(name)}: () => require(${JSON.stringify(`./${name}.js`)}),\n`);
buildSync({
  stdin: {
    contents: `const modules = {\n${entries.join('')}};\nmodule.exports = (name) => modules[name]();\n`,
    resolveDir: dist,
    sourcefile: 'modules',
  },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  packages: 'external',
  sourcemap: 'linked',
  sourcesContent: false,
  outfile: oneFile,
  logLevel: 'warning',
});

const one = require(oneFile);
for (const name of modules) {
  const file = join(dist, `${name}.js`);
  const [hashbang = ''] = /^#!.*\n/.exec(readFileSync(file, 'utf8')) ?? [];
  const there = relative(dirname(file), oneFile).split(sep).join('/');
  const path = there.startsWith('.') ? there : `./${there}`;
  const lines = [`module.exports = require('${path}')('${name}');`];
  // Node tells from these, which never run, what names an `import` can have.
  if (name === 'index') lines.push(`0 && (module.exports = { ${Object.keys(one(name)).join(', ')} });`);
  writeFileSync(file, `${hashbang}${lines.join('\n')}\n`);
  rmSync(`${file}.map`);
}

/** Files below `folder` that end so, without that end. */
function namesIn(folder, end) {
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith(end))
    .map((file) => file.slice(0, -end.length).split(sep).join('/'))
    .sort();
}
