/**
 * Runs the programs of switching/programs.cjs on transformers.js, and writes what came of them to switching/shapes.json.
 *
 *     npm install --no-save --ignore-scripts @huggingface/transformers@4.3.1
 *     python test/goldens/make_switching.py --out FOLDER      # the checkpoints as ONNX
 *     node test/goldens/make_switching.mjs FOLDER
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const here = fileURLToPath(new URL('./switching/', import.meta.url));
const programs = require(join(here, 'programs.cjs'));
const { shapeOf } = require(join(here, 'shape-of.cjs'));
const transformers = await import(argv[3] ?? '@huggingface/transformers');

transformers.env.localModelPath = join(argv[2], '/');
transformers.env.allowRemoteModels = false;
transformers.env.logLevel = transformers.LogLevel.NONE;
const shapes = {};
for (const [name, program] of Object.entries(programs)) shapes[name] = shapeOf(await program(transformers));
writeFileSync(join(here, 'shapes.json'), `${JSON.stringify(shapes, null, 1)}\n`);
exit(0);
