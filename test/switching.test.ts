import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as transformers from '../lib';
import programs from './goldens/switching/programs.cjs';
import { shapeOf } from './goldens/switching/shape-of.cjs';
import shapes from './goldens/switching/shapes.json';

/** The names that the programs use, and the checkpoints that they stand for. */
const checkpoints = { feat: 'bert', ner: 'bert', mlm: 'bert', qa: 'bert', judge: 'judge', stars: 'distilbert' };
/** What results have here besides: where a token or an answer stands in its text. */
const more = ['start', 'end'];

const { env, LogLevel } = transformers;
const before = { localModelPath: env.localModelPath, logLevel: env.logLevel };
let models: string;

beforeAll(() => {
  models = mkdtempSync(join(tmpdir(), 'switching-'));
  for (const [name, checkpoint] of Object.entries(checkpoints)) linkCheckpoint(checkpoint, name);
  transformers.setLogHook(() => {});
});
beforeEach(() => Object.assign(env, { localModelPath: models, logLevel: LogLevel.ERROR, allowRemoteModels: false }));
afterAll(() => {
  transformers.setLogHook(null);
  Object.assign(env, before, { allowRemoteModels: true });
  rmSync(models, { recursive: true });
});

/** A checkpoint's labels are those of its classifier, whichever of its heads is loaded: 'qa' goes without them. */
function linkCheckpoint(checkpoint: string, name: string): void {
  const [from, to] = [join(__dirname, 'goldens', 'pipelines', checkpoint), join(models, name)];
  if (name !== 'qa') {
    symlinkSync(from, to);
    return;
  }
  mkdirSync(to);
  for (const file of readdirSync(from)) if (file !== 'config.json') symlinkSync(join(from, file), join(to, file));
  const { id2label, label2id, ...config } = JSON.parse(readFileSync(join(from, 'config.json'), 'utf8'));
  writeFileSync(join(to, 'config.json'), JSON.stringify(config));
}

/** `ours` without what it has besides, where `theirs` is an object. */
function common(theirs: unknown, ours: unknown): unknown {
  if (Array.isArray(theirs) && Array.isArray(ours)) return ours.map((item, i) => common(theirs[i], item));
  if (!isObject(theirs) || !isObject(ours)) return ours;
  const kept = Object.entries(ours).filter(([key]) => key in theirs || !more.includes(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, common(theirs[key], value)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

describe('a program written for transformers.js 4.3 gives what it gives there', () => {
  it.each(Object.entries(programs))('%s', async (name, program) => {
    const theirs = (shapes as Record<string, unknown>)[name];
    expect(theirs).toBeDefined();
    expect(common(theirs, shapeOf(await program(transformers)))).toEqual(theirs);
  });
});
