/**
 * Writes lib/models/index.ts from the folders beside it: every export of every family by its name, and the families by
 * model_type, which is what the Auto classes may load. `--check` writes nothing and fails when the file is not up to date.
 */
const { existsSync, readdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const folder = join(__dirname, '..', 'lib', 'models');
const index = join(folder, 'index.ts');

/** Names of the families: the folders with a model.ts, which are model types letter for letter. */
function families() {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'model.ts')))
    .sort();
}

/** `xlm-roberta` → `xlmRoberta`. */
function identifier(name) {
  return name.replace(/[-_](.)/g, (_, letter) => letter.toUpperCase());
}

function makeIndex() {
  const names = families();
  const entries = names.map((name) => {
    const key = identifier(name) === name ? name : `'${name}': ${identifier(name)}`;
    return `  ${key},`;
  });
  return [
    '// Made by scripts/make-models-index.cjs from the folders beside this file; run it after adding one.',
    ...names.map((name) => `import * as ${identifier(name)} from './${name}/model';`),
    '',
    ...names.map((name) => `export * from './${name}/model';`),
    '',
    '/** The families by model_type. */',
    'export const modelTypes = {',
    ...entries,
    '} as const;',
    '',
  ].join('\n');
}

module.exports = { families, makeIndex };

if (require.main === module) {
  const text = makeIndex();
  const current = existsSync(index) ? readFileSync(index, 'utf8') : '';
  if (process.argv.includes('--check')) {
    if (text !== current) {
      console.error('lib/models/index.ts is stale; run: node scripts/make-models-index.cjs');
      process.exit(1);
    }
  } else if (text !== current) {
    writeFileSync(index, text);
  }
}
