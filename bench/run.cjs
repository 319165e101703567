'use strict';
// Compiles bench/ into .cache/bench and runs it. What it imports from lib/ is taken from dist/: what ships is measured.
const { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { transformSync } = require('@babel/core');

const root = path.join(__dirname, '..');
const source = __dirname;
const target = path.join(root, '.cache', 'bench');

function main() {
  if (!existsSync(path.join(root, 'dist', 'index.js'))) {
    console.error('dist/ is not built: npm run build');
    process.exit(1);
  }
  for (const file of readdirSync(source, { recursive: true })) {
    if (file.endsWith('.ts') && !file.includes('results')) compile(file);
  }
  require(path.join(target, 'main.js')).main(process.argv.slice(2));
}

function compile(file) {
  const from = path.join(source, file);
  const to = path.join(target, file.replace(/\.ts$/, '.js'));
  if (existsSync(to) && statSync(to).mtimeMs > Math.max(statSync(from).mtimeMs, statSync(__filename).mtimeMs)) return;
  const { code } = transformSync(readFileSync(from, 'utf8'), {
    filename: from,
    babelrc: false,
    configFile: false,
    sourceMaps: 'inline',
    presets: [['@babel/preset-typescript', { allowDeclareFields: true }]],
    plugins: [
      [importDist, { from: path.dirname(from), to: path.dirname(to) }],
      '@babel/plugin-transform-explicit-resource-management',
      '@babel/plugin-transform-modules-commonjs',
    ],
  });
  mkdirSync(path.dirname(to), { recursive: true });
  writeFileSync(to, code);
}

/** Turns imports of lib/ into imports of dist/, as seen from the compiled file. */
function importDist() {
  return {
    visitor: {
      'ImportDeclaration|ExportNamedDeclaration|ExportAllDeclaration'(node, { opts }) {
        const request = node.node.source;
        if (!request?.value.startsWith('.')) return;
        const inLib = path.relative(path.join(root, 'lib'), path.join(opts.from, request.value));
        if (!inLib.startsWith('..')) request.value = path.relative(opts.to, path.join(root, 'dist', inLib));
      },
    },
  };
}

main();
