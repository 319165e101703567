// Embeds the bundled rows with the toy checkpoint, as the command line does it, and looks at what came out.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..');
const out = join(root, 'out', 'demo');

const show = (path) => relative(process.cwd(), path);
const words = ['embed', show(join(here, 'rows.jsonl')), '--model', show(join(here, 'toy-embedder')), '--format', 'npy', '-o', show(out)];

rmSync(out, { recursive: true, force: true });
console.log(`$ npx native-transformers ${words.join(' ')}`);
const { status } = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'main.js'), ...words], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

const { default: transformers } = await import('../dist/index.js');
const rows = readFileSync(join(here, 'rows.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const { parts } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
const files = parts.map(({ file }) => readVectors(join(out, file)));
const vectors = transformers.cat(files, 0); // [rows, C], each of length 1

// The nearest neighbour of every row: the largest product with another row.
const scores = await transformers.matmul(vectors, vectors.transpose(0, 1)); // [rows, rows]
const [, nearest] = await transformers.topk(scores, 2); // the first is the row itself
const neighbours = Array.from(await nearest.getData(), Number);
let same = 0;
const other = (i) => (neighbours[2 * i] === i ? neighbours[2 * i + 1] : neighbours[2 * i]);
rows.forEach((row, i) => {
  if (rows[other(i)].topic === row.topic) same++;
});

console.log('\nNearest neighbours:');
for (const i of [0, 1, 2, 700, 1400, 2100]) {
  console.log(`  ${rows[i].text}\n    ${rows[other(i)].text}\n`);
}
console.log(`The nearest neighbour has the same topic for ${((100 * same) / rows.length).toFixed(1)} % of ${rows.length} rows.`);
console.log(`Report: ${show(join(out, 'report.html'))}`);

/** A .npy file of float32 [rows, C]. */
function readVectors(path) {
  const bytes = readFileSync(path);
  const headerLength = bytes.readUInt16LE(8);
  const shape = /'shape': \((\d+), (\d+)\)/.exec(bytes.toString('latin1', 10, 10 + headerLength)).slice(1).map(Number);
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 10 + headerLength, bytes.byteOffset + bytes.length));
  return new transformers.Tensor('float32', data, shape);
}
