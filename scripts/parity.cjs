'use strict';
// Runs every golden of every family at every instruction set that this CPU has, prints how far the results are from
// Transformers', and writes docs/parity.md, where the columns of sets that this CPU lacks stay as they are.
const { spawnSync } = require('node:child_process');
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const jest = require.resolve('jest/bin/jest', { paths: [root] });
const addon = require('node-gyp-build')(root);
const levels = addon.info().levels;
const folder = mkdtempSync(path.join(tmpdir(), 'parity-'));

/** Comparisons at one instruction set. */
function run(isa) {
  const file = path.join(folder, `${isa}.jsonl`);
  writeFileSync(file, '');
  const { status } = spawnSync(process.execPath, [jest, 'test/models', '--silent'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NATIVE_TRANSFORMERS_ISA: isa, NATIVE_TRANSFORMERS_PARITY: file },
  });
  if (status !== 0) {
    console.error(`the goldens do not pass at ${isa}: run npx jest test/models with NATIVE_TRANSFORMERS_ISA=${isa}`);
    process.exitCode = 1;
  }
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

const results = new Map(levels.map((isa) => [isa, run(isa)]));
rmSync(folder, { recursive: true, force: true });

const rows = new Map();
for (const [isa, lines] of results)
  for (const { model_type, model_class, error } of lines) {
    const row = rows.get(model_class) ?? { model_type, model_class, cases: 0, worst: {} };
    if (isa === levels.at(-1)) row.cases++;
    row.worst[isa] = Math.max(row.worst[isa] ?? 0, error);
    rows.set(model_class, row);
  }

const page = path.join(root, 'docs', 'parity.md');
const before = columnsOf(existsSync(page) ? readFileSync(page, 'utf8') : '');
const others = before.levels.filter((isa) => !levels.includes(isa));
const shown = [...levels, ...others];

/** What a page says of each class by instruction set. */
function columnsOf(text) {
  const [head = [], , ...body] = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, -1),
    );
  const [, , , ...names] = head;
  const of = new Map(
    body.map(([, name, , ...errors]) => [name, Object.fromEntries(errors.map((e, i) => [names[i], e]))]),
  );
  return { levels: names, of };
}

const cells = [...rows.values()]
  .sort((a, b) => a.model_type.localeCompare(b.model_type) || a.model_class.localeCompare(b.model_class))
  .map(({ model_type, model_class, cases, worst }) => [
    model_type,
    model_class,
    cases,
    ...levels.map((isa) => (worst[isa] ?? 0).toExponential(1)),
    ...others.map((isa) => before.of.get(model_class)?.[isa] ?? '–'),
  ]);
const references = [...new Set([...results.values()].flat().map((line) => line.reference))].sort();
const table = [
  ['family', 'class', 'outputs', ...shown],
  ['---', '---', '---', ...shown.map(() => '---')],
  ...cells,
].map((row) => `| ${row.join(' | ')} |`);

const text = `# Parity with Transformers

The largest error of every class over its goldens (random checkpoints; lengths, masks, padding on either side, labels,
hidden states, attentions), relative to the largest value of each output, by instruction set. The references are
Transformers ${references.join(' and ')}, in float64, rounded once. Tests fail above 2e-5. Made by \`npm run parity\`; a dash
is an instruction set that the CPU of the class's last run lacks.

${table.join('\n')}
`;
writeFileSync(page, text);
console.log(table.join('\n'));
