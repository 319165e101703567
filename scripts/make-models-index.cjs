/**
 * Writes the indexes in lib/models from the folders beside them: index.ts with every export of every family by its name, and
 * the families by model_type, which is what the Auto classes may load; tensorflow.ts and flax.ts with the classes of those
 * frameworks, which framework-classes.cjs lists. `--check` writes nothing and fails when a file is not up to date.
 */
const { existsSync, readdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { modelTypes, viewsOf } = require('./framework-classes.cjs');

const folder = join(__dirname, '..', 'lib', 'models');
const head = '// Made by scripts/make-models-index.cjs from the folders beside this file; run it after adding one.';

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
    head,
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

/** The classes of one framework. @param framework - 'TF' or 'Flax', which their names begin with */
function makeViews(framework) {
  const view = framework === 'TF' ? 'tfView' : 'flaxView';
  const known = modelTypes.filter((type) => viewsOf(type, framework).length > 0);
  const classes = known.flatMap((type) =>
    viewsOf(type, framework).map(([name, viewed]) => {
      const kind = /Pre[Tt]rainedModel$/.test(name) ? 'abstract class' : 'class';
      return `export ${kind} ${name} extends ${view}(${identifier(type)}.${viewed}) {}`;
    }),
  );
  return [
    head,
    `import { ${view} } from '../pretrained/views/${framework === 'TF' ? 'tensorflow' : 'flax'}';`,
    ...known.map((type) => `import * as ${identifier(type)} from './${type}/model';`),
    '',
    ...classes,
    '',
  ].join('\n');
}

/** Every file that is made, by its name. */
function makeFiles() {
  return { 'index.ts': makeIndex(), 'tensorflow.ts': makeViews('TF'), 'flax.ts': makeViews('Flax') };
}

module.exports = { families, makeFiles, makeIndex };

if (require.main === module) {
  for (const [name, text] of Object.entries(makeFiles())) {
    const file = join(folder, name);
    const current = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text === current) continue;
    if (process.argv.includes('--check')) {
      console.error(`lib/models/${name} is stale; run: node scripts/make-models-index.cjs`);
      process.exitCode = 1;
    } else writeFileSync(file, text);
  }
}
